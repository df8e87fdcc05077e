//! Stores with hostile names and payloads, and the way of everything in them through another store and back.

use event_core::{
    EventStore, EventVersion, ExpectedVersion, MemoryAdapter, Metadata, NewEvent, Scope, StreamId,
    Tenant,
};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

/// One event, and where it is appended.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    tenant: Tenant,
    stream_id: StreamId,
    event_type: String,
    version: u32,
    data: String,
    metadata: String,
}

/// Any JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        "\\PC*|[\\\\\"\t\r\n\u{0}/,;'.]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A text of some JSON, in one of the ways to write it.
fn written(value: &Value, pretty: bool) -> String {
    if pretty {
        serde_json::to_string_pretty(value).unwrap().replace("\n ", "\r\n\t ")
    } else {
        value.to_string()
    }
}

prop_compose! {
    fn note()(
        tenant in prop_oneof![Just("default"), Just("o'ne \\ \"two\""), Just("\u{202e}%_")],
        stream in prop_oneof![Just("game-1".to_owned()), "[^\\pC$]\\PC{0,12}"],
        event_type in "[^\u{0}]{1,12}",
        version in 1..4_u32,
        data in json(),
        fields in prop::collection::vec((".{0,4}", json()), 0..3),
        (pretty, pretty_metadata) in any::<(bool, bool)>(),
    ) -> Note {
        let metadata = Value::Object(fields.into_iter().collect());
        Note {
            tenant: Tenant::new(tenant).unwrap(),
            stream_id: StreamId::new(stream).unwrap(),
            event_type,
            version,
            data: written(&data, pretty),
            metadata: written(&metadata, pretty_metadata),
        }
    }
}

pub(crate) fn notes() -> impl Strategy<Value = Vec<Note>> {
    prop::collection::vec(note(), 1..12)
}

/// A store in memory that holds them, and links to every other one.
pub(crate) async fn filled(notes: &[Note]) -> EventStore {
    let store = EventStore::new(MemoryAdapter::new()).unwrap();
    let links = StreamId::new("links").unwrap();
    for (at, note) in notes.iter().enumerate() {
        let own = store.with_scope(Scope::tenant(note.tenant.clone()));
        let data = RawValue::from_string(note.data.clone()).unwrap();
        let event = NewEvent::raw(note.event_type.clone(), EventVersion::new(note.version), data)
            .with_metadata(Metadata::from_json(note.metadata.clone()).unwrap());
        let id = event.id();
        own.append(&note.stream_id, ExpectedVersion::Any, [event]).await.unwrap();
        if at % 2 == 0 {
            own.link(&links, ExpectedVersion::Any, [id]).await.unwrap();
        }
    }
    store
}

/// Everything of everybody as lines.
pub(crate) async fn exported(store: &EventStore) -> Vec<u8> {
    let mut lines = Vec::new();
    let export = store.all_tenants().export();
    export.write_to(&mut lines).await.unwrap();
    lines
}

/// Takes lines in, positions kept; how many were stored and skipped.
pub(crate) async fn imported(store: &EventStore, lines: &[u8]) -> (u64, u64) {
    let done = store.all_tenants().import().keep_positions().read(lines).await.unwrap();
    (done.stored, done.skipped)
}

/// Everything goes into an empty store, and comes out the same; so it does on the way back.
pub(crate) async fn travels(notes: &[Note], through: EventStore) {
    let lines = exported(&filled(notes).await).await;
    let (stored, _) = imported(&through, &lines).await;
    assert_eq!(imported(&through, &lines).await, (0, stored), "all of it is there");
    let there = exported(&through).await;
    assert_eq!(text(&there), text(&lines));
    let back = EventStore::new(MemoryAdapter::new()).unwrap();
    imported(&back, &there).await;
    assert_eq!(text(&exported(&back).await), text(&lines));
}

fn text(lines: &[u8]) -> &str {
    std::str::from_utf8(lines).unwrap()
}
