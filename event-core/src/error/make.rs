//! How an [`Error`] is made: by name for adapters, by `From` for the small errors of constructors.

use crate::error::{BoxError, Context, Error, EventLocation};
use crate::event::{DecodeError, InvalidEvent};
use crate::value::{
    Conflict, EventId, EventVersion, InvalidEventId, InvalidEventVersion, InvalidMetadata,
    InvalidStoredNumber, StreamId,
};

impl Error {
    /// The store could not be reached, or its answer was lost.
    pub fn connection(operation: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Connection {
            operation,
            retries: 0,
            source: source.into(),
            context: Context::default(),
        }
    }

    /// The store has no room now; the call was not sent.
    pub fn overloaded(operation: &'static str, reason: impl Into<String>) -> Self {
        Self::Overloaded {
            operation,
            retries: 0,
            reason: reason.into(),
            context: Context::default(),
        }
    }

    /// A failure of a backend that fits nothing else.
    pub fn adapter(operation: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Adapter { operation, source: source.into(), context: Context::default() }
    }

    /// A claim about a stream that did not hold.
    pub fn conflict(stream_id: StreamId, conflict: Conflict) -> Self {
        let Conflict { expected, actual } = conflict;
        Self::WrongExpectedVersion { stream_id, expected, actual, context: Context::default() }
    }

    /// A stream that does not exist.
    pub fn stream_not_found(stream_id: StreamId) -> Self {
        Self::StreamNotFound { stream_id, context: Context::default() }
    }

    /// A stream that was deleted.
    pub fn stream_deleted(stream_id: StreamId) -> Self {
        Self::StreamDeleted { stream_id, context: Context::default() }
    }

    /// A stream that is archived.
    pub fn stream_archived(stream_id: StreamId) -> Self {
        Self::StreamArchived { stream_id, context: Context::default() }
    }

    /// An append to a stream of links, or a link into a stream of events.
    pub fn mixed_stream(stream_id: StreamId, holds_links: bool) -> Self {
        Self::MixedStream { stream_id, holds_links, context: Context::default() }
    }

    /// Something to import that does not fit.
    pub fn invalid_import(stream_id: Option<StreamId>, reason: impl Into<String>) -> Self {
        Self::InvalidImport { stream_id, reason: reason.into(), context: Context::default() }
    }

    /// Events to link that the store does not hold.
    pub fn events_not_found(stream_id: StreamId, event_ids: Vec<EventId>) -> Self {
        Self::EventsNotFound { stream_id, event_ids, context: Context::default() }
    }

    /// An append that would pass the stream limit.
    pub fn stream_limit_reached(stream_id: StreamId, limit: u64, actual: u64) -> Self {
        Self::StreamLimitReached { stream_id, limit, actual, context: Context::default() }
    }

    /// An event id that belongs to another event.
    pub fn event_id_conflict(
        stream_id: StreamId,
        event_id: Option<EventId>,
        reason: &'static str,
    ) -> Self {
        Self::EventIdConflict { stream_id, event_id, reason, context: Context::default() }
    }

    /// An append that breaks a rule as a whole.
    pub fn invalid_append(reason: impl Into<String>) -> Self {
        Self::InvalidEventData {
            index: None,
            event_type: None,
            reason: reason.into(),
            context: Context::default(),
        }
    }

    /// A decoding failure of the event stored at a place.
    pub fn decoding(error: DecodeError, version: EventVersion, at: Option<EventLocation>) -> Self {
        let at = at.map(Box::new);
        match error {
            DecodeError::UnknownType { event_type, known } => Self::UnknownEventType {
                event_type,
                version: None,
                known: known.into_iter().map(Into::into).collect(),
                at,
            },
            DecodeError::UnknownVersion { event_type, version, known } => Self::UnknownEventType {
                event_type,
                version: Some(version),
                known: known.iter().map(ToString::to_string).collect(),
                at,
            },
            DecodeError::FromTheFuture { event_type, found, known } => {
                Self::FromTheFuture { event_type, found, known, at }
            }
            DecodeError::NoPath { .. }
            | DecodeError::Downward { .. }
            | DecodeError::Step { .. }
                if at.is_none() =>
            {
                Self::Migration(Box::new(error))
            }
            DecodeError::NoPath { ref event_type, .. }
            | DecodeError::Downward { ref event_type, .. }
            | DecodeError::Step { ref event_type, .. }
            | DecodeError::Payload { ref event_type, .. } => Self::Deserialization {
                event_type: event_type.clone(),
                version,
                at,
                source: Box::new(error),
                context: Context::default(),
            },
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        let version = match &error {
            DecodeError::Payload { version, .. } => *version,
            _ => EventVersion::FIRST,
        };
        Self::decoding(error, version, None)
    }
}

impl From<InvalidEvent> for Error {
    fn from(error: InvalidEvent) -> Self {
        Self::invalid_append(error.to_string())
    }
}

impl From<InvalidMetadata> for Error {
    fn from(error: InvalidMetadata) -> Self {
        Self::invalid_append(error.to_string())
    }
}

impl From<InvalidEventId> for Error {
    fn from(error: InvalidEventId) -> Self {
        Self::invalid_append(error.to_string())
    }
}

impl From<InvalidEventVersion> for Error {
    fn from(error: InvalidEventVersion) -> Self {
        Self::invalid_append(error.to_string())
    }
}

impl From<InvalidStoredNumber> for Error {
    fn from(error: InvalidStoredNumber) -> Self {
        Self::Corrupt { at: None, reason: error.to_string() }
    }
}
