//! What a role of the application sees and may do beside the adapter.

mod grants;
mod planted;

use std::time::Duration;

use event_core::adapter::{Adapter, Checkpoint, ParkedEvent, Registered, SubscriptionKey};
use event_core::{EventId, Position};
use event_postgres::PgAdapter;
use sqlx::PgConnection;

use crate::pg;

/// The tables of durable subscriptions; a tenant named by nothing is the operator's.
const TABLES: [&str; 4] =
    ["subscriptions", "subscription_partitions", "subscription_members", "parked_events"];

/// A subscription to the events of all tenants, with a consumer and a parked event.
async fn fill(owner: &PgAdapter) {
    let key = SubscriptionKey { tenant: None, name: "mail".into() };
    let store = owner.checkpoints().unwrap();
    let wanted = Registered { filter: "all".into(), partitions: 1 };
    let id = store.register(&key, &wanted, Position::START).await.unwrap().incarnation;
    let lease =
        store.heartbeat(&key, id, "consumer-1", Duration::from_mins(1)).await.unwrap().leases;
    let parked = ParkedEvent {
        position: Position::new(7),
        event_id: EventId::new(),
        partition: 0,
        attempts: 3,
        error: "no such address".into(),
        parked_at: chrono::Utc::now(),
        replay: false,
    };
    assert!(store.park(&key, lease[0].token, &parked).await.unwrap());
    let done = Checkpoint { position: Position::new(7), event: None };
    assert!(store.save(&key, 0, lease[0].token, done, 0).await.unwrap());
}

async fn seen(connection: &mut PgConnection) -> i64 {
    let mut seen = 0;
    for table in TABLES {
        seen += pg::number(connection, &format!("SELECT count(*) FROM event_store.{table}")).await;
    }
    seen
}

#[tokio::test]
async fn a_tenant_setting_that_is_empty_names_nobody() {
    let database = pg::shared().database().await;
    let (url, owner) = crate::row_security::role(&database).await;
    fill(&owner).await;
    let mut direct = pg::connect(&url).await;
    assert_eq!(seen(&mut direct).await, 0, "never set");
    // What a setting of one transaction leaves behind is an empty text, not a missing setting.
    pg::run(&mut direct, "BEGIN; SET LOCAL events.tenant = 'red'; COMMIT").await;
    assert_eq!(seen(&mut direct).await, 0, "set by a transaction that is over");
    pg::run(&mut direct, "SET events.tenant = ''").await;
    assert_eq!(seen(&mut direct).await, 0, "set to nothing");
    pg::run(&mut direct, "SET events.all_tenants = 'on'").await;
    assert_eq!(seen(&mut direct).await, 4, "the operator sees them");
    owner.close().await;
}
