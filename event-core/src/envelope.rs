//! [`NewEvent`] on its way in, [`EventData`] encoded, [`RecordedEvent`] stored.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::decode::{decode_at, is_named};
use crate::error::{Context, Error, Place, Result};
use crate::event::{AnyEvent, Event};
use crate::id::EventId;
use crate::metadata::Metadata;
use crate::number::{Position, StreamVersion};
use crate::registry::Registry;
use crate::scope::Scope;
use crate::stream::{StreamId, Tenant};
use crate::version::EventVersion;

/// An event on its way in: encoded at once, validated when it is appended.
///
/// Made from any event or closed set; an encoding that failed is kept and reported by the append, with its index.
///
/// ```
/// use event_core::{Event, EventId, EventVersion, Metadata, NewEvent};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened {
/// #     const TYPE: &'static str = "opened";
/// #     const VERSION: EventVersion = EventVersion::FIRST;
/// # }
/// let event = NewEvent::from(Opened { by: "ann".into() })
///     .with_metadata(Metadata::new().with_source_id("message-1"));
/// assert_eq!(event.event_type(), "opened");
/// ```
#[derive(Clone)]
pub struct NewEvent {
    id: EventId,
    event_type: Cow<'static, str>,
    version: EventVersion,
    data: Result<Box<RawValue>, Arc<serde_json::Error>>,
    metadata: Metadata,
    typed: Option<Arc<dyn AnyEvent>>,
    readonly: bool,
}

impl NewEvent {
    /// A new event from a typed one.
    pub(crate) fn of<E: Event>(event: E) -> Self {
        Self {
            id: EventId::new(),
            event_type: Cow::Borrowed(E::TYPE),
            version: E::VERSION,
            data: event.to_json().map_err(Arc::new),
            metadata: Metadata::new(),
            typed: Some(Arc::new(event)),
            readonly: E::FACTS.readonly,
        }
    }

    /// An event that is encoded already: imports and tools. It is not validated.
    pub fn raw(
        event_type: impl Into<Cow<'static, str>>,
        version: EventVersion,
        data: Box<RawValue>,
    ) -> Self {
        Self {
            id: EventId::new(),
            event_type: event_type.into(),
            version,
            data: Ok(data),
            metadata: Metadata::new(),
            typed: None,
            readonly: false,
        }
    }

    /// The same content again, with a fresh id.
    pub(crate) fn from_recorded(recorded: RecordedEvent) -> Self {
        let RecordedParts { event_type, event_version, data, metadata, .. } = recorded.0;
        Self::raw(event_type, event_version, data).with_metadata(metadata)
    }

    /// Sets the id; the same ids again give the same answer.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<EventId>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets the metadata, whole.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Drops the rules of the typed event: what is left is appended as it is encoded.
    pub(crate) fn without_validation(mut self) -> Self {
        self.typed = None;
        self
    }

    /// The id.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// The type string.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The schema version.
    pub const fn event_version(&self) -> EventVersion {
        self.version
    }

    /// The metadata, before a scope adds to it.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The encoded data, unless encoding failed.
    pub fn data(&self) -> Option<&RawValue> {
        self.data.as_deref().ok()
    }

    /// Why the event must not be stored, if so.
    fn refusal(&self, now: DateTime<Utc>) -> Option<String> {
        if self.readonly {
            let version = self.version;
            return Some(format!("{version} is read-only; append the latest version of the event"));
        }
        self.typed.as_ref()?.validate_any(now).err().map(|invalid| invalid.to_string())
    }

    /// Validates and hands over what an adapter stores. `index` is the event's place in its append.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] or [`Error::Serialization`], each with the index.
    pub(crate) fn into_data(
        self,
        index: usize,
        now: DateTime<Utc>,
        scope: &Scope,
    ) -> Result<EventData> {
        if let Some(reason) = self.refusal(now) {
            return Err(Error::InvalidEventData {
                index: Some(index),
                event_type: Some(self.event_type.into_owned()),
                reason,
                context: Context::default(),
            });
        }
        let event_type = self.event_type;
        match self.data {
            Ok(data) => Ok(EventData {
                id: self.id,
                event_type,
                version: self.version,
                data,
                metadata: self.metadata.in_scope(scope),
            }),
            Err(source) => Err(Error::Serialization {
                index: Some(index),
                event_type: event_type.into_owned(),
                source: Box::new(source),
            }),
        }
    }
}

impl<E: Event> From<E> for NewEvent {
    fn from(event: E) -> Self {
        Self::of(event)
    }
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("version", &self.version)
            .field("data", &self.data)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// A mixed list of new events: `events![drawn, played]`.
///
/// ```
/// # use event_core::{Event, EventVersion, events};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Closed;
/// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # impl Event for Closed { const TYPE: &'static str = "closed"; const VERSION: EventVersion = EventVersion::FIRST; }
/// let list = events![Opened, Closed];
/// assert_eq!(list[1].event_type(), "closed");
/// ```
#[macro_export]
macro_rules! events {
    ($($event:expr),* $(,)?) => {
        ::std::vec![$($crate::NewEvent::from($event)),*]
    };
}

/// An event as an adapter stores it: encoded, with its identity.
#[derive(Debug, Clone)]
pub struct EventData {
    /// The id, unique per tenant.
    pub id: EventId,
    /// The type string.
    pub event_type: Cow<'static, str>,
    /// The schema version.
    pub version: EventVersion,
    /// The payload.
    pub data: Box<RawValue>,
    /// The metadata, those of the scope included.
    pub metadata: Metadata,
}

/// What a recorded event is made of; adapters build them.
#[derive(Debug, Clone)]
pub struct RecordedParts {
    /// Whose event.
    pub tenant: Tenant,
    /// Its stream.
    pub stream_id: StreamId,
    /// Its number in the stream, from 1.
    pub stream_version: StreamVersion,
    /// Its place in the global order.
    pub position: Position,
    /// Its id.
    pub event_id: EventId,
    /// The stored type string.
    pub event_type: Cow<'static, str>,
    /// The stored schema version.
    pub event_version: EventVersion,
    /// The stored payload, byte for byte.
    pub data: Box<RawValue>,
    /// The stored metadata.
    pub metadata: Metadata,
    /// When the store recorded it.
    pub recorded_at: DateTime<Utc>,
}

/// A stored event: what happened, where it stands, and how to read it.
#[doc(alias = "envelope")]
#[derive(Debug, Clone)]
pub struct RecordedEvent(RecordedParts, Option<Box<(StreamId, StreamVersion)>>);

impl RecordedEvent {
    /// A recorded event from its parts; for adapters.
    pub const fn from_parts(parts: RecordedParts) -> Self {
        Self(parts, None)
    }

