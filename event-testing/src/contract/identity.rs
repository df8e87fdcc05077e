//! Event ids: an append that is repeated with the same ids is stored once, and returns the same result each time.

use super::{Subject, append, everything, exact, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::{
    Delete, Error, EventId, EventStore, NewEvent, Outcome, Scope, StreamVersion, Tenant,
};

fn batch(ids: &[EventId]) -> Vec<NewEvent> {
    ids.iter().map(|id| NewEvent::from(Noted::new("same")).with_id(*id)).collect()
}

pub async fn a_repeated_append_returns_the_first_result(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(2)).await;
    let ids = [EventId::new(), EventId::new(), EventId::new()];
    let first = append(&store, "s", exact(2), batch(&ids)).await;
    append(&store, "s", Any, Noted::many(4)).await;
    for claim in [Any, NoStream, StreamExists, exact(0), exact(2), exact(9), exact(99)] {
        let again = store.append(&stream("s"), claim, batch(&ids)).await.unwrap();
        assert_eq!(again.outcome, Outcome::AlreadyStored, "{claim}");
        assert_eq!((again.stream_version, again.position), (first.stream_version, first.position));
    }
    assert_eq!(everything(&store).await.len(), 9);
}

pub async fn known_ids_are_found_before_any_other_check(adapter: Subject) {
    let store = EventStore::builder(adapter).stream_limit(Some(2)).build().unwrap();
    let ids = [EventId::new(), EventId::new()];
    let first = append(&store, "s", NoStream, batch(&ids)).await;
    let full = store.append(&stream("s"), Any, batch(&ids)).await.unwrap();
    assert_eq!((full.outcome, full.position), (Outcome::AlreadyStored, first.position));
    store.delete_stream(&stream("s"), Any, Delete::Soft).await.unwrap();
    let deleted = store.append(&stream("s"), Any, batch(&ids)).await.unwrap();
    assert_eq!((deleted.outcome, deleted.position), (Outcome::AlreadyStored, first.position));
}

pub async fn ids_used_elsewhere_or_in_part_conflict(adapter: Subject) {
    let store = store(&adapter);
    let [a, b, c, d] = [EventId::new(), EventId::new(), EventId::new(), EventId::new()];
    append(&store, "s", NoStream, batch(&[a, b, c])).await;
    for (name, ids) in [
        ("other", vec![a]),    // used in another stream
        ("other", vec![d, d]), // twice in a batch
        ("s", vec![a, d]),     // only part of the batch is known
        ("s", vec![d, a]),
        ("s", vec![b, a]), // another order
        ("s", vec![a, c]), // not contiguous
        ("s", vec![a, b, c, d]),
    ] {
        for claim in [Any, NoStream, exact(3), exact(0)] {
            let error = store.append(&stream(name), claim, batch(&ids)).await.unwrap_err();
            assert!(
                matches!(error, Error::EventIdConflict { .. }),
                "{name} {ids:?} {claim}: {error}"
            );
        }
    }
    assert_eq!(everything(&store).await.len(), 3);
    let part = store.append(&stream("s"), Any, batch(&[b, c])).await.unwrap();
    assert_eq!((part.outcome, part.stream_version.get()), (Outcome::AlreadyStored, 3));
}

pub async fn event_ids_are_unique_per_tenant(adapter: Subject) {
    let store = store(&adapter);
    let other = store.with_scope(Scope::tenant(Tenant::new("other").unwrap()));
    let ids = [EventId::new()];
    append(&store, "s", NoStream, batch(&ids)).await;
    append(&other, "s", NoStream, batch(&ids)).await;
}

