//! [`RecordedEvent`]: a stored event with its stream, version, position, time and metadata.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::envelope::NewEvent;
use crate::error::{Error, EventLocation, Result};
use crate::event::{AnyEvent, DecodeError, Event, decode_at, matches_type};
use crate::registry::Registry;
use crate::value::{EventId, EventVersion, Metadata, Position, StreamId, StreamVersion, Tenant};

/// The fields of a [`RecordedEvent`]; adapters create events from them.
#[derive(Debug, Clone)]
pub struct RecordedParts {
    /// The tenant that owns the event.
    pub tenant: Tenant,
    /// The stream.
    pub stream_id: StreamId,
    /// The event's number in the stream, from 1.
    pub stream_version: StreamVersion,
    /// The position in the global order.
    pub position: Position,
    /// The event id, unique per tenant.
    pub event_id: EventId,
    /// The stored type string.
    pub event_type: Cow<'static, str>,
    /// The stored schema version.
    pub event_version: EventVersion,
    /// The stored payload, byte for byte.
    pub data: Box<RawValue>,
    /// The stored metadata.
    pub metadata: Metadata,
    /// When the event was appended, by the store's clock.
    pub recorded_at: DateTime<Utc>,
}

/// A stored event: its payload and metadata, its stream, version and position, and the methods that decode it.
#[doc(alias = "envelope")]
#[derive(Debug, Clone)]
pub struct RecordedEvent {
    parts: RecordedParts,
    /// The event's own stream and version, if it was read through a link.
    origin: Option<Box<(StreamId, StreamVersion)>>,
    /// Why parts of it stand for what could not be read.
    damage: Option<Box<str>>,
}

impl RecordedEvent {
    /// Creates a recorded event; for adapters.
    pub const fn from_parts(parts: RecordedParts) -> Self {
        Self { parts, origin: None, damage: None }
    }

    /// Marks the event: parts of it could not be read, and something else stands in their place. It decodes to that error
    /// and cannot be stored again; pages that hold it can be read past it. For adapters.
    #[must_use]
    pub fn damaged(mut self, reason: impl Into<Box<str>>) -> Self {
        self.damage = Some(reason.into());
        self
    }

    /// Returns what could not be read of the event, if anything: its stored data is not JSON, for one. What the other
    /// methods return is then reliable for the position only.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Returns the event if all of it could be read.
    ///
    /// # Errors
    /// [`Error::Corrupt`] with the event's location.
    #[inline]
    pub(crate) fn intact(&self) -> Result<&Self> {
        if self.damage.is_none() { Ok(self) } else { Err(self.corrupt()) }
    }

    #[cold]
    #[inline(never)]
    fn corrupt(&self) -> Error {
        let reason = self.damage().unwrap_or_default().to_owned();
        Error::Corrupt { at: Some(Box::new(self.location())), reason }
    }

    /// Returns the fields of the event; for adapters.
    pub fn into_parts(self) -> RecordedParts {
        self.parts
    }

    /// Converts the event into the entry of a stream of links: it gets that stream and its number there, and its own
    /// stream and version become the [`origin`](Self::origin). For adapters.
    #[must_use]
    pub fn linked(mut self, stream_id: StreamId, stream_version: StreamVersion) -> Self {
        let own_stream = std::mem::replace(&mut self.parts.stream_id, stream_id);
        let own_version = std::mem::replace(&mut self.parts.stream_version, stream_version);
        self.origin = Some(Box::new((own_stream, own_version)));
        self
    }

    /// Converts the event into a new event with the same content and a new id.
    pub(crate) fn into_new_event(self) -> NewEvent {
        let damage = self.damage;
        let RecordedParts { event_type, event_version, data, metadata, .. } = self.parts;
        let event = NewEvent::raw(event_type, event_version, data).with_metadata(metadata);
        match damage {
            None => event,
            Some(damage) => event.unreadable(&damage),
        }
    }

    /// Returns the stream that the event was appended to, and its version there, if the event was read through a link
    /// ([`EventStore::link`](crate::EventStore::link)). `stream_id()` and `stream_version()` are then those of the
    /// stream of links. `None` for an event read from its own stream.
    pub fn origin(&self) -> Option<(&StreamId, StreamVersion)> {
        self.origin.as_deref().map(|(stream_id, version)| (stream_id, *version))
    }

