//! The run-time effects of the keys of `#[event(...)]`: shortcuts, aliases, read-only versions, unregistered events.

use event_core::adapter::{Adapter as _, Registered, SubscriptionKey};
use event_core::registry::{Registration, RegistryError};
use event_core::{
    AllOptions, Event, EventSet, EventStore, EventVersion, ExpectedVersion, Filter, MemoryAdapter,
    MigrationError, NewEvent, Position, ReadOptions, Registry, StreamId, Tenant,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

event_core::migration!("grammar.seated", 1 => 3, from_v1_to_v3);

#[expect(clippy::unnecessary_wraps, reason = "the signature of a JSON step")]
fn from_v1_to_v3(mut data: serde_json::Value) -> Result<serde_json::Value, MigrationError> {
    data["row"] = 1.into();
    data["note"] = "".into();
    Ok(data)
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "grammar.seated", version = 1, alias = "grammar.sat", readonly)]
struct SeatedV1 {
    seat: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "grammar.seated", version = 2, from = SeatedV1, readonly)]
struct SeatedV2 {
    seat: u8,
    row: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "grammar.seated", version = 3, from = SeatedV2)]
struct Seated {
    seat: u8,
    row: u8,
    note: String,
}

impl From<SeatedV1> for SeatedV2 {
    fn from(old: SeatedV1) -> Self {
        Self { seat: old.seat, row: 1 }
    }
}

impl From<SeatedV2> for Seated {
    fn from(old: SeatedV2) -> Self {
        Self { seat: old.seat, row: old.row, note: String::new() }
    }
}

#[derive(Debug, PartialEq, Event)]
enum TableEvent {
    Seated(Seated),
}

fn migrated() -> Seated {
    Seated { seat: 7, row: 1, note: String::new() }
}

fn stored_as(event_type: &'static str, version: u32) -> NewEvent {
    let data = serde_json::value::to_raw_value(&json!({ "seat": 7, "row": 1 })).unwrap();
    NewEvent::raw(event_type, EventVersion::new(version), data)
}

async fn store_with(event_type: &'static str, version: u32) -> (EventStore, StreamId) {
    let store = EventStore::in_memory().unwrap();
    let table = StreamId::new("table-1").unwrap();
    let raw = stored_as(event_type, version);
    store.append(&table, ExpectedVersion::NoStream, [raw]).await.unwrap();
    (store, table)
}

#[tokio::test]
async fn an_event_stored_under_an_alias_is_readable_on_every_path() {
    let (store, table) = store_with("grammar.sat", 1).await;
    let page = store.read_stream(&table, ReadOptions::forward()).await.unwrap();
    assert_eq!(page[0].event_type(), "grammar.sat", "the stored type string is unchanged");
    assert_eq!(page[0].decode::<Seated>().unwrap(), migrated());
    assert_eq!(TableEvent::try_from(&page[0]).unwrap(), TableEvent::Seated(migrated()));
    let any = page[0].decode_any().unwrap();
    assert_eq!(any.downcast_ref::<Seated>(), Some(&migrated()));
    let filtered = store.read_all(AllOptions::new().event_types(TableEvent::TYPES.iter().copied()));
    assert_eq!(filtered.await.unwrap().len(), 1, "a filter by type includes its aliases");
}

#[tokio::test]
async fn a_subscription_keeps_its_filter_when_a_type_is_renamed() {
    let adapter = MemoryAdapter::new();
    let store = EventStore::new(adapter.clone()).unwrap();
    store
        .append(
            &StreamId::new("table-1").unwrap(),
            ExpectedVersion::Any,
            [stored_as("grammar.sat", 1)],
        )
        .await
        .unwrap();
    // As a program registered it that knew the type under its former name.
    let (former, current) = (["grammar.sat"], ["grammar.seated"]);
    let checkpoints = adapter.checkpoints().unwrap();
    let key = SubscriptionKey { tenant: Some(Tenant::default()), name: "seats".into() };
    let filter = Filter::all().event_types(former).to_string();
    let wanted = Registered { filter, partitions: 1 };
    checkpoints.register(&key, &wanted, Position::START).await.unwrap();
    for names in [current, former, current] {
        let seats = store.subscription("seats").filter(Filter::all().event_types(names));
        let mut consumer = seats.open().await.unwrap();
        let delivery = consumer.next().await.unwrap().unwrap();
        assert_eq!(delivery.event().event_type(), "grammar.sat");
        consumer.close().await.unwrap();
    }
    let renamed = store.subscription("seats").change().filter(Filter::all().event_types(current));
    assert!(!renamed.apply().await.unwrap().changes);
}

