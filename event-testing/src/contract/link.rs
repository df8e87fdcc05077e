//! Streams of links: events of other streams under versions of the stream of links.

use super::{Subject, append, everything, exact, store, stream, versions};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::adapter::StreamState;
use event_core::{
    BatchSize, Delete, Error, EventId, EventStore, ListOptions, NewEvent, Outcome, ReadOptions,
    RecordedEvent, Scope, StreamVersion, Tenant,
};

/// Notes and their ids.
fn notes(count: usize) -> (Vec<EventId>, Vec<NewEvent>) {
    let ids: Vec<EventId> = (0..count).map(|_| EventId::new()).collect();
    let notes = ids.iter().map(|id| NewEvent::from(Noted::new("linked")).with_id(*id)).collect();
    (ids, notes)
}

/// Appends `count` events to a stream and returns their ids.
async fn filled(store: &EventStore, name: &str, count: usize) -> Vec<EventId> {
    let (ids, notes) = notes(count);
    append(store, name, NoStream, notes).await;
    ids
}

async fn page(store: &EventStore, name: &str, options: ReadOptions) -> Vec<RecordedEvent> {
    store.read_stream(&stream(name), options).await.unwrap()
}

fn ids(events: &[RecordedEvent]) -> Vec<EventId> {
    events.iter().map(RecordedEvent::event_id).collect()
}

pub async fn linked_events_keep_their_position_and_origin(adapter: Subject) {
    let store = store(&adapter);
    let (a, b) = (filled(&store, "a", 3).await, filled(&store, "b", 2).await);
    let before = everything(&store).await;
    let order = [b[1], a[0], a[2], b[0]];
    let linked = store.link(&stream("links-1"), NoStream, order).await.unwrap();
    let last = store.read_event(b[0]).await.unwrap().unwrap();
    assert_eq!((linked.stream_version, linked.outcome), (StreamVersion::new(4), Outcome::Stored));
    assert_eq!(linked.position, last.position());

    let forward = page(&store, "links-1", ReadOptions::forward()).await;
    assert_eq!((ids(&forward), versions(&forward)), (order.to_vec(), vec![1, 2, 3, 4]));
    for link in &forward {
        let event = store.read_event(link.event_id()).await.unwrap().unwrap();
        assert_eq!(event.origin(), None);
        assert_eq!(link.stream_id(), &stream("links-1"));
        assert_eq!(link.origin(), Some((event.stream_id(), event.stream_version())));
        assert_eq!(link, &event.linked(link.stream_id().clone(), link.stream_version()));
    }
    let from = StreamVersion::new(3);
    let two = BatchSize::new(2).unwrap();
    let back = page(&store, "links-1", ReadOptions::backward().from(from).limit(two)).await;
    assert_eq!(versions(&back), [3, 2]);
    assert_eq!(versions(&page(&store, "links-1", ReadOptions::backward()).await), [4, 3, 2, 1]);
    assert_eq!(versions(&page(&store, "links-1", ReadOptions::forward().from(from)).await), [3, 4]);
    assert!(
        page(&store, "links-1", ReadOptions::forward().from(from.next().next())).await.is_empty()
    );
    assert_eq!(everything(&store).await, before, "the log has each event once");

    let info = store.stream_info(&stream("links-1")).await.unwrap();
    assert_eq!((info.version, info.holds_links), (StreamVersion::new(4), true));
    assert!(!store.stream_info(&stream("a")).await.unwrap().holds_links);
    let listed = store.list_streams(ListOptions::new().category("links")).await.unwrap();
    assert_eq!(listed, [info]);
    assert_eq!(store.stream_version(&stream("links-1")).await.unwrap(), StreamVersion::new(4));
}

pub async fn every_expected_version_of_a_link_is_checked(adapter: Subject) {
    let store = store(&adapter);
    let events = filled(&store, "a", 9).await;
    let name = stream("links");
    for claim in [StreamExists, exact(1)] {
        let error = store.link(&name, claim, [events[0]]).await.unwrap_err();
        assert!(
            matches!(error, Error::WrongExpectedVersion { actual, .. } if actual.get() == 0),
            "{error}"
        );
    }
    for (at, claim) in [NoStream, exact(1), StreamExists, Any].into_iter().enumerate() {
        let linked = store.link(&name, claim, [events[at]]).await.unwrap();
        assert_eq!(linked.stream_version.get(), at as u64 + 1);
    }
    for claim in [NoStream, exact(0), exact(3), exact(5)] {
        let error = store.link(&name, claim, [events[8]]).await.unwrap_err();
        assert!(
            matches!(error, Error::WrongExpectedVersion { actual, .. } if actual.get() == 4),
            "{error}"
        );
    }
    let small = EventStore::builder(adapter).stream_limit(Some(5)).build().unwrap();
    let full = small.link(&name, Any, [events[7], events[8]]).await.unwrap_err();
    assert!(matches!(full, Error::StreamLimitReached { limit: 5, actual: 4, .. }), "{full}");
    assert_eq!(page(&store, "links", ReadOptions::forward()).await.len(), 4);
}