    /// Returns the tenant that owns the event.
    pub const fn tenant(&self) -> &Tenant {
        &self.parts.tenant
    }

    /// Returns the stream that the event was read from: its own, or a stream of links.
    pub const fn stream_id(&self) -> &StreamId {
        &self.parts.stream_id
    }

    /// Returns the event's number in that stream, from 1.
    pub const fn stream_version(&self) -> StreamVersion {
        self.parts.stream_version
    }

    /// Returns the position in the global order.
    pub const fn position(&self) -> Position {
        self.parts.position
    }

    /// Returns the event id.
    pub const fn event_id(&self) -> EventId {
        self.parts.event_id
    }

    /// Returns the stored type string; it may be an alias.
    pub fn event_type(&self) -> &str {
        &self.parts.event_type
    }

    /// Returns the stored schema version; migrations do not change it.
    pub const fn event_version(&self) -> EventVersion {
        self.parts.event_version
    }

    /// Returns the stored payload, byte for byte.
    pub fn data(&self) -> &RawValue {
        &self.parts.data
    }

    /// Returns the size of payload and metadata, in bytes.
    pub fn size(&self) -> usize {
        self.data().get().len() + self.metadata().as_json().len()
    }

    /// Returns the stored metadata.
    pub const fn metadata(&self) -> &Metadata {
        &self.parts.metadata
    }

    /// Returns the time of the append, by the store's clock.
    pub const fn recorded_at(&self) -> DateTime<Utc> {
        self.parts.recorded_at
    }

    /// Returns stream, version and position, for messages.
    pub fn location(&self) -> EventLocation {
        EventLocation {
            stream_id: self.parts.stream_id.clone(),
            stream_version: self.parts.stream_version,
            position: self.parts.position,
        }
    }

    /// Decodes the event as `E`, migrated along the history of `E`; needs no registry.
    ///
    /// # Errors
    /// [`Error::UnknownEventType`] for another type, [`Error::FromTheFuture`] for a version newer than `E`,
    /// [`Error::Deserialization`] for malformed data or a failed migration step, [`Error::Corrupt`] for an event with
    /// [`damage`](Self::damage); each with the event's location.
    #[inline]
    pub fn decode<E: Event>(&self) -> Result<E> {
        self.intact()?;
        if *self.parts.event_type != *E::TYPE && !matches_type::<E>(&self.parts.event_type) {
            return Err(self.unexpected_type(E::TYPE));
        }
        match decode_at(self.parts.event_version, &self.parts.data) {
            Ok(event) => Ok(event),
            Err(error) => Err(self.undecodable(error)),
        }
    }

    /// Decodes the event as the latest version of its type in the global registry.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`], and [`Error::Registry`] when the registry is inconsistent.
    pub fn decode_any(&self) -> Result<Box<dyn AnyEvent>> {
        self.decode_in(Registry::global()?)
    }

    /// Decodes the event as the latest version of its type in the given registry.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`].
    pub fn decode_in(&self, registry: &Registry) -> Result<Box<dyn AnyEvent>> {
        self.intact()?;
        registry
            .decode(&self.parts.event_type, self.parts.event_version, &self.parts.data)
            .map_err(|error| self.undecodable(error))
    }

    #[cold]
    #[inline(never)]
    fn undecodable(&self, error: DecodeError) -> Error {
        Error::decoding(error, self.parts.event_version, Some(self.location()))
    }

    #[cold]
    #[inline(never)]
    fn unexpected_type(&self, expected: &str) -> Error {
        Error::UnknownEventType {
            event_type: self.event_type().to_owned(),
            version: None,
            known: vec![expected.to_owned()],
            at: Some(Box::new(self.location())),
        }
    }
}

impl PartialEq for RecordedEvent {
    /// Compares all fields; the payload byte for byte, the metadata as JSON values.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.parts, &other.parts);
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
            && self.origin == other.origin
            && self.damage == other.damage
    }
}
