//! The machine's clock jumps while a subscription is consumed.

use event_core::EventStore;
use sqlx::SqliteConnection;

use super::{new_file, open, other_program};
use crate::jumps::{a_dead_owner_keeps_no_lease, no_event_is_missed};

async fn shift(connection: &mut SqliteConnection, seconds: i64) {
    for statement in [
        "UPDATE subscription_partitions SET lease_until = lease_until + ?1",
        "UPDATE subscription_members SET seen_until = seen_until + ?1",
    ] {
        sqlx::query(statement).bind(seconds * 1_000_000).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_dead_owner_holds_nothing_after_a_jump() {
    let path = new_file();
    let adapter = open(&path).await;
    let mut other = other_program(&path).await;
    a_dead_owner_keeps_no_lease(&adapter, async |seconds| shift(&mut other, seconds).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_it_jumps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = EventStore::new(open(&path).await).unwrap();
    let mut other = other_program(&path).await;
    no_event_is_missed(store, async |seconds| shift(&mut other, seconds).await).await;
}
