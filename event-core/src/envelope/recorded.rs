//! [`RecordedEvent`]: an event as it is stored.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::envelope::NewEvent;
use crate::error::{Error, EventLocation, Result};
use crate::event::{AnyEvent, DecodeError, Event, decode_at, matches_type};
use crate::registry::Registry;
use crate::value::{EventId, EventVersion, Metadata, Position, StreamId, StreamVersion, Tenant};

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

    /// The same content as a new event, with a fresh id.
    pub(crate) fn into_new_event(self) -> NewEvent {
        let RecordedParts { event_type, event_version, data, metadata, .. } = self.0;
        NewEvent::raw(event_type, event_version, data).with_metadata(metadata)
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
    pub fn location(&self) -> EventLocation {
        EventLocation {
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
        if *self.0.event_type != *E::TYPE && !matches_type::<E>(&self.0.event_type) {
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
        self.decode_in(Registry::global()?)
    }

    /// The event as the latest version of its type in a registry of one's own.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`].
    pub fn decode_in(&self, registry: &Registry) -> Result<Box<dyn AnyEvent>> {
        registry
            .decode(&self.0.event_type, self.0.event_version, &self.0.data)
            .map_err(|error| self.undecodable(error))
    }

    #[cold]
    fn undecodable(&self, error: DecodeError) -> Error {
        Error::decoding(error, self.0.event_version, Some(self.location()))
    }

    #[cold]
    fn of_another_type(&self, expected: &str) -> Error {
        Error::UnknownEventType {
            event_type: self.event_type().to_owned(),
            version: None,
            known: vec![expected.to_owned()],
            at: Some(Box::new(self.location())),
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
