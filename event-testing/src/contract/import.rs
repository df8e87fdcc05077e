//! Imports: the content of another store, stored unchanged.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Subject, append, everything, exact, store, stream, versions};
use crate::{Closed, Noted};
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::adapter::StreamState;
use event_core::adapter::import::{ImportBatch, Imported, ImportedLink, Positions};
use event_core::envelope::RecordedParts;
use event_core::transfer::Selection;
use event_core::{
    Delete, Error, EventId, EventStore, EventVersion, ListOptions, MemoryAdapter, Metadata,
    NewEvent, Position, ReadOptions, RecordedEvent, Scope, StreamInfo, StreamVersion, Tenant,
};

fn raw(json: &str) -> NewEvent {
    let data = RawValue::from_string(json.to_owned()).unwrap();
    NewEvent::raw("Kept as it is, \"quoted\"", EventVersion::new(7), data)
        .with_metadata(Metadata::from_json(r#"{ "b":1,  "a": "tab \t" }"#).unwrap())
}

/// A store with streams in every state, links, tenants and odd payloads.
async fn full() -> EventStore {
    let source = EventStore::new(MemoryAdapter::new()).unwrap();
    append(&source, "game-1", NoStream, Noted::many(3)).await;
    append(
        &source,
        "game-2 % \"ü\" \\ 𝒻",
        NoStream,
        vec![raw("{ \"a\" : [1,\n 2],\r\"b\\\\\":\"\\\\N\\t\"}"), raw("null")],
    )
    .await;
    append(&source, "archived", NoStream, Noted::many(2)).await;
    append(&source, "soft", NoStream, Noted::many(2)).await;
    append(&source, "hard", NoStream, Noted::many(2)).await;
    append(&source, "truncated", NoStream, Noted::many(5)).await;
    append(&source, "emptied", NoStream, Noted::many(2)).await;
    append(&source, "game-1", exact(3), vec![Closed { by: "x".into() }.into()]).await;
    let other = source.with_scope(Scope::tenant(Tenant::new("other \" tenant").unwrap()));
    append(&other, "game-1", NoStream, Noted::many(2)).await;
    append(&source, "truncated", exact(5), Noted::many(1)).await;
    let events = everything(&source).await;
    let linked = [4, 0, 2, 9, 12].map(|at: usize| events[at].event_id());
    source.link(&stream("links"), NoStream, linked).await.unwrap();
    source.link(&stream("links-archived"), NoStream, [linked[0]]).await.unwrap();
    source.link(&stream("links-soft"), NoStream, [linked[0]]).await.unwrap();
    source.archive_stream(&stream("archived"), Any).await.unwrap();
    source.archive_stream(&stream("links-archived"), Any).await.unwrap();
    source.delete_stream(&stream("soft"), Any, Delete::Soft).await.unwrap();
    source.delete_stream(&stream("links-soft"), Any, Delete::Soft).await.unwrap();
    source.delete_stream(&stream("hard"), Any, Delete::Hard).await.unwrap();
    source.truncate_before(&stream("truncated"), StreamVersion::new(4)).await.unwrap();
    source.truncate_before(&stream("emptied"), StreamVersion::new(3)).await.unwrap();
    source
}

async fn exported(store: &EventStore) -> String {
    let mut text = Vec::new();
    store.all_tenants().export().write_to(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// The events without their positions.
fn without_positions(events: &[RecordedEvent]) -> Vec<RecordedEvent> {
    let start = Position::new(1);
    let parts = events.iter().map(|event| event.clone().into_parts());
    parts.map(|it| RecordedEvent::from_parts(RecordedParts { position: start, ..it })).collect()
}

pub async fn a_store_is_imported_unchanged(adapter: Subject) {
    let (source, store) = (full().await, store(&adapter));
    let (from, to) = (source.all_tenants(), store.all_tenants());
    let imported = from.copy_to(&to).await.unwrap();
    let events = everything(&from).await;
    // Two of six links are not copied: their events were removed.
    assert_eq!((imported.stored, imported.skipped), (events.len() as u64 + 4, 0));
    assert_eq!(everything(&to).await, events);
    let list = ListOptions::new().deleted();
    assert_eq!(
        to.list_streams(list.clone()).await.unwrap(),
        from.list_streams(list).await.unwrap()
    );
    for name in ["links", "links-archived", "truncated", "emptied", "archived"].map(stream) {
        let page = ReadOptions::forward();
        let (original, copy) =
            (source.read_stream(&name, page).await, store.read_stream(&name, page).await);
        assert_eq!(copy.unwrap(), original.unwrap(), "{name:?}");
    }
    assert_eq!(exported(&store).await, exported(&source).await);

    // Positions and versions continue after those of the source.
    let end = events.last().unwrap().position();
    let next = append(&store, "game-1", exact(4), Noted::many(1)).await;
    assert!(next.position > end, "{} after {end}", next.position);
    append(&store, "truncated", exact(6), Noted::many(1)).await;
    append(&store, "emptied", exact(2), Noted::many(1)).await;
    for (name, code) in [
        ("archived", "stream_archived"),
        ("soft", "stream_deleted"),
        ("hard", "stream_deleted"),
        ("links", "mixed_stream"),
    ] {
        let error = store.append(&stream(name), Any, Noted::many(1)).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let event = store.read_event(events[0].event_id()).await.unwrap();
    assert_eq!(event.as_ref(), Some(&events[0]));
    let census = adapter.census().await.unwrap();
    let types: Vec<_> = census.iter().map(|it| &*it.event_type).collect();
    assert!(types.contains(&"Kept as it is, \"quoted\""), "{types:?}");
}

pub async fn new_positions_are_assigned_in_the_old_order(adapter: Subject) {
    let (source, store) = (full().await, store(&adapter));
    let own = append(&store, "own", NoStream, Noted::many(20)).await;
    let (from, to) = (source.all_tenants(), store.all_tenants());
    from.copy_to(&to).new_positions().await.unwrap();
    let (original, copy) = (everything(&from).await, everything(&to).await);
    assert_eq!(without_positions(&copy[20..]), without_positions(&original));
    assert!(copy[20].position() > own.position);
    let links = store.read_stream(&stream("links"), ReadOptions::forward()).await.unwrap();
    for link in links {
        let event = to.read_event(link.event_id()).await.unwrap().unwrap();
        assert_eq!(link.position(), event.position());
    }
}

pub async fn stored_events_are_skipped(adapter: Subject) {
    let (source, store) = (full().await, store(&adapter));
    let (from, to) = (source.all_tenants(), store.all_tenants());
    let first = from.copy_to(&to).select(Selection::category("game")).await.unwrap();
    assert_eq!((first.stored, first.skipped), (8, 0));
    let before = exported(&store).await;
    let again = from.copy_to(&to).select(Selection::category("game")).await.unwrap();
    assert_eq!((again.stored, again.skipped), (0, 8));
    assert_eq!(exported(&store).await, before);
    // The other events lie between stored ones: they need new positions.
    let error = from.copy_to(&to).await.unwrap_err();
    assert!(matches!(error, Error::InvalidImport { .. }), "{error}");
    let all = from.copy_to(&to).new_positions().await.unwrap();
    assert_eq!(all.skipped, 8);
    let (original, copy) = (everything(&from).await, everything(&to).await);
    assert_eq!(copy.len(), original.len());
    // A later copy adds new events and new states.
    append(&source, "game-1", exact(4), Noted::many(1)).await;
    source.archive_stream(&stream("game-1"), Any).await.unwrap();
    let rest = from.copy_to(&to).new_positions().await.unwrap();
    assert_eq!(rest.stored, 1);
    let info = store.stream_info(&stream("game-1")).await.unwrap();
    assert_eq!((info.version, info.state), (StreamVersion::new(5), StreamState::Archived));
}

/// An event of a stream, at a position.
fn at(name: &str, version: u64, position: u64, id: EventId) -> RecordedEvent {
    RecordedEvent::from_parts(RecordedParts {
        tenant: Tenant::default(),
        stream_id: stream(name),
        stream_version: StreamVersion::new(version),
        position: Position::new(position),
        event_id: id,
        event_type: "kept".into(),
        event_version: EventVersion::FIRST,
        data: RawValue::NULL.to_owned(),
        metadata: Metadata::new(),
        recorded_at: "2020-02-02T02:02:02.020202Z".parse().unwrap(),
    })
}

fn line(name: &str, version: u64, first: u64, holds_links: bool) -> StreamInfo {
    StreamInfo {
        tenant: Tenant::default(),
        stream_id: stream(name),
        version: StreamVersion::new(version),
        first_version: StreamVersion::new(first),
        state: StreamState::Active,
        created_at: "2020-02-02T02:02:02.020202Z".parse().unwrap(),
        holds_links,
    }
}

pub async fn an_invalid_batch_is_refused_as_a_whole(adapter: Subject) {
    let store = store(&adapter);
    let [a, b, c] = [EventId::new(), EventId::new(), EventId::new()];
    let noted = |id| NewEvent::from(Noted::new("own")).with_id(id);
    append(&store, "s", NoStream, vec![noted(a), noted(b)]).await;
    append(&store, "t", NoStream, vec![noted(c)]).await;
    store.link(&stream("links"), NoStream, [b, c]).await.unwrap();
    let own = everything(&store).await;
    let positions_of_own: Vec<u64> = own.iter().map(|event| event.position().get()).collect();
    let new = EventId::new();
    let far = 1_000;
    for (positions, events, code) in [
        // A gap in a new stream, in an existing one, and within the batch.
        (Positions::Assign, vec![at("new", 2, far, new)], "invalid_import"),
        (Positions::Assign, vec![at("s", 4, far, new)], "invalid_import"),
        (
            Positions::Assign,
            vec![at("new", 1, far, new), at("new", 3, far + 1, EventId::new())],
            "invalid_import",
        ),
        // Another event at the version; an id used elsewhere, and twice.
        (Positions::Assign, vec![at("s", 2, far, new)], "event_id_conflict"),
        (Positions::Assign, vec![at("s", 3, far, a)], "event_id_conflict"),
        (Positions::Assign, vec![at("t", 1, far, a)], "event_id_conflict"),
        (
            Positions::Assign,
            vec![at("new", 1, far, new), at("new", 2, far + 1, new)],
            "event_id_conflict",
        ),
        // Positions that decrease, are used, or differ from the stored ones.
        (
            Positions::Assign,
            vec![at("new", 1, far, new), at("new", 2, far - 1, EventId::new())],
            "invalid_import",
        ),
        (Positions::Keep, vec![at("new", 1, positions_of_own[2], new)], "invalid_import"),
        (Positions::Keep, vec![at("s", 1, far, a)], "invalid_import"),
        // No position would be left for later events.
        (Positions::Keep, vec![at("new", 1, i64::MAX.unsigned_abs(), new)], "invalid_import"),
        // Into a stream of links.
        (Positions::Assign, vec![at("links", 3, far, new)], "mixed_stream"),
    ] {
        let context = format!("{positions:?} {events:?}");
        let batch = ImportBatch::Events { positions, events };
        let error = adapter.import(&batch).await.unwrap_err();
        assert_eq!(error.code(), code, "{context}: {error}");
    }
    for (line, code) in [
        (line("s", 2, 2, false), "invalid_import"),
        (line("s", 2, 1, true), "mixed_stream"),
        (line("links", 2, 1, false), "mixed_stream"),
        (
            StreamInfo { state: StreamState::HardDeleted, ..line("s", 2, 1, false) },
            "invalid_import",
        ),
        // No version would be left for later events.
        (line("far", (1 << 62) + 1, (1 << 62) + 2, false), "invalid_import"),
    ] {
        let good = self::line("new", 0, 1, false);
        let error = adapter.import(&ImportBatch::Streams(vec![good, line])).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    adapter.import(&ImportBatch::Streams(vec![line("links", 4, 1, true)])).await.unwrap();
    for (link, code) in [
        (link_of("missing", 1, a), "invalid_import"),
        (link_of("s", 1, a), "mixed_stream"),
        (link_of("links", 5, a), "invalid_import"),
        (link_of("links", 3, b), "event_id_conflict"),
        (link_of("links", 2, a), "event_id_conflict"),
        (link_of("links", 3, new), "events_not_found"),
    ] {
        let good = link_of("links", 4, a);
        let error = adapter.import(&ImportBatch::Links(vec![good, link])).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    assert_eq!(everything(&store).await, own);
    let streams = store.list_streams(ListOptions::new().deleted()).await.unwrap();
    let names: Vec<_> = streams.iter().map(|it| it.stream_id.as_str()).collect();
    assert_eq!(names, ["links", "s", "t"]);
    let links = store.read_stream(&stream("links"), ReadOptions::forward()).await.unwrap();
    assert_eq!(versions(&links), [1, 2]);
    let batch = ImportBatch::Links(vec![link_of("links", 1, b), link_of("links", 4, a)]);
    let imported = adapter.import(&batch).await.unwrap();
    assert_eq!(imported, Imported { stored: 1, skipped: 1 });
    let links = store.read_stream(&stream("links"), ReadOptions::forward()).await.unwrap();
    assert_eq!(versions(&links), [1, 2, 4]);
    let batch =
        ImportBatch::Events { positions: Positions::Keep, events: vec![at("new", 1, far, new)] };
    adapter.import(&batch).await.unwrap();
    let stored = store.read_event(new).await.unwrap().unwrap();
    assert_eq!(stored, at("new", 1, far, new));
    assert!(append(&store, "s", exact(2), Noted::many(1)).await.position.get() > far);
}

fn link_of(name: &str, version: u64, event_id: EventId) -> ImportedLink {
    ImportedLink {
        tenant: Tenant::default(),
        stream_id: stream(name),
        stream_version: StreamVersion::new(version),
        event_id,
    }
}

pub async fn concurrent_imports_and_appends_leave_no_gap(adapter: Subject) {
    let store = store(&adapter);
    let batches = (0..8).map(|n| {
        let adapter = Arc::clone(&adapter);
        tokio::spawn(async move {
            for round in 0..5_u64 {
                let events = (1..=4).map(|i| {
                    let version = round * 4 + i;
                    at(&format!("imported-{n}"), version, version, EventId::new())
                });
                let events = events.collect();
                let batch = ImportBatch::Events { positions: Positions::Assign, events };
                adapter.import(&batch).await.unwrap();
            }
        })
    });
    let writers = (0..8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let name = stream(&format!("hot-{}", n % 2));
                store.append(&name, Any, Noted::many(2)).await.unwrap();
            }
        })
    });
    for task in batches.chain(writers).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let all = everything(&store).await;
    assert_eq!(all.len(), 8 * 20 + 8 * 20);
    for info in store.list_streams(ListOptions::new()).await.unwrap() {
        let of_stream: Vec<u64> = all
            .iter()
            .filter(|event| *event.stream_id() == info.stream_id)
            .map(|event| event.stream_version().get())
            .collect();
        assert_eq!(of_stream, (1..=info.version.get()).collect::<Vec<_>>());
    }
}

pub async fn a_copy_resumes_at_the_first_version_of_a_truncated_stream(adapter: Subject) {
    let (source, store) = (EventStore::new(MemoryAdapter::new()).unwrap(), store(&adapter));
    let name = stream("long");
    append(&source, "long", NoStream, Noted::many(3)).await;
    source.copy_to(&store).await.unwrap();
    append(&source, "long", exact(3), Noted::many(3)).await;
    source.truncate_before(&name, StreamVersion::new(6)).await.unwrap();
    // A copy removes no events that the source has truncated.
    let error = source.copy_to(&store).await.unwrap_err();
    assert!(error.to_string().contains("truncate it before 4 here"), "{error}");
    store.truncate_before(&name, StreamVersion::new(4)).await.unwrap();
    source.copy_to(&store).await.unwrap();
    assert_eq!(everything(&store).await, everything(&source).await);
    let (copy, original) = (store.stream_info(&name).await, source.stream_info(&name).await);
    assert_eq!(copy.unwrap(), original.unwrap());
    assert_eq!(append(&store, "long", exact(6), Noted::many(1)).await.stream_version.get(), 7);
}
