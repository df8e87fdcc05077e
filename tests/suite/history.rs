//! Event versions: an event stored as an older version is read as the latest one, on every path.

use std::convert::Infallible;
use std::fmt;

use event_core::event::DecodeError;
use event_core::{
    AllOptions, AnyEvent, Error, Event, EventSet, EventStore, EventVersion, ExpectedVersion,
    MigrationError, NewEvent, ReadOptions, RecordedEvent, Registry, StreamId,
};
use event_testing::Noted;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

// A typed history: v1 → v2 → v3. The last step can fail.

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "card_drawn", version = 1)]
struct CardDrawnV1 {
    rank: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "card_drawn", version = 2, from = CardDrawnV1)]
struct CardDrawnV2 {
    rank: u8,
    suit: String,
}

impl From<CardDrawnV1> for CardDrawnV2 {
    fn from(old: CardDrawnV1) -> Self {
        Self { rank: old.rank, suit: "unknown".into() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "card_drawn", version = 3, from = CardDrawnV2)]
struct CardDrawn {
    rank: Rank,
    suit: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Rank(u8);

#[derive(Debug)]
struct NoSuchRank(u8);

impl fmt::Display for NoSuchRank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no card has rank {}", self.0)
    }
}

impl TryFrom<CardDrawnV2> for CardDrawn {
    type Error = NoSuchRank;

    fn try_from(old: CardDrawnV2) -> Result<Self, NoSuchRank> {
        if old.rank > 13 {
            return Err(NoSuchRank(old.rank));
        }
        Ok(Self { rank: Rank(old.rank), suit: old.suit })
    }
}

// JSON steps for versions whose structs were deleted, above a version whose struct still exists.

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "card_played", version = 2, since = 2)]
struct CardPlayedV2 {
    rank: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(
    type = "card_played",
    version = 4,
    since = 2,
    migrate(from = 3, to = 4, with = seat_to_text),
    migrate(from = CardPlayedV2, with = add_seat)
)]
struct CardPlayed {
    rank: u8,
    seat: String,
}

fn add_seat(mut data: Value) -> Result<Value, MigrationError> {
    data.as_object_mut().ok_or("expected an object")?.insert("seat".into(), 1.into());
    Ok(data)
}

fn seat_to_text(mut data: Value) -> Result<Value, MigrationError> {
    let seat = data["seat"].as_u64().ok_or_else(|| format!("seat is {}", data["seat"]))?;
    data["seat"] = seat.to_string().into();
    Ok(data)
}

/// A set holds only the latest versions.
#[derive(Debug, Clone, PartialEq, Event)]
enum CardEvent {
    Drawn(CardDrawn),
    Played(CardPlayed),
}

#[derive(Debug, Event)]
enum OpenEvent {
    Drawn(CardDrawn),
    #[event(other)]
    Other(RecordedEvent),
}

fn raw(data: &Value) -> Box<RawValue> {
    to_raw_value(data).unwrap()
}

fn stored(event_type: &'static str, version: u32, data: &Value) -> NewEvent {
    NewEvent::raw(event_type, EventVersion::new(version), raw(data))
}

fn deck() -> StreamId {
    StreamId::new("deck-1").unwrap()
}

async fn store_with(events: Vec<NewEvent>) -> (EventStore, Vec<RecordedEvent>) {
    let store = EventStore::in_memory().unwrap();
    store.append(&deck(), ExpectedVersion::NoStream, events).await.unwrap();
    let page = store.read_stream(&deck(), ReadOptions::forward()).await.unwrap();
    (store, page)
}

#[test]
fn the_derive_registers_type_version_and_origin() {
    assert_eq!((CardDrawn::TYPE, CardDrawn::VERSION.get()), ("card_drawn", 3));
    let registry = Registry::global().unwrap();
    let versions: Vec<_> = registry
        .iter()
        .filter(|registration| registration.event_type() == "card_drawn")
        .map(|registration| registration.version().get())
        .collect();
    assert_eq!(versions, [1, 2, 3]);
    let origin = registry.latest("card_drawn").unwrap().origin();
    assert_eq!(origin.krate, "event-tests");
    assert!(origin.file.ends_with("history.rs") && origin.line > 0, "{origin}");
}

#[tokio::test]
async fn every_stored_version_reads_as_the_latest_on_every_path() {
    let (store, page) = store_with(vec![
        CardDrawnV1 { rank: 7 }.into(),
        CardDrawnV2 { rank: 7, suit: "unknown".into() }.into(),
        CardDrawn { rank: Rank(7), suit: "unknown".into() }.into(),
    ])
    .await;
    let latest = CardDrawn { rank: Rank(7), suit: "unknown".into() };
    let mut all = store.all_events(AllOptions::new());
    for (event, version) in page.iter().zip(1..) {
        assert_eq!(event.event_version().get(), version, "the stored version is unchanged");
        assert_eq!(event.decode::<CardDrawn>().unwrap(), latest);
        assert_eq!(CardEvent::try_from(event).unwrap(), CardEvent::Drawn(latest.clone()));
        let any = event.decode_any().unwrap();
        assert_eq!(any.downcast_ref::<CardDrawn>(), Some(&latest));
        let again = all.next().await.unwrap().unwrap();
        assert_eq!(again.decode::<CardDrawn>().unwrap(), latest);
        let registry = Registry::global().unwrap();
        let data = serde_json::from_str(event.data().get()).unwrap();
        let data = registry
            .migrate("card_drawn", data, event.event_version(), CardDrawn::VERSION)
            .unwrap();
        assert_eq!(serde_json::from_value::<CardDrawn>(data).unwrap(), latest);
    }
    assert_eq!(page[0].decode::<CardDrawnV1>().unwrap(), CardDrawnV1 { rank: 7 });
    let error = page[2].decode::<CardDrawnV2>().unwrap_err();
    assert!(matches!(error, Error::FromTheFuture { .. }), "{error}");
}

