//! Copies between stores: everything is kept, whatever happens on the way.

use event_core::ExpectedVersion::Any;
use event_core::transfer::{CopyOptions, copy};
use event_core::{EventStore, Scope, StreamId, Tenant};
use event_sqlite::SqliteOptions;
use event_testing::Noted;
use tempfile::TempDir;

use crate::filled::{copied, fill};

async fn file(folder: &TempDir, name: &str) -> EventStore {
    let options = SqliteOptions::new(folder.path().join(name));
    EventStore::new(options.connect().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_copy_that_is_cut_off_ten_times_ends_with_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, one) = (EventStore::in_memory().unwrap(), file(&folder, "one.db").await);
    fill(&memory).await;
    copied(&memory, &one).await;
    let two = file(&folder, "two.db").await;
    copied(&one, &two).await;
    let back = EventStore::in_memory().unwrap();
    copied(&two, &back).await;
    // It goes on where it was copied to, and is another store from then on.
    let next = back.with_scope(Scope::tenant(Tenant::new("red").unwrap()));
    let game = StreamId::new("game-1").unwrap();
    assert_eq!(next.append(&game, Any, Noted::many(1)).await.unwrap().stream_version.get(), 13);
    assert_ne!(
        back.all_tenants().digest().await.unwrap(),
        two.all_tenants().digest().await.unwrap()
    );
}

#[tokio::test]
async fn a_store_that_holds_something_else_is_refused_or_merged_by_choice() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (file(&folder, "from.db").await, file(&folder, "to.db").await);
    let (game, other) = (StreamId::new("game-1").unwrap(), StreamId::new("other").unwrap());
    from.append(&game, Any, Noted::many(2)).await.unwrap();
    to.append(&other, Any, Noted::many(5)).await.unwrap();
    let before = to.digest().await.unwrap();
    let kept = copy(&from, &to, CopyOptions::new()).await.unwrap_err();
    assert_eq!(kept.code(), "invalid_import", "{kept}");
    assert!(to.digest().await.unwrap().events == before.events, "nothing of it was stored");
    let merged = copy(&from, &to, CopyOptions::new().new_positions()).await.unwrap();
    assert_eq!((merged.stored, to.digest().await.unwrap().events), (2, 7));
}

#[tokio::test]
async fn a_handle_of_one_tenant_takes_nothing_of_another() {
    let (from, to) = (EventStore::in_memory().unwrap(), EventStore::in_memory().unwrap());
    fill(&from).await;
    let red = Scope::tenant(Tenant::new("red").unwrap());
    let own = copy(&from.with_scope(red.clone()), &to, CopyOptions::new().new_positions()).await;
    assert_eq!(own.unwrap_err().code(), "invalid_import");
    let to = to.with_scope(red.clone());
    copy(&from.with_scope(red.clone()), &to, CopyOptions::new().new_positions()).await.unwrap();
    assert_eq!(to.digest().await.unwrap(), from.with_scope(red).digest().await.unwrap());
}