pub async fn a_link_to_missing_events_is_refused_and_names_them(adapter: Subject) {
    let store = store(&adapter);
    let events = filled(&store, "a", 2).await;
    let other = store.with_scope(Scope::tenant(Tenant::new("other").unwrap()));
    let foreign = filled(&other, "a", 1).await[0];
    let unknown = EventId::new();
    for claim in [Any, NoStream] {
        let requested = [events[0], unknown, foreign, events[1]];
        let error = store.link(&stream("links"), claim, requested).await.unwrap_err();
        match error {
            Error::EventsNotFound { event_ids, .. } => assert_eq!(event_ids, [unknown, foreign]),
            other => panic!("{other}"),
        }
    }
    let without_events = store.with_scope(Scope::tenant(Tenant::new("empty").unwrap()));
    let error = without_events.link(&stream("links"), Any, [events[0]]).await.unwrap_err();
    assert!(matches!(error, Error::EventsNotFound { .. }), "{error}");
    let missing = store.stream_info(&stream("links")).await.unwrap_err();
    assert!(matches!(missing, Error::StreamNotFound { .. }), "no stream was created: {missing}");
    let empty = store.link(&stream("links"), Any, []).await.unwrap_err();
    assert!(matches!(empty, Error::InvalidEventData { .. }), "{empty}");
    let many = (0..=BatchSize::MAX.get()).map(|_| EventId::new());
    let many = store.link(&stream("links"), Any, many.collect::<Vec<_>>()).await.unwrap_err();
    assert!(matches!(many, Error::InvalidBatchSize(_)), "{many}");
}

pub async fn a_repeated_link_returns_the_first_result(adapter: Subject) {
    let store = store(&adapter);
    let events = filled(&store, "a", 6).await;
    let name = stream("links");
    let first = store.link(&name, NoStream, events[1..4].to_vec()).await.unwrap();
    store.link(&name, exact(3), [events[0]]).await.unwrap();
    for claim in [Any, NoStream, StreamExists, exact(0), exact(4), exact(9)] {
        let again = store.link(&name, claim, events[1..4].to_vec()).await.unwrap();
        assert_eq!(again.outcome, Outcome::AlreadyStored, "{claim}");
        assert_eq!((again.stream_version, again.position), (first.stream_version, first.position));
    }
    for requested in [
        vec![events[3], events[4]], // only some are linked
        vec![events[2], events[1]], // another order
        vec![events[1], events[3]], // not contiguous
        vec![events[5], events[5]], // twice
    ] {
        let error = store.link(&name, Any, requested).await.unwrap_err();
        assert!(matches!(error, Error::EventIdConflict { .. }), "{error}");
    }
    store.archive_stream(&name, Any).await.unwrap();
    let again = store.link(&name, exact(7), [events[0]]).await.unwrap();
    assert_eq!((again.outcome, again.stream_version.get()), (Outcome::AlreadyStored, 4));
    assert_eq!(page(&store, "links", ReadOptions::forward()).await.len(), 4);
}

pub async fn a_stream_holds_events_or_links(adapter: Subject) {
    let store = store(&adapter);
    let events = filled(&store, "a", 3).await;
    store.link(&stream("links"), NoStream, [events[0]]).await.unwrap();
    let is_mixed = |error: Error, links| {
        let fits =
            matches!(&error, Error::MixedStream { holds_links, .. } if *holds_links == links);
        assert!(fits, "{error}");
    };
    for claim in [Any, NoStream, StreamExists, exact(1), exact(7)] {
        is_mixed(store.append(&stream("links"), claim, Noted::many(1)).await.unwrap_err(), true);
        is_mixed(store.link(&stream("a"), claim, [events[0]]).await.unwrap_err(), false);
        let both = store.transaction().append(&stream("new"), Any, Noted::many(1)).append(
            &stream("links"),
            claim,
            Noted::many(1),
        );
        is_mixed(both.commit().await.unwrap_err(), true);
    }
    assert!(
        store.stream_info(&stream("new")).await.is_err(),
        "nothing of the transaction was stored"
    );
    // A link to a linked event refers to the event itself.
    store.link(&stream("more"), NoStream, [events[0], events[2]]).await.unwrap();
    let seen = page(&store, "more", ReadOptions::forward()).await;
    assert_eq!(seen[0].origin(), Some((&stream("a"), StreamVersion::new(1))));
    assert_eq!(everything(&store).await.len(), 3);
}