#[tokio::test]
async fn a_read_only_version_is_readable_but_not_appendable() {
    let (store, table) = store_with("grammar.seated", 2).await;
    let page = store.read_stream(&table, ReadOptions::forward()).await.unwrap();
    assert_eq!(page[0].decode::<SeatedV2>().unwrap(), SeatedV2 { seat: 7, row: 1 });
    let refused = store.append(&table, ExpectedVersion::Any, [SeatedV2 { seat: 8, row: 1 }]).await;
    let error = refused.unwrap_err();
    assert_eq!(error.code(), "invalid_event_data");
    assert!(error.to_string().contains("v2 is read-only; append the latest version"), "{error}");
    assert_eq!(store.stream_version(&table).await.unwrap().get(), 1);
}

#[test]
fn a_shortcut_declared_outside_the_derive_shortens_the_path() {
    let path = Registry::global().unwrap().path(
        "grammar.seated",
        EventVersion::new(1),
        EventVersion::new(3),
    );
    assert_eq!(path.unwrap().len(), 1);
}

#[test]
fn a_shortcut_declared_with_also_from_shortens_the_path() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "grammar.dealt", version = 1, register = false)]
    struct V1(u8);
    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "grammar.dealt", version = 2, from = V1, register = false)]
    struct V2(u8);
    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "grammar.dealt", version = 3, from = V2, also_from(V1), register = false)]
    struct V3(u8);
    impl From<V1> for V2 {
        fn from(old: V1) -> Self {
            Self(old.0)
        }
    }
    impl From<V2> for V3 {
        fn from(old: V2) -> Self {
            Self(old.0)
        }
    }
    impl From<V1> for V3 {
        fn from(old: V1) -> Self {
            Self(old.0)
        }
    }

    assert!(Registry::global().unwrap().latest("grammar.dealt").is_err(), "it is not registered");
    // Registered twice: the same source compiled twice is one event and one migration.
    let all = [Registration::of::<V1>(), Registration::of::<V2>(), Registration::of::<V3>()];
    let builder = Registry::builder().registrations(&all).registrations(&all);
    let registry = builder.build().unwrap();
    let (one, three) = (EventVersion::new(1), EventVersion::new(3));
    assert_eq!(registry.path("grammar.dealt", one, three).unwrap().len(), 1);
    let data = serde_json::value::to_raw_value(&5).unwrap();
    let event = registry.decode("grammar.dealt", one, &data).unwrap();
    assert_eq!(event.downcast_ref::<V3>(), Some(&V3(5)));
}

#[test]
fn an_alias_of_two_types_is_refused() {
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "grammar.left", version = 1, alias = "grammar.gone", register = false)]
    struct Left;
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "grammar.went", version = 1, alias = "grammar.gone", register = false)]
    struct Went;
    #[derive(Serialize, Deserialize, Event)]
    #[event(type = "grammar.gone", version = 1, register = false)]
    struct Gone;

    for builder in [
        Registry::builder().event::<Left>().event::<Went>(),
        Registry::builder().event::<Left>().event::<Gone>(),
    ] {
        let errors = builder.build().unwrap_err();
        let found: Vec<_> = errors.iter().collect();
        assert!(
            matches!(&found[..], [RegistryError::AliasTaken { alias, .. }] if alias == "grammar.gone"),
            "{errors}"
        );
    }
}

#[test]
fn an_event_crate_that_registered_nothing_is_reported() {
    assert_eq!(crate::linked_events(), ["game_events"]);
    let linked = crate::linked_events().iter().copied();
    let registry = Registry::builder().inventory().expect_crates(linked).build().unwrap();
    assert!(registry.latest("game_started").is_ok());
    let errors = Registry::builder().expect_crates(["game_events"]).build().unwrap_err();
    assert!(errors.to_string().contains("write `use game_events as _;`"), "{errors}");
}

#[tokio::test]
async fn the_census_counts_events_stored_under_an_alias() {
    let store = EventStore::in_memory().unwrap();
    let raw = |name: &'static str, version| {
        let data = serde_json::value::to_raw_value(&json!({ "seat": 7 })).unwrap();
        NewEvent::raw(name, EventVersion::new(version), data)
    };
    let events = [raw("grammar.sat", 1), raw("grammar.sat", 4), raw("grammar.seated", 3)];
    let name = StreamId::new("table-1").unwrap();
    store.append(&name, ExpectedVersion::NoStream, events).await.unwrap();
    let census = store.census().await.unwrap();
    let read: Vec<_> =
        census.readable.iter().map(|it| (&*it.event_type, it.event_version.get())).collect();
    assert_eq!(read, [("grammar.sat", 1), ("grammar.seated", 3)]);
    let unused = census.unused.iter().filter(|known| known.event_type() == "grammar.seated");
    assert_eq!(unused.map(|known| known.version().get()).collect::<Vec<_>>(), [2]);
    let table = census.to_string();
    let first = table.lines().next().unwrap();
    assert!(first.starts_with("grammar.sat ") && first.contains("up to v3"), "{table}");
}
