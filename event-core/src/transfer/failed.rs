//! [`Failed`]: the error that ended an import, to be told again.

use crate::error::{Error, with_causes};
use crate::value::{EventId, Scope, StreamId};

/// An error that is told more than once: the same variant and scope, with the causes as text.
#[derive(Debug)]
pub(super) struct Failed {
    what: What,
    scope: Option<Scope>,
}

#[derive(Debug)]
enum What {
    Line { line: u64, column: usize, reason: String },
    Import { stream_id: Option<StreamId>, reason: String },
    EventId { stream_id: StreamId, event_id: Option<EventId>, reason: &'static str },
    Mixed { stream_id: StreamId, holds_links: bool },
    Events { stream_id: StreamId, event_ids: Vec<EventId> },
    Deleted(StreamId),
    Connection(String),
    Overloaded(String),
    Other(String),
    GivenUp,
}

const OPERATION: &str = "import";
const GIVEN_UP: &str = "an earlier call was given up before it ended; import the whole file again";

impl Failed {
    /// A call that was given up: whether its batch is stored is not known.
    pub(super) const fn given_up() -> Self {
        Self { what: What::GivenUp, scope: None }
    }

    pub(super) fn of(error: &Error) -> Self {
        let what = match error {
            Error::InvalidLine { line, column, reason } => {
                What::Line { line: *line, column: *column, reason: reason.clone() }
            }
            Error::InvalidImport { stream_id, reason, .. } => {
                What::Import { stream_id: stream_id.clone(), reason: reason.clone() }
            }
            Error::EventIdConflict { stream_id, event_id, reason, .. } => {
                What::EventId { stream_id: stream_id.clone(), event_id: *event_id, reason }
            }
            Error::MixedStream { stream_id, holds_links, .. } => {
                What::Mixed { stream_id: stream_id.clone(), holds_links: *holds_links }
            }
            Error::EventsNotFound { stream_id, event_ids, .. } => {
                What::Events { stream_id: stream_id.clone(), event_ids: event_ids.clone() }
            }
            Error::StreamDeleted { stream_id, .. } => What::Deleted(stream_id.clone()),
            Error::Connection { .. } => What::Connection(with_causes(error)),
            Error::Overloaded { .. } => What::Overloaded(with_causes(error)),
            error => What::Other(with_causes(error)),
        };
        Self { what, scope: error.scope().cloned() }
    }

    pub(super) fn again(&self) -> Error {
        let error = match &self.what {
            What::Line { line, column, reason } => {
                Error::InvalidLine { line: *line, column: *column, reason: reason.clone() }
            }
            What::Import { stream_id, reason } => {
                Error::invalid_import(stream_id.clone(), reason.clone())
            }
            What::EventId { stream_id, event_id, reason } => {
                Error::event_id_conflict(stream_id.clone(), *event_id, reason)
            }
            What::Mixed { stream_id, holds_links } => {
                Error::mixed_stream(stream_id.clone(), *holds_links)
            }
            What::Events { stream_id, event_ids } => {
                Error::events_not_found(stream_id.clone(), event_ids.clone())
            }
            What::Deleted(stream_id) => Error::stream_deleted(stream_id.clone()),
            What::Connection(causes) => Error::connection(OPERATION, causes.clone()),
            What::Overloaded(causes) => Error::overloaded(OPERATION, causes.clone()),
            What::Other(causes) => Error::adapter(OPERATION, causes.clone()),
            What::GivenUp => Error::adapter(OPERATION, GIVEN_UP),
        };
        self.scope.iter().fold(error, Error::in_scope)
    }
}
