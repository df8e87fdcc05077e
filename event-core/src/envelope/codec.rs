//! [`Codec`]: encodes and decodes the data of events, in a versioned format.
//!
//! [`Serializer`] converts a single event to its stored form and back, with validation, for tests, exports and tools.
//! A store does not use it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::envelope::NewEvent;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, decode_at, encode_event, matches_type};
use crate::value::{Clock, EventVersion, Metadata, Scope};

/// Encodes and decodes the data of events.
///
/// Decoding follows the field types of the event, never the content of a value: a string that looks like a time stays a
/// string.
#[doc(alias = "serializer")]
pub trait Codec {
    /// Returns the version of the format, from 1; independent of event versions.
    fn format_version(&self) -> u32;

    /// Encodes the data of an event.
    ///
    /// # Errors
    /// [`Error::Serialization`] for a value that the format cannot represent, or that would not read back as it is.
    fn encode<E: Event>(&self, event: &E) -> Result<Box<RawValue>>;

    /// Decodes data stored at `version`, migrated along the history of `E`.
    ///
    /// # Errors
    /// As [`decode_at`].
    fn decode<E: Event>(&self, version: EventVersion, data: &RawValue) -> Result<E, DecodeError>;
}

/// JSON, encoded and decoded by serde: the format of all adapters in this workspace.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonCodec;

impl Codec for JsonCodec {
    fn format_version(&self) -> u32 {
        1
    }

    fn encode<E: Event>(&self, event: &E) -> Result<Box<RawValue>> {
        encode_event(event).map_err(|source| Error::Serialization {
            index: None,
            event_type: E::TYPE.into(),
            source: Box::new(source),
        })
    }

    fn decode<E: Event>(&self, version: EventVersion, data: &RawValue) -> Result<E, DecodeError> {
        decode_at(version, data)
    }
}

/// One event in its stored form: `{"type", "version", "data", "metadata"}`.
///
/// The keys `event_type` and `event_version` are accepted, too.
#[derive(Debug, Clone, Serialize)]
pub struct StoredEvent {
    /// The type string.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The schema version.
    pub version: EventVersion,
    /// The payload, a JSON object.
    pub data: Box<RawValue>,
    /// The metadata; empty if the key is missing.
    pub metadata: Metadata,
}

/// The stored form before validation: every key is optional, so that each missing one has its own error message.
#[derive(Deserialize)]
struct Unchecked {
    #[serde(rename = "type", alias = "event_type")]
    event_type: Option<Value>,
    #[serde(alias = "event_version")]
    version: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    metadata: Option<Box<RawValue>>,
}

/// Reads a key that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

fn is_object(data: &RawValue) -> bool {
    data.get().starts_with('{')
}

fn no_object() -> Error {
    Error::invalid_append("its stored form has `data` that is not an object")
}

impl StoredEvent {
    /// Parses the stored form and checks its keys.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] for the first key that is missing or has a value of the wrong type.
    pub fn parse(json: &str) -> Result<Self> {
        let stored = Self::parse_any(json)?;
        if is_object(&stored.data) { Ok(stored) } else { Err(no_object()) }
    }

    /// As [`parse`](Self::parse), with data of any kind: a unit struct is stored as `null`, a newtype as its value.
    fn parse_any(json: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::invalid_append(format!("its stored form {reason}"));
        if !json.trim_start().starts_with('{') {
            return Err(invalid("must be a JSON object"));
        }
        let unchecked: Unchecked = serde_json::from_str(json)
            .map_err(|error| invalid(&format!("is not a JSON object: {error}")))?;
        let event_type = match unchecked.event_type {
            Some(Value::String(name)) if !name.is_empty() => name,
            Some(_) => return Err(invalid("has a `type` that is not a non-empty string")),
            None => return Err(invalid("lacks `type`")),
        };
        let version = unchecked.version.ok_or_else(|| invalid("lacks `version`"))?;
        let version = version
            .as_i64()
            .and_then(|version| EventVersion::try_from(version).ok())
            .ok_or_else(|| invalid("has a `version` that is not an integer from 1"))?;
        let data = unchecked.data.ok_or_else(|| invalid("lacks `data`"))?;
        let metadata = match unchecked.metadata {
            Some(raw) => Metadata::try_from(raw)
                .map_err(|_| invalid("has `metadata` that is not an object"))?,
            None => Metadata::new(),
        };
        Ok(Self { event_type, version, data, metadata })
    }
}

/// Converts a single event to its stored form and back, with validation.
///
/// ```
/// use event_core::{Event, EventVersion};
/// use event_core::envelope::Serializer;
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened {
/// #     const TYPE: &'static str = "opened";
/// #     const VERSION: EventVersion = EventVersion::FIRST;
/// # }
/// let serializer = Serializer::new();
/// let json = serializer.to_stored(Opened { by: "ann".into() })?;
/// assert_eq!(json, r#"{"type":"opened","version":1,"data":{"by":"ann"},"metadata":{}}"#);
/// assert_eq!(serializer.from_stored::<Opened>(&json)?, Opened { by: "ann".into() });
/// # Ok::<(), event_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Serializer {
    clock: Clock,
    validate: bool,
}

impl Serializer {
    /// Creates a serializer that validates in both directions, with the system clock.
    pub fn new() -> Self {
        Self { clock: Clock::system(), validate: true }
    }

    /// Sets the clock for validation.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Disables [`Event::validate`]; the structure of the stored form is still checked.
    #[must_use]
    pub fn without_validation(mut self) -> Self {
        self.validate = false;
        self
    }

    /// Returns the version of the stored format.
    pub fn format_version(&self) -> u32 {
        JsonCodec.format_version()
    }

    /// Converts an event to its stored form, as JSON text.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] for an event that breaks its rules, [`Error::Serialization`] for a value that JSON
    /// cannot represent.
    pub fn to_stored(&self, event: impl Into<NewEvent>) -> Result<String> {
        let event = event.into();
        let event = if self.validate { event } else { event.without_validation() };
        let event = event.into_data(0, self.clock.now(), &Scope::default())?;
        let stored = StoredEvent {
            event_type: event.event_type.into_owned(),
            version: event.version,
            data: event.data,
            metadata: event.metadata,
        };
        serde_json::to_string(&stored).map_err(|source| Error::Serialization {
            index: None,
            event_type: stored.event_type,
            source: Box::new(source),
        })
    }

    /// Decodes an event from its stored form, migrated to `E`.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] for a malformed stored form or an event that breaks its rules,
    /// [`Error::UnknownEventType`] for another type, otherwise as
    /// [`RecordedEvent::decode`](crate::RecordedEvent::decode).
    pub fn from_stored<E: Event>(&self, json: &str) -> Result<E> {
        let stored = StoredEvent::parse_any(json)?;
        if stored.event_type != E::TYPE && !matches_type::<E>(&stored.event_type) {
            let known = vec![E::TYPE];
            return Err(DecodeError::UnknownType { event_type: stored.event_type, known }.into());
        }
        let event: E = JsonCodec.decode(stored.version, &stored.data)?;
        // serde reads a struct from a list as well; only an event that is written like that may be read from it.
        if !is_object(&stored.data) && event.to_json().is_ok_and(|data| is_object(&data)) {
            return Err(no_object());
        }
        if self.validate {
            event.validate(self.clock.now())?;
        }
        Ok(event)
    }
}

impl Default for Serializer {
    fn default() -> Self {
        Self::new()
    }
}
