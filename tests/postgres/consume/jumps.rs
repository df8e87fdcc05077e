//! The server's clock jumps while a subscription is consumed.

use event_core::EventStore;
use sqlx::PgConnection;

use crate::jumps::{a_dead_owner_keeps_no_lease, no_event_is_missed};
use crate::pg;

async fn shift(connection: &mut PgConnection, seconds: i64) {
    for statement in [
        "UPDATE event_store.subscription_partitions SET lease_until = lease_until + $1 * interval '1 second'",
        "UPDATE event_store.subscription_members SET seen_until = seen_until + $1 * interval '1 second'",
    ] {
        sqlx::query(statement).bind(seconds).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_dead_owner_holds_nothing_after_a_jump() {
    let database = pg::shared().database().await;
    let (adapter, mut other) = (database.adapter().await, database.connection().await);
    a_dead_owner_keeps_no_lease(&adapter, async |seconds| shift(&mut other, seconds).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_it_jumps() {
    let database = pg::shared().database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    let mut other = database.connection().await;
    no_event_is_missed(store, async |seconds| shift(&mut other, seconds).await).await;
}