pub async fn racing_retries_of_one_append_store_it_once(adapter: Subject) {
    let store = store(&adapter);
    for round in 0..5 {
        let name = format!("s-{round}");
        let ids = [EventId::new(), EventId::new()];
        let tries: Vec<_> = (0..8)
            .map(|n| {
                let (store, name) = (store.clone(), stream(&name));
                let claim = [Any, NoStream][n % 2];
                tokio::spawn(async move { store.append(&name, claim, batch(&ids)).await })
            })
            .collect();
        let mut stored = 0;
        for attempt in tries {
            let appended = attempt.await.unwrap().unwrap();
            assert_eq!(appended.stream_version.get(), 2);
            stored += usize::from(appended.outcome == Outcome::Stored);
        }
        assert_eq!(stored, 1);
    }
    assert_eq!(everything(&store).await.len(), 10);
}

/// What a stream's removed events left behind: their ids, for this stream and for every other one.
async fn assert_removed_ids_are_known(
    store: &EventStore,
    ids: &[EventId],
    first: &event_core::Appended,
) {
    for claim in [Any, NoStream, StreamExists, exact(0), exact(3), exact(99)] {
        let again = store.append(&stream("s"), claim, batch(ids)).await.unwrap();
        assert_eq!(again.outcome, Outcome::AlreadyStored, "{claim}");
        assert_eq!((again.stream_version, again.position), (first.stream_version, first.position));
    }
    let one = store.append(&stream("s"), Any, batch(&ids[..1])).await.unwrap();
    assert_eq!((one.outcome, one.stream_version.get()), (Outcome::AlreadyStored, 1));
    for (name, ids) in [
        ("other", vec![ids[0]]),
        ("other", ids.to_vec()),
        ("new", vec![EventId::new(), ids[1]]),
        ("s", vec![ids[1], ids[0]]),
        ("s", vec![ids[0], EventId::new()]),
    ] {
        for claim in [Any, NoStream, exact(1)] {
            let error = store.append(&stream(name), claim, batch(&ids)).await.unwrap_err();
            assert!(matches!(error, Error::EventIdConflict { .. }), "{name} {claim}: {error}");
        }
    }
    let both = store
        .transaction()
        .append(&stream("other"), Any, Noted::many(1))
        .append(&stream("new"), Any, batch(&ids[..1]))
        .commit();
    let error = both.await.unwrap_err();
    assert!(matches!(error, Error::EventIdConflict { .. }), "{error}");
    assert!(store.read_event(ids[0]).await.unwrap().is_none(), "the event itself is gone");
}

pub async fn ids_of_truncated_events_are_never_used_again(adapter: Subject) {
    let store = store(&adapter);
    let ids = [EventId::new(), EventId::new(), EventId::new()];
    let first = append(&store, "s", NoStream, batch(&ids)).await;
    append(&store, "other", NoStream, Noted::many(1)).await;
    append(&store, "s", Any, Noted::many(2)).await;
    for before in [2, 3, 6] {
        store.truncate_before(&stream("s"), StreamVersion::new(before)).await.unwrap();
        assert_removed_ids_are_known(&store, &ids, &first).await;
    }
    assert_eq!(everything(&store).await.len(), 1);
    let next = append(&store, "s", exact(5), Noted::many(1)).await;
    assert_eq!(next.stream_version.get(), 6);
    let elsewhere = store.with_scope(Scope::tenant(Tenant::new("other").unwrap()));
    append(&elsewhere, "s", NoStream, batch(&ids)).await;
}

pub async fn ids_of_deleted_streams_are_never_used_again(adapter: Subject) {
    let store = store(&adapter);
    let ids = [EventId::new(), EventId::new(), EventId::new()];
    let first = append(&store, "s", NoStream, batch(&ids)).await;
    append(&store, "other", NoStream, Noted::many(1)).await;
    store.delete_stream(&stream("s"), Any, Delete::Hard).await.unwrap();
    assert_removed_ids_are_known(&store, &ids, &first).await;
    let new = store.append(&stream("s"), Any, Noted::many(1)).await.unwrap_err();
    assert!(matches!(new, Error::StreamDeleted { .. }), "{new}");
    assert_eq!(everything(&store).await.len(), 1);
}