    /// What it is made of; for adapters.
    pub fn into_parts(self) -> RecordedParts {
        self.0
    }

    /// The same event as a stream of links shows it: under a number of that stream; where it was appended becomes its
    /// origin. For adapters.
    #[must_use]
    pub fn linked(mut self, stream_id: StreamId, stream_version: StreamVersion) -> Self {
        let parts = &mut self.0;
        let own = std::mem::replace(&mut parts.stream_id, stream_id);
        let number = std::mem::replace(&mut parts.stream_version, stream_version);
        self.1 = Some(Box::new((own, number)));
        self
    }

    /// The stream it was appended to, and its number there, where it was read through a link
    /// ([`EventStore::link`](crate::EventStore::link)): `stream_id()` and `stream_version()` are then those of the
    /// stream of links. `None` for an event in its own stream.
    pub fn origin(&self) -> Option<(&StreamId, StreamVersion)> {
        self.1.as_deref().map(|(stream_id, version)| (stream_id, *version))
    }

    /// Whose event it is.
    pub const fn tenant(&self) -> &Tenant {
        &self.0.tenant
    }

    /// The stream it was read from: its own, or one that links to it.
    pub const fn stream_id(&self) -> &StreamId {
        &self.0.stream_id
    }

    /// Its number in the stream, from 1.
    pub const fn stream_version(&self) -> StreamVersion {
        self.0.stream_version
    }

    /// Its place in the global order.
    pub const fn position(&self) -> Position {
        self.0.position
    }

    /// Its id.
    pub const fn event_id(&self) -> EventId {
        self.0.event_id
    }

    /// The stored type string.
    pub fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The stored schema version, whatever the code knows today (S-14).
    pub const fn event_version(&self) -> EventVersion {
        self.0.event_version
    }

    /// The stored payload, byte for byte.
    pub fn data(&self) -> &RawValue {
        &self.0.data
    }

    /// The stored metadata.
    pub const fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// When the store recorded it, by the store's clock.
    pub const fn recorded_at(&self) -> DateTime<Utc> {
        self.0.recorded_at
    }

    /// Where it stands, for messages.
    pub fn place(&self) -> Place {
        Place {
            stream_id: self.0.stream_id.clone(),
            stream_version: self.0.stream_version,
            position: self.0.position,
        }
    }

    /// The event as `E`, migrated along the history that `E` declares; needs no registry.
    ///
    /// # Errors
    /// [`Error::UnknownEventType`] for another type, [`Error::FromTheFuture`] for a version newer than `E`,
    /// [`Error::Deserialization`] for data that does not fit or a step that failed; each with the place.
    #[inline]
    pub fn decode<E: Event>(&self) -> Result<E> {
        if *self.0.event_type != *E::TYPE && !is_named::<E>(&self.0.event_type) {
            return Err(self.of_another_type(E::TYPE));
        }
        match decode_at(self.0.event_version, &self.0.data) {
            Ok(event) => Ok(event),
            Err(error) => Err(self.undecodable(error)),
        }
    }

    /// The event as the latest version of its type in the global registry.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`], and [`Error::Registry`] when the registry is unsound.
    pub fn decode_any(&self) -> Result<Box<dyn AnyEvent>> {
        self.decode_with(Registry::global()?)
    }

    /// The event as the latest version of its type in a registry of one's own.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`].
    pub fn decode_with(&self, registry: &Registry) -> Result<Box<dyn AnyEvent>> {
        registry
            .decode(&self.0.event_type, self.0.event_version, &self.0.data)
            .map_err(|error| self.undecodable(error))
    }

    #[cold]
    fn undecodable(&self, error: crate::decode_error::DecodeError) -> Error {
        Error::decoding(error, self.0.event_version, Some(self.place()))
    }

    #[cold]
    fn of_another_type(&self, expected: &str) -> Error {
        Error::UnknownEventType {
            event_type: self.event_type().to_owned(),
            version: None,
            known: vec![expected.to_owned()],
            at: Some(Box::new(self.place())),
        }
    }
}

impl PartialEq for RecordedEvent {
    /// Equal in everything a store promises to keep, payload bytes included; the time of recording too.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.tenant == b.tenant
            && a.stream_id == b.stream_id
            && a.stream_version == b.stream_version
            && a.position == b.position
            && a.event_id == b.event_id
            && a.event_type == b.event_type
            && a.event_version == b.event_version
            && a.data.get() == b.data.get()
            && a.metadata == b.metadata
            && a.recorded_at == b.recorded_at
            && self.1 == other.1
    }
}
