//! Deleting streams: the name stays reserved, and positions are never reused.

use super::{Subject, append, everything, exact, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::adapter::StreamState;
use event_core::{Delete, Error, EventId, EventStore, NewEvent, ReadOptions};

async fn assert_deleted(store: &EventStore, name: &str) {
    let name = stream(name);
    let read = store.read_stream(&name, ReadOptions::forward()).await.unwrap_err();
    assert!(matches!(read, Error::StreamDeleted { .. }), "{read}");
    for claim in [Any, NoStream, StreamExists, exact(0), exact(3)] {
        let error = store.append(&name, claim, Noted::many(1)).await.unwrap_err();
        assert!(matches!(error, Error::StreamDeleted { .. }), "{claim}: {error}");
    }
    assert_eq!(store.stream_version(&name).await.unwrap().get(), 0);
    let again = store.delete_stream(&name, Any, Delete::Soft).await.unwrap_err();
    assert!(matches!(again, Error::StreamDeleted { .. }), "{again}");
}

pub async fn soft_deletion_keeps_events_in_the_log(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(3)).await;
    store.delete_stream(&stream("s"), exact(3), Delete::Soft).await.unwrap();
    assert_deleted(&store, "s").await;
    assert_eq!(everything(&store).await.len(), 3, "its events stay in the log");
    let info = store.stream_info(&stream("s")).await.unwrap();
    assert_eq!((info.state, info.version.get()), (StreamState::SoftDeleted, 3));
}

pub async fn hard_deletion_removes_events(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(3)).await;
    append(&store, "t", NoStream, Noted::many(1)).await;
    store.delete_stream(&stream("s"), StreamExists, Delete::Hard).await.unwrap();
    assert_deleted(&store, "s").await;
    assert_eq!(everything(&store).await.len(), 1, "its events are gone");
    let info = store.stream_info(&stream("s")).await.unwrap();
    assert_eq!(info.state, StreamState::HardDeleted);
}

pub async fn deletion_checks_the_expected_version(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(3)).await;
    for claim in [NoStream, exact(0), exact(2), exact(999)] {
        let error = store.delete_stream(&stream("s"), claim, Delete::Soft).await.unwrap_err();
        let Error::WrongExpectedVersion { actual, .. } = error else { panic!("{claim}: {error}") };
        assert_eq!(actual.get(), 3);
    }
    for claim in [Any, StreamExists, exact(1)] {
        let error = store.delete_stream(&stream("no"), claim, Delete::Soft).await.unwrap_err();
        assert_eq!(error.code(), "stream_not_found", "{claim}");
    }
    for claim in [NoStream, exact(0)] {
        store.delete_stream(&stream("no"), claim, Delete::Soft).await.unwrap();
    }
    append(&store, "no", NoStream, Noted::many(1)).await;
}

pub async fn an_append_is_stored_before_a_racing_deletion_or_refused(adapter: Subject) {
    let store = store(&adapter);
    for (round, delete) in
        [Delete::Soft, Delete::Hard, Delete::Soft, Delete::Hard].iter().enumerate()
    {
        let name = format!("s-{round}");
        append(&store, &name, NoStream, Noted::many(1)).await;
        let writers: Vec<_> = (0..6)
            .map(|_| {
                let (store, name) = (store.clone(), stream(&name));
                tokio::spawn(async move { store.append(&name, Any, Noted::many(1)).await })
            })
            .collect();
        store.delete_stream(&stream(&name), Any, *delete).await.unwrap();
        let mut stored = 1;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(_) => stored += 1,
                Err(Error::StreamDeleted { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let log = everything(&store).await;
        let left = log.iter().filter(|event| event.stream_id().as_str() == name).count();
        assert_eq!(left, if *delete == Delete::Soft { stored } else { 0 });
    }
}

pub async fn a_softly_deleted_stream_is_removed_later(adapter: Subject) {
    let store = store(&adapter);
    let id = EventId::new();
    let first = NewEvent::from(Noted::new("x")).with_id(id);
    append(&store, "s", NoStream, vec![first.clone()]).await;
    append(&store, "s", Any, Noted::many(2)).await;
    store.link(&stream("links"), NoStream, [id]).await.unwrap();
    for name in ["s", "links"] {
        store.delete_stream(&stream(name), Any, Delete::Soft).await.unwrap();
    }
    let error = store.delete_stream(&stream("s"), exact(2), Delete::Hard).await.unwrap_err();
    assert!(matches!(error, Error::WrongExpectedVersion { .. }), "{error}");
    let error = store.archive_stream(&stream("s"), Any).await.unwrap_err();
    assert!(matches!(error, Error::StreamDeleted { .. }), "{error}");
    store.delete_stream(&stream("s"), exact(3), Delete::Hard).await.unwrap();
    store.delete_stream(&stream("links"), Any, Delete::Hard).await.unwrap();
    assert!(everything(&store).await.is_empty());
    for name in ["s", "links"] {
        let info = store.stream_info(&stream(name)).await.unwrap();
        assert_eq!(info.state, StreamState::HardDeleted);
    }
    assert_deleted(&store, "s").await;
    let again = store.delete_stream(&stream("s"), Any, Delete::Hard).await.unwrap_err();
    assert!(matches!(again, Error::StreamDeleted { .. }), "{again}");
    // Its ids stay known.
    let elsewhere = store.append(&stream("t"), NoStream, [first]).await.unwrap_err();
    assert!(matches!(elsewhere, Error::EventIdConflict { .. }), "{elsewhere}");
    assert!(store.verify().await.unwrap().is_sound());
}

pub async fn a_store_may_forbid_hard_deletion(adapter: Subject) {
    let store = EventStore::builder(adapter).forbid_hard_deletion().build().unwrap();
    append(&store, "s", NoStream, Noted::many(3)).await;
    let error = store.delete_stream(&stream("s"), Any, Delete::Hard).await.unwrap_err();
    assert_eq!(error.code(), "forbidden");
    assert!(error.to_string().contains("forbid_hard_deletion"), "{error}");
    assert_eq!(everything(&store).await.len(), 3);
    store.delete_stream(&stream("s"), Any, Delete::Soft).await.unwrap();
    let other = store.with_scope(store.scope().clone());
    let error = other.delete_stream(&stream("s"), Any, Delete::Hard).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
    assert_eq!(everything(&store).await.len(), 3);
}
