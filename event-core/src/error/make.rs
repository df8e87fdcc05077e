//! Constructors of [`Error`] for adapters, and its conversions from the errors of value constructors.

use crate::error::{BoxError, Context, Error, EventLocation};
use crate::event::{DecodeError, InvalidEvent};
use crate::value::{
    Conflict, EventId, EventVersion, InvalidEventId, InvalidEventVersion, InvalidMetadata,
    InvalidStoredNumber, Position, StreamId,
};

impl Error {
    /// [`Error::Connection`]: the store could not be reached, or its response was lost. `operation` completes "could not
    /// …".
    pub fn connection(operation: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Connection {
            operation,
            retries: 0,
            source: source.into(),
            context: Context::default(),
        }
    }

    /// [`Error::Overloaded`]: the store has no capacity; the call was not sent. `operation` completes "could not …".
    pub fn overloaded(operation: &'static str, reason: impl Into<String>) -> Self {
        Self::Overloaded {
            operation,
            retries: 0,
            reason: reason.into(),
            context: Context::default(),
        }
    }

    /// [`Error::Adapter`]: a failure of the backend without a variant of its own. `operation` completes "could not …".
    pub fn adapter(operation: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Adapter { operation, source: source.into(), context: Context::default() }
    }

    /// [`Error::Unsupported`]: the backend does not have it. `operation` completes "cannot …", `hint` says what to do
    /// instead.
    pub fn unsupported(
        operation: &'static str,
        backend: &'static str,
        hint: impl Into<String>,
    ) -> Self {
        Self::Unsupported { operation, backend, hint: hint.into() }
    }

    /// [`Error::WrongExpectedVersion`] from a failed check.
    pub fn conflict(stream_id: StreamId, conflict: Conflict) -> Self {
        let Conflict { expected, actual } = conflict;
        Self::WrongExpectedVersion { stream_id, expected, actual, context: Context::default() }
    }

    /// [`Error::LogDiverged`] for a page that would not be of the epoch that its reader asked for.
    pub fn log_replaced(position: Position) -> Self {
        Self::LogDiverged {
            name: "a read of all streams".into(),
            position,
            expected: None,
            found: None,
            reason: "it was reached in another log than the one of now".into(),
        }
    }

    /// [`Error::StreamNotFound`].
    pub fn stream_not_found(stream_id: StreamId) -> Self {
        Self::StreamNotFound { stream_id, context: Context::default() }
    }

    /// [`Error::StreamDeleted`].
    pub fn stream_deleted(stream_id: StreamId) -> Self {
        Self::StreamDeleted { stream_id, context: Context::default() }
    }

    /// [`Error::StreamArchived`].
    pub fn stream_archived(stream_id: StreamId) -> Self {
        Self::StreamArchived { stream_id, context: Context::default() }
    }

    /// [`Error::MixedStream`]: an append to a stream of links (`holds_links`), or a link in a stream of events.
    pub fn mixed_stream(stream_id: StreamId, holds_links: bool) -> Self {
        Self::MixedStream { stream_id, holds_links, context: Context::default() }
    }

    /// [`Error::InvalidImport`]: imported data that conflicts with the store or with itself.
    pub fn invalid_import(stream_id: Option<StreamId>, reason: impl Into<String>) -> Self {
        Self::InvalidImport { stream_id, reason: reason.into(), context: Context::default() }
    }

    /// [`Error::EventsNotFound`]: the events to link are not stored.
    pub fn events_not_found(stream_id: StreamId, event_ids: Vec<EventId>) -> Self {
        Self::EventsNotFound { stream_id, event_ids, context: Context::default() }
    }

    /// [`Error::StreamLimitReached`]: the append would exceed `limit`; `actual` is the current number of events.
    pub fn stream_limit_reached(stream_id: StreamId, limit: u64, actual: u64) -> Self {
        Self::StreamLimitReached { stream_id, limit, actual, context: Context::default() }
    }

    /// [`Error::EventIdConflict`]: an id of the append belongs to another event; `event_id` is `None` if it is unknown
    /// which one.
    pub fn event_id_conflict(
        stream_id: StreamId,
        event_id: Option<EventId>,
        reason: &'static str,
    ) -> Self {
        Self::EventIdConflict { stream_id, event_id, reason, context: Context::default() }
    }

    /// [`Error::InvalidEventData`] for an append as a whole.
    pub fn invalid_append(reason: impl Into<String>) -> Self {
        Self::InvalidEventData {
            index: None,
            event_type: None,
            reason: reason.into(),
            context: Context::default(),
        }
    }

    /// Converts the decode error of an event stored as `version` at a location.
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
