//! Copies between stores: everything is refused, also when a copy is interrupted.

use event_core::ExpectedVersion::Any;
use event_core::{EventStore, Scope, StreamId, Tenant};
use event_sqlite::SqliteOptions;
use event_testing::Noted;
use tempfile::TempDir;

use crate::filled::{copied, fill};
use crate::flaky::FlakyAdapter;

async fn file(folder: &TempDir, name: &str) -> EventStore {
    let options = SqliteOptions::new(folder.path().join(name));
    EventStore::new(options.connect().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_copy_that_is_interrupted_ten_times_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, one) = (EventStore::in_memory().unwrap(), file(&folder, "one.db").await);
    fill(&memory).await;
    copied(&memory, &one).await;
    let two = file(&folder, "two.db").await;
    copied(&one, &two).await;
    let back = EventStore::in_memory().unwrap();
    copied(&two, &back).await;
    // The copy is a store of its own: streams continue in it, and the source does not change.
    let next = back.with_scope(Scope::tenant(Tenant::new("red").unwrap()));
    let game = StreamId::new("game-1").unwrap();
    assert_eq!(next.append(&game, Any, Noted::many(1)).await.unwrap().stream_version.get(), 13);
    assert_ne!(
        back.all_tenants().digest().await.unwrap(),
        two.all_tenants().digest().await.unwrap()
    );
}

#[tokio::test]
async fn a_target_with_other_events_is_refused_unless_positions_are_new() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (file(&folder, "from.db").await, file(&folder, "to.db").await);
    let (game, other) = (StreamId::new("game-1").unwrap(), StreamId::new("other").unwrap());
    from.append(&game, Any, Noted::many(2)).await.unwrap();
    to.append(&other, Any, Noted::many(5)).await.unwrap();
    let before = to.digest().await.unwrap();
    let refused = from.copy_to(&to).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_import", "{refused}");
    assert!(to.digest().await.unwrap().events == before.events, "nothing was stored");
    let merged = from.copy_to(&to).new_positions().await.unwrap();
    assert_eq!((merged.stored, to.digest().await.unwrap().events), (2, 7));
}

#[tokio::test]
async fn subscriptions_that_the_target_cannot_hold_are_counted() {
    let from = EventStore::in_memory().unwrap();
    for name in ["one", "two"] {
        from.subscription(name).open().await.unwrap().close().await.unwrap();
    }
    let to = EventStore::new(FlakyAdapter::new(&[]).without_checkpoints()).unwrap();
    let done = from.copy_to(&to).await.unwrap();
    assert_eq!((done.subscriptions, done.left_alone), (0, 2));
}

#[tokio::test]
async fn a_target_bound_to_a_tenant_refuses_data_of_another() {
    let (from, to) = (EventStore::in_memory().unwrap(), EventStore::in_memory().unwrap());
    fill(&from).await;
    let red = Scope::tenant(Tenant::new("red").unwrap());
    let own = from.with_scope(red.clone()).copy_to(&to).new_positions().await;
    assert_eq!(own.unwrap_err().code(), "invalid_import");
    let to = to.with_scope(red.clone());
    from.with_scope(red.clone()).copy_to(&to).new_positions().await.unwrap();
    assert_eq!(to.digest().await.unwrap(), from.with_scope(red).digest().await.unwrap());
}
