//! The stored form of an event: the round trip of every kind of value, and the errors for malformed JSON.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use event_core::envelope::{Codec, JsonCodec, Serializer, StoredEvent};
use event_core::{Clock, Event, EventVersion, InvalidEvent, Metadata, NewEvent};
use event_testing::Noted;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::to_raw_value;

/// An event with every kind of value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mixed {
    word: String,
    at: DateTime<Utc>,
    maybe: Option<DateTime<Utc>>,
    #[serde(with = "event_core::plain_set", default)]
    set: BTreeSet<String>,
    map: BTreeMap<String, Vec<Option<i64>>>,
    whole: i64,
    float: f64,
    mode: Mode,
    free: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    TwoPlayer,
    Knockout,
}

impl Event for Mixed {
    const TYPE: &'static str = "mixed";
    const VERSION: EventVersion = EventVersion::FIRST;

    fn validate(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if self.at > now {
            return Err(InvalidEvent::field("at", "must not be in the future"));
        }
        Ok(())
    }
}

prop_compose! {
    fn mixed()(
        word in ".*",
        (at, micros) in (-60_000_000_000_i64..1_700_000_000, 0..1_000_000_u32),
        some in any::<bool>(),
        set in prop::collection::btree_set(".{0,4}", 0..4),
        map in prop::collection::btree_map(".{0,4}", prop::collection::vec(any::<Option<i64>>(), 0..3), 0..3),
        whole in any::<i64>(),
        float in prop_oneof![Just(4.0), prop::num::f64::NORMAL],
        two_player in any::<bool>(),
    ) -> Mixed {
        let at = DateTime::from_timestamp(at, micros * 1000).unwrap();
        Mixed {
            free: serde_json::json!({"time-like": at.to_rfc3339(), "list": [word, first_or_null(&set)]}),
            word, at, maybe: some.then_some(at), set, map, whole, float,
            mode: if two_player { Mode::TwoPlayer } else { Mode::Knockout },
        }
    }
}

fn first_or_null(set: &BTreeSet<String>) -> Value {
    set.first().map_or(Value::Null, |first| Value::String(first.clone()))
}

proptest! {
    #[test]
    fn every_kind_of_value_survives_a_round_trip(event in mixed()) {
        let serializer = Serializer::new();
        let json = serializer.to_stored(event.clone()).unwrap();
        prop_assert_eq!(serializer.from_stored::<Mixed>(&json).unwrap(), event);
    }

    #[test]
    fn any_type_version_data_and_metadata_survive_a_round_trip(
        name in "[a-z][a-z0-9]{0,9}(_[a-z][a-z0-9]{0,5}){0,3}",
        version in 1..=i32::MAX.unsigned_abs(),
        map in prop::collection::btree_map(".*", ".*", 0..5),
        metadata in prop::collection::btree_map("[a-z_]{1,9}", ".*", 0..3),
    ) {
        let event = NewEvent::raw(
            name.clone(), EventVersion::new(version), to_raw_value(&map).unwrap(),
        ).with_metadata(Metadata::from_json(serde_json::to_string(&metadata).unwrap()).unwrap());
        let json = Serializer::new().to_stored(event).unwrap();
        let stored = StoredEvent::parse(&json).unwrap();
        prop_assert_eq!(stored.event_type, name);
        prop_assert_eq!(stored.version.get(), version);
        let data: BTreeMap<String, String> = serde_json::from_str(stored.data.get()).unwrap();
        prop_assert_eq!(data, map);
        let parsed: BTreeMap<String, String> =
            serde_json::from_str(stored.metadata.as_json()).unwrap();
        prop_assert_eq!(parsed, metadata);
    }
}

