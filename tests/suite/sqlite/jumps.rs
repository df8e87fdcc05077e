//! The clock of the machine jumps while a subscription is consumed.

use event_core::EventStore;
use sqlx::SqliteConnection;

use super::{new_file, open, plain_connection};
use crate::jumps::{a_dead_owner_keeps_no_lease, no_event_is_missed};

/// Moves the stored times of leases, which to the store is a jump of the clock in the other direction.
async fn shift(connection: &mut SqliteConnection, seconds: i64) {
    for statement in [
        "UPDATE subscription_partitions SET lease_until = lease_until + ?1",
        "UPDATE subscription_members SET seen_until = seen_until + ?1",
    ] {
        sqlx::query(statement).bind(seconds * 1_000_000).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn leases_of_a_dead_owner_expire_after_a_clock_jump() {
    let path = new_file();
    let adapter = open(&path).await;
    let mut other = plain_connection(&path).await;
    a_dead_owner_keeps_no_lease(&adapter, async |seconds| shift(&mut other, seconds).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_while_the_clock_jumps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = EventStore::new(open(&path).await).unwrap();
    let mut other = plain_connection(&path).await;
    no_event_is_missed(store, async |seconds| shift(&mut other, seconds).await).await;
}
