//! [`Codec`]: how an event becomes what is stored and back, with the version of that format (S-05, S-06).
//!
//! [`Serializer`] is the simple door around it (S-07): one event to its stored form and back, with validation, for
//! tests, exports and tools. A store does not need it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::envelope::NewEvent;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, decode_at};
use crate::value::{Clock, EventVersion, Metadata, Scope};

/// Encodes and decodes the data of events.
///
/// Decoding goes by the field types of the event, never by what a text looks like: a word that happens to be a
/// time stays a word.
#[doc(alias = "serializer")]
pub trait Codec {
    /// The version of the stored format, from 1; not the version of any event.
    fn format_version(&self) -> u32;

    /// The data as it is stored.
    ///
    /// # Errors
    /// [`Error::Serialization`].
    fn encode<E: Event>(&self, event: &E) -> Result<Box<RawValue>>;

    /// The event from data stored at `version`, migrated along the event's own history.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn decode<E: Event>(&self, version: EventVersion, data: &RawValue) -> Result<E, DecodeError>;
}

/// JSON through serde: the format of every adapter here.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonCodec;

impl Codec for JsonCodec {
    fn format_version(&self) -> u32 {
        1
    }

    fn encode<E: Event>(&self, event: &E) -> Result<Box<RawValue>> {
        event.to_json().map_err(|source| Error::Serialization {
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
/// The older spelling `event_type`, `event_version` is read too (D-25).
#[derive(Debug, Clone, Serialize)]
pub struct StoredEvent {
    /// The type string.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The schema version.
    pub version: EventVersion,
    /// The payload, a JSON object.
    pub data: Box<RawValue>,
    /// The metadata.
    pub metadata: Metadata,
}

/// As it may stand in a file: every part optional, so that each missing one gets its own words.
#[derive(Deserialize)]
struct Loose {
    #[serde(rename = "type", alias = "event_type")]
    event_type: Option<Value>,
    #[serde(alias = "event_version")]
    version: Option<Value>,
    data: Option<Box<RawValue>>,
    metadata: Option<Box<RawValue>>,
}

impl StoredEvent {
    /// Reads the stored form, checking its parts in order.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] for the first part that is missing or of the wrong kind.
    pub fn parse(json: &str) -> Result<Self> {
        let bad = |reason: &str| Error::invalid_append(format!("its stored form {reason}"));
        if !json.trim_start().starts_with('{') {
            return Err(bad("must be a JSON object"));
        }
        let loose: Loose = serde_json::from_str(json)
            .map_err(|error| bad(&format!("is no JSON object: {error}")))?;
        let event_type = match loose.event_type {
            Some(Value::String(name)) if !name.is_empty() => name,
            Some(_) => return Err(bad("has a `type` that is no text")),
            None => return Err(bad("lacks `type`")),
        };
        let version = loose.version.ok_or_else(|| bad("lacks `version`"))?;
        let version = version
            .as_i64()
            .and_then(|version| EventVersion::try_from(version).ok())
            .ok_or_else(|| bad("has a `version` that is no number from 1"))?;
        let data = loose.data.ok_or_else(|| bad("lacks `data`"))?;
        if !data.get().starts_with('{') {
            return Err(bad("has `data` that is no object"));
        }
        let metadata = match loose.metadata {
            Some(raw) => {
                Metadata::try_from(raw).map_err(|_| bad("has `metadata` that is no object"))?
            }
            None => Metadata::new(),
        };
        Ok(Self { event_type, version, data, metadata })
    }
}

/// One event to its stored form and back, with validation.
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
    /// Validates on both ways, by the machine's clock.
    pub fn new() -> Self {
        Self { clock: Clock::system(), validate: true }
    }

    /// Takes the time for validation from here.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Only the structure is checked, not the event's rules.
    #[must_use]
    pub fn without_validation(mut self) -> Self {
        self.validate = false;
        self
    }

    /// The version of the stored format.
    pub fn format_version(&self) -> u32 {
        JsonCodec.format_version()
    }

    /// The stored form of an event, as JSON text.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] or [`Error::Serialization`].
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

    /// The event from its stored form, migrated to `E`.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] for a form that is none or an event that breaks its rules,
    /// [`Error::UnknownEventType`] for another type, else as [`RecordedEvent::decode`](crate::RecordedEvent::decode).
    pub fn from_stored<E: Event>(&self, json: &str) -> Result<E> {
        let stored = StoredEvent::parse(json)?;
        if stored.event_type != E::TYPE {
            let known = vec![E::TYPE];
            return Err(DecodeError::UnknownType { event_type: stored.event_type, known }.into());
        }
        let event: E = JsonCodec.decode(stored.version, &stored.data)?;
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
