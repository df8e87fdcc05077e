//! Events as JSON from a file or from standard input, validated by the registry before any of them is stored.

use std::collections::{BTreeMap, HashSet};
use std::error::Error as _;
use std::io::Read;

use chrono::Utc;
use event_core::event::DecodeError;
use event_core::{AnyEvent, EventVersion, InvalidEvent, Metadata, NewEvent, Registry};
use serde::Deserialize;
use serde_json::Deserializer;
use serde_json::value::RawValue;

/// The most that is read: more than any store takes in one append.
const MOST_BYTES: u64 = 256 << 20;

/// An event on its way in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(rename = "type")]
    event_type: String,
    /// That of the data; the latest if it is left out.
    event_version: Option<u32>,
    data: Box<RawValue>,
    id: Option<String>,
    metadata: Option<Box<RawValue>>,
}

/// Why an event of the input is refused: which one, where, and the rule.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) index: usize,
    pub(crate) path: String,
    pub(crate) rule: String,
}

/// Reads all events: one object after another, or lists of them.
pub(crate) fn read(source: impl Read) -> Result<Vec<Box<RawValue>>, String> {
    let mut text = String::new();
    let read = source.take(MOST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| format!("could not read the events: {error}"))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!("the input is larger than {} MiB", MOST_BYTES >> 20));
    }
    let mut events = Vec::new();
    for value in Deserializer::from_str(&text).into_iter::<Box<RawValue>>() {
        let value =
            value.map_err(|error| format!("event {}: it is no JSON: {error}", events.len()))?;
        if value.get().starts_with('[') {
            let list: Vec<Box<RawValue>> = serde_json::from_str(value.get())
                .map_err(|error| format!("event {}: it is no JSON: {error}", events.len()))?;
            events.extend(list);
        } else {
            events.push(value);
        }
    }
    Ok(events)
}

/// Validates all events, and returns every refusal.
pub(crate) fn validate(
    registry: &Registry,
    given: &[Box<RawValue>],
) -> Result<Vec<NewEvent>, Vec<Refusal>> {
    let (mut events, mut refusals) = (Vec::new(), Vec::new());
    let mut ids = HashSet::new();
    for (index, text) in given.iter().enumerate() {
        match event(registry, text) {
            Ok(event) if !ids.insert(event.id()) => {
                let rule = "an earlier event of the input has the same id".to_owned();
                refusals.push(Refusal { index, path: ".id".to_owned(), rule });
            }
            Ok(event) => events.push(event),
            Err((path, rule)) => refusals.push(Refusal { index, path, rule }),
        }
    }
    if refusals.is_empty() { Ok(events) } else { Err(refusals) }
}

/// The path and the rule of a refusal.
type Broken = (String, String);

fn event(registry: &Registry, text: &RawValue) -> Result<NewEvent, Broken> {
    let given: Given = serde_json::from_str(text.get())
        .map_err(|error| (".".to_owned(), without_place(&error)))?;
    let decoded = decode(registry, &given)?;
    decoded.validate_any(Utc::now()).map_err(|invalid| of_rule(&invalid))?;
    let data = decoded.to_stored_any().map_err(|invalid| of_rule(&invalid))?;
    let mut event = NewEvent::raw(decoded.event_type(), decoded.event_version(), data);
    if let Some(id) = &given.id {
        let id: event_core::EventId =
            id.parse().map_err(|error: event_core::value::InvalidEventId| broken(".id", error))?;
        event = event.with_id(id);
    }
    if let Some(metadata) = &given.metadata {
        let metadata = Metadata::from_json(metadata.get());
        event = event.with_metadata(metadata.map_err(|error| broken(".metadata", error))?);
    }
    Ok(event)
}

/// The rule of the event's own type that it breaks.
fn of_rule(invalid: &InvalidEvent) -> Broken {
    let path = invalid.field.as_ref().map_or(".data".to_owned(), |it| format!(".data.{it}"));
    (path, invalid.to_string())
}

/// The parser counts lines and columns within the event.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn broken(path: &str, error: impl std::fmt::Display) -> Broken {
    (path.to_owned(), error.to_string())
}

/// The event as the latest version of its type.
fn decode(registry: &Registry, given: &Given) -> Result<Box<dyn AnyEvent>, Broken> {
    let latest = registry.latest(&given.event_type).map_err(|error| of_decoding(&error))?;
    let version = match given.event_version {
        None => latest.version(),
        Some(number) => EventVersion::try_from(i64::from(number))
            .map_err(|error| (".event_version".to_owned(), error.to_string()))?,
    };
    if latest.is_readonly() {
        let rule = format!("{} {} is read-only", latest.event_type(), latest.version());
        return Err((".type".to_owned(), rule));
    }
    // A key that the version does not have would be lost. A version without a type of its own cannot tell.
    if let Ok(own) = registry.lookup(&given.event_type, version) {
        let read = own.decode(version, &given.data).map_err(|error| of_decoding(&error))?;
        let written =
            read.to_json_any().map_err(|error| (".data".to_owned(), error.to_string()))?;
        if let Some(path) = lost(&given.data, &written, ".data") {
            let rule = format!("{} {version} has no such key", own.event_type());
            return Err((path, rule));
        }
    }
    registry.decode(&given.event_type, version, &given.data).map_err(|error| of_decoding(&error))
}

