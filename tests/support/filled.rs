//! A store with everything that a copy must keep, and interrupted copies of it.

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{
    BatchSize, Delete, EventStore, Metadata, NewEvent, RecordedEvent, Scope, StreamId,
    StreamVersion, Tenant,
};
use event_testing::Noted;
use tokio::sync::Notify;

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// Fills a store with two tenants, streams in every state, metadata and links; their events are interleaved.
pub(crate) async fn fill(store: &EventStore) {
    for tenant in ["red", "blue"] {
        let store = store.with_scope(Scope::tenant(Tenant::new(tenant).unwrap()));
        for round in 0..12 {
            for name in ["game-1", "game-2", "archived", "truncated", "soft", "hard"] {
                let raw = format!(r#"{{ "b":[1, 2] ,"round":{round}}}"#);
                let metadata = Metadata::from_json(raw).unwrap();
                let event = NewEvent::from(Noted::new(format!("{name} \u{1f3b2} {round}")));
                store.append(&stream(name), Any, [event.with_metadata(metadata)]).await.unwrap();
            }
        }
        let linked = store.read_stream(&stream("game-2"), event_core::ReadOptions::forward()).await;
        let linked: Vec<_> = linked.unwrap().iter().take(3).map(RecordedEvent::event_id).collect();
        store.link(&stream("topic"), NoStream, linked).await.unwrap();
        store.archive_stream(&stream("archived"), Any).await.unwrap();
        let first = StreamVersion::new(5);
        store.truncate_before(&stream("truncated"), first).await.unwrap();
        store.delete_stream(&stream("soft"), Any, Delete::Soft).await.unwrap();
        store.delete_stream(&stream("hard"), Any, Delete::Hard).await.unwrap();
    }
}

/// Copies in small pages and drops the copy after this many pages.
pub(crate) async fn interrupted(from: &EventStore, to: &EventStore, pages: usize) {
    let (interrupt, mut seen) = (Notify::new(), 0);
    let copying = from.copy_to(to).limit(BatchSize::new(10).unwrap()).progress(|at| {
        assert!(at.position <= at.end);
        seen += 1;
        if seen == pages {
            interrupt.notify_one();
        }
    });
    tokio::select! {
        biased;
        () = interrupt.notified() => {}
        done = copying.into_future() => drop(done.unwrap()),
    }
}

/// Copies everything, after ten interrupted copies, and compares the digests of both stores.
pub(crate) async fn copied(from: &EventStore, to: &EventStore) {
    let (from, to) = (from.all_tenants(), to.all_tenants());
    for pages in 1..=10 {
        interrupted(&from, &to, pages).await;
    }
    let done = from.copy_to(&to).await.unwrap();
    assert!(done.skipped > 0, "{done:?}: what was copied before is skipped");
    let (source, target) = (from.digest().await.unwrap(), to.digest().await.unwrap());
    assert_eq!(source, target);
    assert_eq!((source.streams, source.events), (14, 2 * (12 * 5 - 4)));
}
