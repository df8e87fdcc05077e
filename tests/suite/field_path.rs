//! A payload that does not fit names the field, also where serde has buffered the object around it.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::event::{DecodeError, decode_at};
use event_core::{
    Error, Event, EventStore, EventVersion, ExpectedVersion, NewEvent, Registry, StreamId,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

/// Declares an event with one wrapper of each kind around the same fields.
macro_rules! events {
    ($($(#[$serde:meta])* $name:ident: $type:literal $body:tt)*) => {$(
        #[derive(Debug, Serialize, Deserialize, Event)]
        #[event(type = $type, version = 1)]
        $(#[$serde])*
        #[allow(dead_code, reason = "only parsed")]
        struct $name $body
    )*};
}

#[derive(Debug, Serialize, Deserialize)]
struct Base {
    id: String,
    round: u32,
    at: DateTime<Utc>,
    #[serde(default)]
    more: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Outer {
    #[serde(flatten)]
    base: Base,
    place: Place,
    #[serde(default)]
    marks: Vec<Mark>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    x: i32,
    y: i32,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Mark {
    Number(u8),
    Named { name: String, value: u8 },
    Pair(bool, bool),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Internal {
    Plain,
    Loud { volume: u8, place: Place },
    Base(Base),
    Marked { marks: Vec<Mark> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", content = "c", rename_all = "snake_case")]
enum Adjacent {
    Plain,
    Loud { volume: u8, place: Place },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum External {
    Plain,
    Loud { volume: u8, place: Place },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "Limits")]
struct Range {
    low: u8,
    high: u8,
}

#[derive(Deserialize)]
struct Limits {
    low: u8,
    high: u8,
}

impl TryFrom<Limits> for Range {
    type Error = &'static str;

    fn try_from(Limits { low, high }: Limits) -> Result<Self, Self::Error> {
        if low > high { Err("low must not exceed high") } else { Ok(Self { low, high }) }
    }
}

events! {
    Flat: "path.flat" {
        own: u32,
        #[serde(flatten)]
        base: Base,
        last: String,
    }
    Nested: "path.nested" {
        own: bool,
        #[serde(flatten)]
        outer: Outer,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    Counts: "path.counts" {
        name: String,
        #[serde(flatten)]
        counts: BTreeMap<String, u16>,
    }
    Enums: "path.enums" {
        internal: Internal,
        adjacent: Adjacent,
        list: Vec<Internal>,
        mark: Mark,
    }
    FlatEnums: "path.flat_enums" {
        #[serde(flatten)]
        internal: Internal,
        external: External,
        #[serde(default)]
        several: Vec<External>,
    }
    Ranges: "path.ranges" {
        #[serde(flatten)]
        inner: RangesInner,
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct RangesInner {
    first: u8,
    range: Range,
    pair: (u8, u8),
}

/// A payload that is a tagged enum as a whole.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Drawn { card: u8, at: DateTime<Utc> },
    Lost(Base),
}

impl Event for Tagged {
    const TYPE: &'static str = "path.tagged";
    const VERSION: EventVersion = EventVersion::FIRST;
}

/// The path that the error of `json` names.
#[track_caller]
fn path<E: Event>(json: impl Borrow<Value>) -> String {
    let json = json.borrow();
    let error = decode_at::<E>(E::VERSION, &to_raw_value(json).unwrap()).err();
    let error = error.unwrap_or_else(|| panic!("{json} is read"));
    assert!(matches!(error, DecodeError::Payload { .. }), "{error}");
    error.json_path().unwrap().to_owned()
}

/// Sets the value at a JSON pointer.
fn with(mut json: Value, pointer: &str, value: Value) -> Value {
    if let Some(place) = json.pointer_mut(pointer) {
        *place = value;
    } else {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[key] = value;
    }
    json
}

fn without(mut json: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    json
}

/// Breaks one value after the other, in two ways, and checks that the path leads to it.
#[track_caller]
fn check_each<E: Event>(sound: &Value, pointers: &[&str]) {
    assert!(decode_at::<E>(E::VERSION, &to_raw_value(sound).unwrap()).is_ok(), "{sound}");
    for pointer in pointers {
        let steps = pointer[1..].split('/').map(|step| {
            if step.parse::<usize>().is_ok() { format!("[{step}]") } else { format!(".{step}") }
        });
        let expected = steps.collect::<String>();
        for bad in [json!({"not": ["a", "value"]}), json!(-1.5)] {
            assert_eq!(
                path::<E>(with(sound.clone(), pointer, bad.clone())),
                expected[1..],
                "{bad}"
            );
        }
    }
}

const AT: &str = "2024-02-03T04:05:06Z";

fn flat() -> Value {
    json!({"own": 1, "id": "a", "round": 2, "at": AT, "more": {"any": [1, "x"]}, "last": "z"})
}

fn nested() -> Value {
    json!({
        "own": true, "id": "a", "round": 2, "at": AT, "place": {"x": 1, "y": 2, "tags": ["a", "b"]},
        "marks": [1, {"name": "n", "value": 2}, [true, false]], "else": [{}, 1],
    })
}

fn enums() -> Value {
    let loud = json!({"volume": 1, "place": {"x": 1, "y": 2}});
    let with_kind = with(loud.clone(), "/kind", json!("loud"));
    json!({
        "internal": with_kind,
        // The content stands before the tag, so it is buffered.
        "adjacent": {"c": loud, "t": "loud"},
        "list": [{"kind": "plain"}, {"at": AT, "id": "a", "kind": "base", "round": 2}, with_kind],
        "mark": {"name": "n", "value": 2},
    })
}

#[test]
fn a_field_beside_flatten_is_named() {
    check_each::<Flat>(&flat(), &["/own", "/id", "/round", "/at", "/last"]);
    let bad = |pointer: &str, value: Value| path::<Flat>(with(flat(), pointer, value));
    assert_eq!(bad("/at", json!("yesterday")), "at");
    assert_eq!(bad("/at", json!("2024-02-30T04:05:06Z")), "at");
    assert_eq!(bad("/round", json!(-1)), "round");
    assert_eq!(bad("/round", json!(1.5)), "round");
    assert_eq!(bad("/round", json!("2")), "round");
    assert_eq!(bad("/id", json!(7)), "id");
    assert_eq!(bad("/id", json!(null)), "id");
    // Of several the first that is read.
    assert_eq!(path::<Flat>(with(with(flat(), "/at", json!("")), "/round", json!(-1))), "at");
}

#[test]
fn the_order_of_the_keys_does_not_matter() {
    for json in [
        r#"{"at":"x","round":1,"last":"z","id":"a","own":1}"#.to_owned(),
        r#"{"last":"z","id":"a","own":1,"round":1,"at":"x"}"#.to_owned(),
        "{\"id\":\"a\", \"at\" :\n \"x\"\n, \"last\":\"z\",\"own\":1,\"round\":1}".to_owned(),
        format!(
            r#"{{"more":{{"at":"{AT}"}},"own":1,"\u0061t":"x","id":"a","last":"z","round":1}}"#
        ),
    ] {
        let raw = serde_json::value::RawValue::from_string(json.clone()).unwrap();
        let error = decode_at::<Flat>(Flat::VERSION, &raw).unwrap_err();
        assert_eq!(error.json_path(), Some("at"), "{json}");
    }
}

#[test]
fn a_field_of_nested_flattened_types_is_named() {
    let fields = ["/own", "/id", "/round", "/at", "/place", "/place/x", "/place/tags"];
    check_each::<Nested>(&nested(), &fields);
    check_each::<Nested>(&nested(), &["/place/y", "/place/tags/0", "/place/tags/1", "/marks"]);
    check_each::<Counts>(
        &json!({"name": "n", "a": 1, "b": 2, "c": 3}),
        &["/name", "/a", "/b", "/c"],
    );
}

#[test]
fn a_key_that_is_missing_or_unknown_leads_to_its_object() {
    assert_eq!(path::<Flat>(without(flat(), "/own")), ".");
    assert_eq!(path::<Flat>(without(flat(), "/at")), ".");
    assert_eq!(path::<Nested>(without(nested(), "/place/x")), "place");
    assert_eq!(path::<Nested>(without(nested(), "/place")), ".");
    assert_eq!(path::<Nested>(with(nested(), "/place/z", json!(1))), "place");
    assert_eq!(path::<Enums>(without(enums(), "/internal/kind")), "internal");
    assert_eq!(path::<Enums>(without(enums(), "/internal/place/y")), "internal.place");
    assert_eq!(path::<Enums>(without(enums(), "/list/2/place/y")), "list[2].place");
    assert_eq!(path::<Enums>(with(enums(), "/list/2/place/own", json!(1))), "list[2].place");
    assert_eq!(path::<Enums>(without(enums(), "/adjacent/c/volume")), "adjacent.c");
}

#[test]
fn a_field_of_tagged_enums_is_named() {
    let fields = ["/internal/volume", "/internal/place", "/internal/place/x", "/internal/kind"];
    check_each::<Enums>(&enums(), &fields);
    let fields =
        ["/list/1/round", "/list/1/at", "/list/2/volume", "/list/2/place/y", "/list/0/kind"];
    check_each::<Enums>(&enums(), &fields);
    check_each::<Enums>(&enums(), &["/adjacent/c/volume", "/adjacent/c/place/x"]);
    assert_eq!(path::<Enums>(with(enums(), "/adjacent/t", json!("odd"))), "adjacent.t");
    assert_eq!(path::<Enums>(with(enums(), "/list/2/kind", json!("odd"))), "list[2].kind");
    assert_eq!(path::<Enums>(with(enums(), "/list/1/at", json!("soon"))), "list[1].at");

    check_each::<Tagged>(
        &json!({"kind": "Drawn", "card": 1, "at": AT}),
        &["/kind", "/card", "/at"],
    );
    check_each::<Tagged>(
        &json!({"at": AT, "id": "a", "round": 1, "kind": "Lost"}),
        &["/round", "/at"],
    );
    let late = json!({"kind": "Drawn", "card": 1, "at": "late"});
    assert_eq!(path::<Tagged>(late), "at");
}

#[test]
fn a_field_of_flattened_enums_is_named() {
    let loud = json!({"loud": {"volume": 1, "place": {"x": 1, "y": 2}}});
    let sound = json!({
        "kind": "loud", "volume": 1, "place": {"x": 1, "y": 2, "tags": []}, "external": loud,
        "several": ["plain", loud],
    });
    let fields =
        ["/kind", "/volume", "/place/y", "/external/loud/volume", "/several/1/loud/place/x"];
    check_each::<FlatEnums>(&sound, &fields);
    let marked = json!({
        "kind": "marked", "external": "plain",
        "marks": [3, {"name": "a", "value": 1}, {"name": "b", "value": 2}],
    });
    assert_eq!(
        path::<FlatEnums>(with(marked.clone(), "/marks/2/value", json!(-1))),
        "marks[2].value"
    );
    assert_eq!(path::<FlatEnums>(with(marked.clone(), "/marks/0", json!(-1))), "marks[0]");
    assert_eq!(path::<FlatEnums>(with(marked, "/marks", json!(1))), "marks");
}

#[test]
fn a_field_of_untagged_enums_is_named_where_only_one_is_wrong() {
    let bad = |mark: Value| path::<Enums>(with(enums(), "/mark", mark));
    assert_eq!(bad(json!({"name": "n", "value": "2"})), "mark.value");
    assert_eq!(bad(json!({"name": ["n"], "value": 2})), "mark.name");
    assert_eq!(bad(json!([true, "x"])), "mark[1]");
    assert_eq!(bad(json!(300)), "mark");
    // Several could be meant.
    assert_eq!(bad(json!({"name": 1, "value": "2"})), "mark");
    assert_eq!(bad(json!({})), "mark");

    let bad = |at: &str, value: Value| path::<Nested>(with(nested(), at, value));
    assert_eq!(bad("/marks/1/value", json!(-2)), "marks[1].value");
    assert_eq!(bad("/marks/0", json!(-2)), "marks[0]");
    assert_eq!(bad("/marks/2/0", json!("yes")), "marks[2][0]");
}

#[test]
fn an_object_or_a_list_that_is_wrong_as_a_whole_is_named_itself() {
    let sound = json!({"first": 1, "range": {"low": 1, "high": 2}, "pair": [1, 2]});
    check_each::<Ranges>(&sound, &["/first", "/range", "/range/low", "/range/high", "/pair/0"]);
    assert_eq!(path::<Ranges>(with(sound.clone(), "/range/low", json!(3))), "range");
    assert_eq!(path::<Ranges>(with(sound.clone(), "/pair", json!([1]))), "pair");
    assert_eq!(path::<Ranges>(with(sound.clone(), "/pair", json!([1, 2, 3]))), "pair");
    assert_eq!(path::<Ranges>(with(sound, "/pair", json!([]))), "pair");
    for whole in [json!(7), json!([]), json!("x"), json!(null)] {
        assert_eq!(path::<Ranges>(whole.clone()), ".");
        assert_eq!(path::<Tagged>(whole), ".");
    }
}

#[test]
fn a_field_of_a_large_payload_is_named_within_a_budget() {
    let many: Vec<_> = (0..4_000).map(|n| json!({"name": "n", "value": n % 200})).collect();
    let json = with(nested(), "/marks", many.into());
    // A list is halved; what would take too long ends at the list or the whole.
    assert_eq!(path::<Nested>(with(json.clone(), "/place/y", json!("y"))), "place.y");
    let bad = path::<Nested>(with(json, "/marks/3000/value", json!(-1)));
    assert!(bad == "." || bad.starts_with("marks"), "{bad}");
}

#[test]
fn base_fields_of_every_game_event_are_named() {
    let mut rng = fastrand::Rng::with_seed(7);
    let registry = Registry::global().unwrap();
    for event in game_events::testing::one_of_each(&mut rng) {
        let event = NewEvent::from(event);
        let path = |data: Value| {
            let data = to_raw_value(&data).unwrap();
            let error =
                registry.decode(event.event_type(), event.event_version(), &data).unwrap_err();
            error.json_path().unwrap().to_owned()
        };
        let sound: Value = serde_json::from_str(event.data().unwrap().get()).unwrap();
        for (field, bad) in [
            ("game_id", json!(1)),
            ("guild_id", json!(null)),
            ("mode", json!("solo")),
            ("mode", json!(2)),
            ("round_number", json!(-1)),
            ("round_number", json!("1")),
            ("timestamp", json!("yesterday")),
            ("timestamp", json!(1_700_000_000)),
            ("metadata", json!([])),
        ] {
            let data = with(sound.clone(), &format!("/{field}"), bad.clone());
            assert_eq!(path(data), field, "{}: {bad}", event.event_type());
        }
        assert_eq!(path(without(sound, "/timestamp")), ".", "{}", event.event_type());
    }
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "path.unread", version = 1)]
struct Unread {
    name: String,
    #[serde(flatten)]
    inner: UnreadInner,
}

#[derive(Debug, Serialize, Deserialize)]
struct UnreadInner {
    first: u8,
    #[serde(serialize_with = "loudly", deserialize_with = "plainly")]
    word: String,
    last: u8,
}

fn loudly<S: Serializer>(word: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&word.to_uppercase())
}

fn plainly<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let word = String::deserialize(from)?;
    if word.chars().any(char::is_uppercase) {
        return Err(serde::de::Error::custom("a word is in lower case"));
    }
    Ok(word)
}

#[tokio::test]
async fn an_append_that_is_refused_names_the_field_beside_flatten() {
    let store = EventStore::in_memory().unwrap();
    let event =
        Unread { name: "n".into(), inner: UnreadInner { first: 1, word: "word".into(), last: 2 } };
    let stream = StreamId::new("path-1").unwrap();
    let error = store.append(&stream, ExpectedVersion::Any, [event]).await.unwrap_err();
    assert!(matches!(error, Error::Serialization { .. }), "{error}");
    assert!(error.to_string().contains("v1 at `word`"), "{error}");
}
