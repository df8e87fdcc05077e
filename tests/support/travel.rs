//! Stores with hostile names and payloads, and round trips of their contents through another store.

use event_core::{
    EventStore, EventVersion, ExpectedVersion, MemoryAdapter, Metadata, NewEvent, Scope, StreamId,
    Tenant,
};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

/// One event, and the tenant and stream that it is appended to.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    tenant: Tenant,
    stream_id: StreamId,
    event_type: String,
    version: u32,
    data: String,
    metadata: String,
}

/// Any JSON value.
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

/// Formats a JSON value, compactly or with line breaks of both kinds.
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
        event_type in "[^\\pC]{1,12}",
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

/// A store in memory with these events, and links to every second one.
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

/// Exports everything of all tenants.
pub(crate) async fn exported(store: &EventStore) -> Vec<u8> {
    let mut lines = Vec::new();
    let export = store.all_tenants().export();
    export.write_to(&mut lines).await.unwrap();
    lines
}

/// Imports lines with their positions. Returns how many events and links were stored and skipped.
pub(crate) async fn imported(store: &EventStore, lines: &[u8]) -> (u64, u64) {
    let done = store.all_tenants().import().keep_positions().read(lines).await.unwrap();
    (done.stored, done.skipped)
}

/// Imports everything into an empty store and exports it, then from there into another store: the lines stay the same.
pub(crate) async fn travels(notes: &[Note], through: EventStore) {
    let lines = exported(&filled(notes).await).await;
    let (stored, _) = imported(&through, &lines).await;
    assert_eq!(imported(&through, &lines).await, (0, stored), "a second import skips everything");
    let lines_through = exported(&through).await;
    assert_eq!(text(&lines_through), text(&lines));
    let back = EventStore::new(MemoryAdapter::new()).unwrap();
    imported(&back, &lines_through).await;
    assert_eq!(text(&exported(&back).await), text(&lines));
}

fn text(lines: &[u8]) -> &str {
    std::str::from_utf8(lines).unwrap()
}
