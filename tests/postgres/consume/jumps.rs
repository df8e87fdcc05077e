//! The server's clock jumps while a subscription is consumed.

use event_core::EventStore;
use sqlx::PgConnection;

use crate::jumps::{a_dead_owner_keeps_no_lease, no_event_is_missed};
use crate::pg;

/// Moves the stored times of leases, which to the store is a jump of the clock in the other direction.
async fn shift(connection: &mut PgConnection, seconds: i64) {
    for statement in [
        "UPDATE event_store.subscription_partitions SET lease_until = lease_until + $1 * interval '1 second'",
        "UPDATE event_store.subscription_members SET seen_until = seen_until + $1 * interval '1 second'",
    ] {
        sqlx::query(statement).bind(seconds).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn leases_of_a_dead_owner_expire_after_a_clock_jump() {
    let database = pg::shared().database().await;
    let (adapter, mut other) = (database.adapter().await, database.connection().await);
    a_dead_owner_keeps_no_lease(&adapter, async |seconds| shift(&mut other, seconds).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_while_the_clock_jumps() {
    let database = pg::shared().database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    let mut other = database.connection().await;
    no_event_is_missed(store, async |seconds| shift(&mut other, seconds).await).await;
}