#[tokio::test]
async fn json_steps_run_after_a_struct_and_on_their_own() {
    let (_, page) = store_with(vec![
        stored("card_played", 2, &json!({"rank": 2})),
        stored("card_played", 3, &json!({"rank": 3, "seat": 4})),
        CardPlayed { rank: 4, seat: "5".into() }.into(),
    ])
    .await;
    let seats: Vec<_> =
        page.iter().map(|event| event.decode::<CardPlayed>().unwrap().seat).collect();
    assert_eq!(seats, ["1", "4", "5"]);
    let any: Vec<_> = page
        .iter()
        .map(|event| event.decode_any().unwrap().downcast::<CardPlayed>().unwrap().seat)
        .collect();
    assert_eq!(any, seats);
}

#[tokio::test]
async fn a_version_below_since_is_unknown() {
    let (_, page) = store_with(vec![stored("card_played", 1, &json!({"rank": 2}))]).await;
    for error in [page[0].decode::<CardPlayed>().map(drop), page[0].decode_any().map(drop)] {
        let error = error.unwrap_err();
        let Error::UnknownEventType { version: Some(version), .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(version.get(), 1);
    }
}

#[tokio::test]
async fn a_failed_step_is_reported_with_its_versions_and_the_location_of_the_event() {
    let (_, page) = store_with(vec![
        stored("card_drawn", 1, &json!({"rank": 99})),
        stored("card_played", 3, &json!({"rank": 1, "seat": "x"})),
        stored("card_drawn", 2, &json!({"rank": 9})),
    ])
    .await;
    for (event, from, to, message) in
        [(&page[0], 2, 3, "no card has rank 99"), (&page[1], 3, 4, "seat is \"x\"")]
    {
        let error = event.decode_any().unwrap_err();
        let Error::Deserialization { at: Some(location), source, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(location.stream_version, event.stream_version());
        let DecodeError::Step { from: f, to: t, source, .. } = &**source else {
            panic!("{source}")
        };
        assert_eq!((f.get(), t.get(), source.to_string().as_str()), (from, to, message));
    }
    let error = page[2].decode::<CardDrawn>().unwrap_err();
    let Error::Deserialization { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("`card_drawn` v2"), "{source}");
}

#[tokio::test]
async fn an_event_outside_the_set_is_an_error_or_kept_by_other() {
    let (store, page) = store_with(vec![Noted::new("outside").into()]).await;
    let error = CardEvent::try_from(&page[0]).unwrap_err();
    let Error::UnknownEventType { event_type, known, at: Some(_), .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (event_type.as_str(), known.as_slice()),
        ("contract.noted", &["card_drawn".into(), "card_played".to_owned()][..])
    );

    let other = OpenEvent::try_from(&page[0]).unwrap();
    assert!(other.as_event().is_none());
    store.append(&deck(), ExpectedVersion::Any, [other]).await.unwrap();
    let page = store.read_stream(&deck(), ReadOptions::forward()).await.unwrap();
    assert_eq!(page[1].decode::<Noted>().unwrap(), Noted::new("outside"));
    assert_ne!(
        page[0].event_id(),
        page[1].event_id(),
        "an event that is appended again gets a new id"
    );
}

#[test]
fn a_set_lists_its_types_and_converts_to_new_events() {
    assert_eq!(CardEvent::TYPES, ["card_drawn", "card_played"]);
    let event = CardEvent::from(CardDrawn { rank: Rank(1), suit: "hearts".into() });
    assert_eq!(event.as_event().map(AnyEvent::event_type), Some("card_drawn"));
    let new = NewEvent::from(event);
    assert_eq!((new.event_type(), new.event_version().get()), ("card_drawn", 3));
    let registry = Registry::builder().with_set::<CardEvent>().build().unwrap();
    let data = raw(&json!({"rank": 3}));
    let event = registry.decode("card_drawn", EventVersion::FIRST, &data).unwrap();
    assert!(
        event.downcast_ref::<CardDrawn>().is_some(),
        "a set registers the whole history of its events"
    );
}

#[test]
fn an_event_can_be_derived_inside_a_function() {
    #[derive(Debug, Serialize, Deserialize, Event)]
    #[event(type = "local.one", version = 1)]
    struct Local;
    let _: Result<Local, Infallible> = Ok(Local);
    assert!(Registry::global().unwrap().latest("local.one").is_ok());
}
