//! The health check of a store.

use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::{AllOptions, Delete, EventId, Filter, ListOptions, ReadOptions, StartFrom};

use super::{Subject, append, store, stream};
use crate::Noted;

/// How long a reader may take to notice that its store was closed.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn a_working_store_is_healthy(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", Any, Noted::many(2)).await;
    let health = store.health().await.unwrap();
    assert!(!health.server.is_empty());
    assert!(!health.read_only, "an append was stored");
    assert_eq!(health.stall, None, "no write is in flight");
    assert!(health.pool.is_none_or(|pool| pool.busy <= pool.size && pool.idle <= pool.size));
    assert!(health.schema_version.is_none_or(|version| version > 0));
}

pub async fn a_closed_store_refuses_every_call(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", Any, Noted::many(1)).await;
    let s = stream("s");
    store.close().await;
    let refused = [
        ("health", store.health().await.err()),
        ("append", store.append(&s, Any, Noted::many(1)).await.err()),
        ("transaction", store.transaction().append(&s, Any, Noted::many(1)).commit().await.err()),
        ("read_stream", store.read_stream(&s, ReadOptions::forward()).await.err()),
        ("read_all", store.read_all(AllOptions::new()).await.err()),
        ("read_event", store.read_event(EventId::new()).await.err()),
        ("stream_info", store.stream_info(&s).await.err()),
        ("list_streams", store.list_streams(ListOptions::new()).await.err()),
        ("archive_stream", store.archive_stream(&s, Any).await.err()),
        ("delete_stream", store.delete_stream(&s, Any, Delete::Soft).await.err()),
        ("link", store.link(&stream("l"), Any, [EventId::new()]).await.err()),
        ("census", store.census().await.err()),
        ("head", store.head().await.err()),
        ("subscriptions", store.subscriptions().await.err()),
        ("subscription", store.subscription("late").open().await.err()),
        ("subscribe", store.subscribe(StartFrom::Now, Filter::all()).await.err()),
    ];
    for (call, error) in refused {
        let error = error.unwrap_or_else(|| panic!("`{call}` works on a closed store"));
        assert!(!error.is_transient(), "`{call}`: a closed store stays closed: {error}");
    }
}

pub async fn readers_end_when_their_store_closes(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", Any, Noted::many(1)).await;
    let mut plain = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    plain.next().await.unwrap().unwrap();
    let mut durable = store.subscription("durable").open().await.unwrap();
    durable.next().await.unwrap().unwrap().ack().unwrap();
    let closing = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    let ends = async { (plain.next().await, durable.next().await) };
    let ends = tokio::time::timeout(PATIENCE, ends).await;
    let (plain, durable) = ends.expect("a reader waits for a store that is closed");
    closing.await.unwrap();
    let error = plain.expect("an error comes before the end").unwrap_err();
    assert!(!error.is_transient(), "{error}");
    let error = durable.map(Result::unwrap_err);
    assert!(error.is_none_or(|error| !error.is_transient()));
}