fn of_decoding(error: &DecodeError) -> Broken {
    match error {
        DecodeError::UnknownType { .. } => (".type".to_owned(), error.to_string()),
        DecodeError::UnknownVersion { .. } | DecodeError::FromTheFuture { .. } => {
            (".event_version".to_owned(), error.to_string())
        }
        DecodeError::Payload { path, source, .. } => {
            let path = if path == "." {
                String::new()
            } else {
                format!(".{}", path.trim_start_matches('.'))
            };
            (format!(".data{path}"), without_place(source))
        }
        _ => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            (".data".to_owned(), format!("{error}{cause}"))
        }
    }
}

/// The path of the first key that is given and not kept. One that stands for nothing may be left out. Texts are compared,
/// not values: those hold neither every number nor every depth.
fn lost(given: &RawValue, kept: &RawValue, path: &str) -> Option<String> {
    if given.get() == kept.get() {
        return None;
    }
    match (&Kind::of(given), &Kind::of(kept)) {
        (Kind::Object(given), Kind::Object(kept)) => given.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match kept.get(key) {
                Some(kept) => lost(value, kept, &path),
                None if is_nothing(value) => None,
                None => Some(path),
            }
        }),
        (Kind::List(given), Kind::List(kept)) => {
            let pairs = given.iter().zip(kept).enumerate();
            pairs
                .into_iter()
                .find_map(|(at, (given, kept))| lost(given, kept, &format!("{path}[{at}]")))
        }
        _ => None,
    }
}

/// A value of JSON, with what is in it as text.
enum Kind<'t> {
    Object(BTreeMap<String, &'t RawValue>),
    List(Vec<&'t RawValue>),
    Other,
}

impl<'t> Kind<'t> {
    fn of(text: &'t RawValue) -> Self {
        let parsed = match text.get().as_bytes().first() {
            Some(b'{') => serde_json::from_str(text.get()).map(Self::Object),
            Some(b'[') => serde_json::from_str(text.get()).map(Self::List),
            _ => return Self::Other,
        };
        // A key that is no text is in nothing that a type wrote.
        parsed.unwrap_or(Self::Other)
    }
}

fn is_nothing(value: &RawValue) -> bool {
    match (Kind::of(value), value.get()) {
        (Kind::Object(map), _) => map.is_empty(),
        (Kind::List(list), _) => list.is_empty(),
        (Kind::Other, "null" | "false" | "\"\"") => true,
        (Kind::Other, text) => text.parse() == Ok(0.0_f64),
    }
}

#[cfg(test)]
mod tests {
    use event_core::Event;
    use serde::Serialize;

    use super::*;

    /// Its own type does not read it without a tag.
    #[derive(Debug, Serialize, Deserialize)]
    struct Tagged {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
    }

    impl Event for Tagged {
        const TYPE: &'static str = "tagged";
        const VERSION: EventVersion = EventVersion::FIRST;
    }

    /// What is in it is anybody's.
    #[derive(Debug, Serialize, Deserialize)]
    struct Kept {
        text: Box<RawValue>,
    }

    impl Event for Kept {
        const TYPE: &'static str = "kept";
        const VERSION: EventVersion = EventVersion::FIRST;
    }

    fn of(event_type: &str, data: &str) -> Result<Vec<NewEvent>, Vec<Refusal>> {
        let registry = Registry::builder().event::<Tagged>().event::<Kept>().build().unwrap();
        let valid = r#"{"type":"tagged","data":{"tags":["a"]}}"#;
        let given = format!(r#"{valid} {{"type":"{event_type}","data":{data}}}"#);
        validate(&registry, &read(given.as_bytes()).unwrap())
    }

    #[track_caller]
    fn refused(event_type: &str, data: &str) -> (String, String) {
        let mut refusals = of(event_type, data).unwrap_err();
        let Refusal { index, path, rule } = refusals.pop().unwrap();
        assert_eq!((index, refusals.len()), (1, 0));
        (path, rule)
    }

    #[test]
    fn what_its_own_type_would_not_read_is_refused() {
        let (path, rule) = refused("tagged", r#"{"tags":[]}"#);
        assert_eq!(path, ".data");
        assert!(rule.contains("does not read what it writes: missing field `tags`"), "{rule}");
        assert!(!rule.contains("line 1"), "{rule}");
    }

    #[test]
    fn a_key_that_would_be_lost_is_found_beside_any_number_and_depth() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (data, at) in [
            (r#"{"tags":["a"],"more":1e400}"#.to_owned(), ".data.more"),
            (format!(r#"{{"tags":["a"],"more":{deep}}}"#), ".data.more"),
            (r#"{"tags":["a"],"none":[ ],"less":"","more":{"a":0}}"#.to_owned(), ".data.more"),
        ] {
            let (path, rule) = refused("tagged", &data);
            assert_eq!((&*path, &*rule), (at, "tagged v1 has no such key"), "{data}");
        }
        for text in ["1e400", "123456789012345678901234567890", r#"{"a":1,"a":{"\ud800":2}}"#] {
            let events = of("kept", &format!(r#"{{"text":{text}}}"#)).unwrap();
            assert_eq!(events[1].data().unwrap().get(), format!(r#"{{"text":{text}}}"#));
        }
        let nothing = r#"{"tags":["a"],"a":null,"b":false,"c":0.0,"d":{ },"e":""}"#;
        assert_eq!(of("tagged", nothing).unwrap().len(), 2);
    }
}