pub async fn one_of_racing_links_wins(adapter: Subject) {
    const WRITERS: usize = 16;
    let store = store(&adapter);
    let events = filled(&store, "a", WRITERS + 1).await;
    for (round, claim) in [NoStream, exact(1)].into_iter().enumerate() {
        let writers: Vec<_> = events[..WRITERS]
            .iter()
            .map(|id| {
                let (store, id) = (store.clone(), *id);
                // One stream a round; that of the second round has a link already.
                let name = stream(&format!("links-{round}"));
                tokio::spawn(async move { store.link(&name, claim, [id]).await })
            })
            .collect();
        if round == 0 {
            store.link(&stream("links-1"), NoStream, [events[WRITERS]]).await.unwrap();
        }
        let mut won = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(linked) => {
                    won += 1;
                    assert_eq!(linked.stream_version.get(), round as u64 + 1);
                }
                Err(Error::WrongExpectedVersion { actual, .. }) => {
                    assert_eq!(actual.get(), round as u64 + 1);
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

pub async fn links_to_removed_events_disappear(adapter: Subject) {
    let store = store(&adapter);
    let (a, b, c) =
        (filled(&store, "a", 2).await, filled(&store, "b", 3).await, filled(&store, "c", 1).await);
    let name = stream("links");
    store.link(&name, NoStream, [a[0], b[0], c[0], a[1], b[2]]).await.unwrap();
    store.delete_stream(&stream("c"), Any, Delete::Soft).await.unwrap();
    store.truncate_before(&stream("b"), StreamVersion::new(3)).await.unwrap();
    store.delete_stream(&stream("a"), Any, Delete::Hard).await.unwrap();
    let left = page(&store, "links", ReadOptions::forward()).await;
    assert_eq!((ids(&left), versions(&left)), (vec![c[0], b[2]], vec![3, 5]));
    let one = BatchSize::new(1).unwrap();
    assert_eq!(versions(&page(&store, "links", ReadOptions::forward().limit(one)).await), [3]);
    assert_eq!(store.stream_version(&name).await.unwrap().get(), 5);
    // Removed events cannot be linked; events of a soft-deleted stream are still in the log, and can.
    let gone = store.link(&stream("more"), Any, [b[0], b[2], a[1]]).await.unwrap_err();
    assert!(
        matches!(&gone, Error::EventsNotFound { event_ids, .. } if *event_ids == [b[0], a[1]]),
        "{gone}"
    );
    store.link(&stream("more"), Any, [c[0]]).await.unwrap();
    assert_eq!(page(&store, "more", ReadOptions::forward()).await.len(), 1);
}

pub async fn a_stream_of_links_is_archived_truncated_and_deleted(adapter: Subject) {
    let store = store(&adapter);
    let events = filled(&store, "a", 6).await;
    let name = stream("links");
    store.link(&name, NoStream, events[..4].to_vec()).await.unwrap();
    store.truncate_before(&name, StreamVersion::new(3)).await.unwrap();
    assert_eq!(versions(&page(&store, "links", ReadOptions::forward()).await), [3, 4]);
    assert_eq!(versions(&page(&store, "links", ReadOptions::backward()).await), [4, 3]);
    store.link(&name, exact(4), [events[4]]).await.unwrap();

    store.archive_stream(&name, exact(5)).await.unwrap();
    let refused = store.link(&name, Any, [events[5]]).await.unwrap_err();
    assert!(matches!(refused, Error::StreamArchived { .. }), "{refused}");
    let refused = store.append(&name, Any, Noted::many(1)).await.unwrap_err();
    assert!(matches!(refused, Error::StreamArchived { .. }), "{refused}");
    assert_eq!(page(&store, "links", ReadOptions::forward()).await.len(), 3);
    let info = store.stream_info(&name).await.unwrap();
    assert_eq!((info.state, info.holds_links), (StreamState::Archived, true));
    store.archive_stream(&name, Any).await.unwrap();
    store.truncate_before(&name, StreamVersion::new(4)).await.unwrap();
    assert_eq!(versions(&page(&store, "links", ReadOptions::forward()).await), [4, 5]);

    store.link(&stream("hard"), NoStream, [events[0]]).await.unwrap();
    store.delete_stream(&name, Any, Delete::Soft).await.unwrap();
    store.delete_stream(&stream("hard"), Any, Delete::Hard).await.unwrap();
    for name in ["links", "hard"].map(stream) {
        let gone = store.read_stream(&name, ReadOptions::forward()).await.unwrap_err();
        assert!(matches!(gone, Error::StreamDeleted { .. }), "{gone}");
        let gone = store.link(&name, Any, [events[5]]).await.unwrap_err();
        assert!(matches!(gone, Error::StreamDeleted { .. }), "{gone}");
        let gone = store.append(&name, Any, Noted::many(1)).await.unwrap_err();
        assert!(matches!(gone, Error::StreamDeleted { .. }), "{gone}");
        let info = store.stream_info(&name).await.unwrap();
        assert!(info.state.is_deleted() && !info.holds_links);
    }
    assert_eq!(store.list_streams(ListOptions::new()).await.unwrap().len(), 1);
    assert_eq!(ids(&everything(&store).await), events, "the linked events are unchanged");
}
