//! Archived and truncated streams: the remaining events can be read, versions continue.

use super::{Subject, append, everything, exact, store, stream, versions};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::adapter::StreamState;
use event_core::{Delete, Error, EventStore, ReadOptions, StreamVersion};

const fn version(n: u64) -> StreamVersion {
    StreamVersion::new(n)
}

pub async fn archived_streams_are_read_only(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(3)).await;
    let name = stream("s");
    let wrong = store.archive_stream(&name, exact(2)).await.unwrap_err();
    assert!(matches!(wrong, Error::WrongExpectedVersion { actual, .. } if actual == version(3)));
    store.archive_stream(&name, exact(3)).await.unwrap();
    store.archive_stream(&name, Any).await.unwrap();
    let page = store.read_stream(&name, ReadOptions::forward()).await.unwrap();
    assert_eq!(versions(&page), [1, 2, 3]);
    for claim in [Any, NoStream, StreamExists, exact(3), exact(9)] {
        let error = store.append(&name, claim, Noted::many(1)).await.unwrap_err();
        assert!(matches!(error, Error::StreamArchived { .. }), "{claim}: {error}");
    }
    assert_eq!(store.stream_version(&name).await.unwrap(), version(3));
    assert_eq!(store.stream_info(&name).await.unwrap().state, StreamState::Archived);
    assert_eq!(everything(&store).await.len(), 3);
    store.delete_stream(&name, exact(3), Delete::Soft).await.unwrap();
    let gone = store.archive_stream(&name, Any).await.unwrap_err();
    assert!(matches!(gone, Error::StreamDeleted { .. }), "{gone}");
    for claim in [Any, NoStream] {
        let missing = store.archive_stream(&stream("missing"), claim).await.unwrap_err();
        assert!(matches!(missing, Error::StreamNotFound { .. }), "{missing}");
    }
}

pub async fn known_ids_are_found_in_an_archived_stream(adapter: Subject) {
    let store = store(&adapter);
    let notes = Noted::many(2);
    let first = append(&store, "s", NoStream, notes.clone()).await;
    store.archive_stream(&stream("s"), Any).await.unwrap();
    let again = store.append(&stream("s"), exact(7), notes).await.unwrap();
    assert_eq!((again.stream_version, again.position), (first.stream_version, first.position));
}

async fn remaining(store: &EventStore, name: &str) -> Vec<u64> {
    let forward = store.read_stream(&stream(name), ReadOptions::forward()).await.unwrap();
    let backward = store.read_stream(&stream(name), ReadOptions::backward()).await.unwrap();
    let mut back = versions(&backward);
    back.reverse();
    assert_eq!(versions(&forward), back);
    versions(&forward)
}

pub async fn truncated_streams_start_later_and_versions_continue(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(2_500)).await;
    append(&store, "t", NoStream, Noted::many(2)).await;
    let name = stream("s");
    for keep in [0, 1] {
        store.truncate_before(&name, version(keep)).await.unwrap();
        assert_eq!(store.stream_info(&name).await.unwrap().first_version, version(1));
    }
    store.truncate_before(&name, version(2_499)).await.unwrap();
    assert_eq!(remaining(&store, "s").await, [2_499, 2_500]);
    assert_eq!(remaining(&store, "t").await, [1, 2]);
    let from_the_start = ReadOptions::forward().from(version(1));
    assert_eq!(versions(&store.read_stream(&name, from_the_start).await.unwrap()), [2_499, 2_500]);
    assert_eq!(everything(&store).await.len(), 4, "they are gone from the log, too");
    // The first version never moves back.
    store.truncate_before(&name, version(5)).await.unwrap();
    let info = store.stream_info(&name).await.unwrap();
    assert_eq!((info.first_version, info.version), (version(2_499), version(2_500)));
    let next = append(&store, "s", exact(2_500), Noted::many(1)).await;
    assert_eq!(next.stream_version, version(2_501));
    store.truncate_before(&name, version(2_502)).await.unwrap();
    assert_eq!(remaining(&store, "s").await, [0_u64; 0]);
    assert_eq!(store.stream_version(&name).await.unwrap(), version(2_501));
    let next = append(&store, "s", exact(2_501), Noted::many(1)).await;
    assert_eq!(next.stream_version, version(2_502));
}

pub async fn truncation_beyond_the_end_or_of_a_missing_stream_is_refused(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(2)).await;
    let beyond = store.truncate_before(&stream("s"), version(4)).await.unwrap_err();
    assert!(
        matches!(beyond, Error::WrongExpectedVersion { actual, .. } if actual == version(2)),
        "{beyond}"
    );
    assert_eq!(remaining(&store, "s").await, [1, 2]);
    let missing = store.truncate_before(&stream("missing"), version(1)).await.unwrap_err();
    assert!(matches!(missing, Error::StreamNotFound { .. }), "{missing}");
    store.delete_stream(&stream("s"), Any, Delete::Soft).await.unwrap();
    let gone = store.truncate_before(&stream("s"), version(2)).await.unwrap_err();
    assert!(matches!(gone, Error::StreamDeleted { .. }), "{gone}");
}

pub async fn the_stream_limit_counts_the_events_left_by_truncation(adapter: Subject) {
    let store = EventStore::builder(adapter).stream_limit(Some(3)).build().unwrap();
    let name = stream("s");
    store.append(&name, NoStream, Noted::many(3)).await.unwrap();
    let full = store.append(&name, Any, Noted::many(1)).await.unwrap_err();
    assert!(matches!(full, Error::StreamLimitReached { .. }), "{full}");
    store.truncate_before(&name, version(3)).await.unwrap();
    let next = store.append(&name, exact(3), Noted::many(2)).await.unwrap();
    assert_eq!(next.stream_version, version(5));
}