#[test]
fn the_stored_form_consists_of_type_version_data_and_metadata() {
    let json = Serializer::new().to_stored(Noted::new("a")).unwrap();
    assert_eq!(json, r#"{"type":"contract.noted","version":1,"data":{"text":"a"},"metadata":{}}"#);
    assert!(JsonCodec.format_version() > 0);
    assert_eq!(Serializer::new().format_version(), JsonCodec.format_version());
}

#[test]
fn the_keys_event_type_and_event_version_are_read_as_well() {
    let old = r#"{"event_type":"contract.noted","event_version":1,"data":{"text":"a"}}"#;
    assert_eq!(Serializer::new().from_stored::<Noted>(old).unwrap(), Noted::new("a"));
}

#[test]
fn malformed_json_is_reported_with_the_key_that_is_wrong() {
    for (json, message) in [
        ("null", "must be a JSON object"),
        ("7", "must be a JSON object"),
        (r#""text""#, "must be a JSON object"),
        ("{", "is not a JSON object"),
        ("{}", "lacks `type`"),
        (r#"{"type":7}"#, "has a `type` that is not a non-empty string"),
        (r#"{"type":"x"}"#, "lacks `version`"),
        (r#"{"type":"x","version":0}"#, "not an integer from 1"),
        (r#"{"type":"x","version":"one"}"#, "not an integer from 1"),
        (r#"{"type":"x","version":1}"#, "lacks `data`"),
        (r#"{"type":"x","version":1,"data":[]}"#, "`data` that is not an object"),
        (r#"{"type":"x","version":1,"data":{},"metadata":[]}"#, "`metadata` that is not an object"),
    ] {
        let error = StoredEvent::parse(json).unwrap_err();
        assert_eq!(error.code(), "invalid_event_data");
        assert!(error.to_string().contains(message), "{json}: {error}");
    }
}

#[test]
fn unknown_types_and_newer_versions_are_different_errors() {
    let serializer = Serializer::new();
    let unknown = r#"{"type":"contract.notted","version":1,"data":{}}"#;
    let error = serializer.from_stored::<Noted>(unknown).unwrap_err();
    assert_eq!(error.code(), "invalid_event_type");
    let newer = r#"{"type":"contract.noted","version":2,"data":{}}"#;
    let error = serializer.from_stored::<Noted>(newer).unwrap_err();
    assert!(matches!(error, event_core::Error::FromTheFuture { .. }), "{error}");
}

#[test]
fn validation_uses_the_configured_clock_and_can_be_disabled() {
    let at = "2026-01-01T00:00:00.000001Z".parse().unwrap();
    let event = Mixed {
        word: "2026-01-01T00:00:00Z".into(),
        at,
        maybe: None,
        set: BTreeSet::new(),
        map: BTreeMap::new(),
        whole: -1,
        float: 4.0,
        mode: Mode::Knockout,
        free: Value::Null,
    };
    let before = Serializer::new().clock(Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap()));
    let error = before.to_stored(event.clone()).unwrap_err();
    assert!(error.to_string().contains("`at` must not be in the future"), "{error}");
    let json = before.clone().without_validation().to_stored(event.clone()).unwrap();
    assert!(json.contains(r#""float":4.0"#), "a float stays a float: {json}");
    assert!(before.from_stored::<Mixed>(&json).is_err());
    let then = Serializer::new().clock(Clock::fixed(at));
    assert_eq!(
        then.from_stored::<Mixed>(&json).unwrap(),
        event,
        "a string that looks like a time stays a string"
    );
}

#[test]
fn sets_are_read_from_lists_marked_objects_and_null() {
    let read = |set: &str| {
        #[derive(Deserialize)]
        struct Sets {
            #[serde(with = "event_core::plain_set", default)]
            set: BTreeSet<u8>,
        }
        serde_json::from_str::<Sets>(&format!("{{{set}}}")).map(|sets| sets.set)
    };
    let two = BTreeSet::from([1, 2]);
    assert_eq!(read(r#""set":[2,1,2]"#).unwrap(), two);
    assert_eq!(read(r#""set":{"__mapset__":true,"items":[1,2]}"#).unwrap(), two);
    assert_eq!(read(r#""set":null"#).unwrap(), BTreeSet::new());
    assert_eq!(read("").unwrap(), BTreeSet::new());
    assert!(read(r#""set":{"__mapset__":false,"items":[]}"#).is_err());
    assert!(read(r#""set":{"items":[]}"#).is_err());
    assert!(read(r#""set":["x"]"#).is_err());
}

#[test]
fn unknown_enum_values_and_invalid_times_fail_with_the_field() {
    let serializer = Serializer::new().without_validation();
    let stored = |mode: &str, at: &str, maybe: &str| {
        let data = format!(
            r#"{{"word":"","at":{at},"maybe":{maybe},"map":{{}},"whole":1,"float":1.0,"mode":"{mode}","free":null}}"#
        );
        format!(r#"{{"type":"mixed","version":1,"data":{data}}}"#)
    };
    let at = r#""2026-01-01T00:00:00Z""#;
    assert_eq!(
        serializer.from_stored::<Mixed>(&stored("knockout", at, "null")).unwrap().maybe,
        None
    );
    for (mode, at, maybe, field) in [
        ("golf_race", at, "null", "`mode`"),
        ("knockout", r#""yesterday""#, "null", "`at`"),
        ("knockout", at, r#""soon""#, "`maybe`"),
    ] {
        let error = serializer.from_stored::<Mixed>(&stored(mode, at, maybe)).unwrap_err();
        assert_eq!(error.code(), "deserialization_failed");
        assert!(error.to_string().contains(field), "{error}");
    }
}
