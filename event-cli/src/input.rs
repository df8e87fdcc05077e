//! Events as JSON from a file or from standard input, validated by the registry before any of them is stored.

use std::collections::HashSet;
use std::error::Error as _;
use std::io::Read;

use chrono::Utc;
use event_core::event::DecodeError;
use event_core::{AnyEvent, EventVersion, Metadata, NewEvent, Registry};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};

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
    decoded.validate_any(Utc::now()).map_err(|invalid| {
        let path = invalid.field.as_ref().map_or(".data".to_owned(), |it| format!(".data.{it}"));
        (path, invalid.to_string())
    })?;
    let data = decoded.to_json_any().map_err(|error| broken(".data", error))?;
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
        let value = |text: &RawValue| serde_json::from_str::<Value>(text.get()).unwrap_or_default();
        if let Some(path) = lost(&value(&given.data), &value(&written), ".data") {
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

/// The path of the first key that is given and not kept. One that stands for nothing may be left out.
fn lost(given: &Value, kept: &Value, path: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match kept.get(key) {
                Some(kept) => lost(value, kept, &path),
                None if is_nothing(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => {
            let pairs = given.iter().zip(kept).enumerate();
            pairs
                .into_iter()
                .find_map(|(at, (given, kept))| lost(given, kept, &format!("{path}[{at}]")))
        }
        _ => None,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}
