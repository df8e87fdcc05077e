//! [`Fault`]: why a batch was not written, for a person, with what it is about.

use std::fmt;

use super::ProjectionBuild;
use crate::adapter::{Cause, NotWritten};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, EventLocation, with_causes};
use crate::value::{Escaped, EventId, EventVersion};

/// Statements are shown up to here.
const LONGEST_STATEMENT: usize = 1_000;

/// A projection that failed: which build, at which events, with which statement. The cause is its source.
#[derive(Debug)]
pub struct Fault {
    build: String,
    at: At,
    is_slow: bool,
    statement: Option<String>,
    source: BoxError,
}

/// The events that a fault is about.
#[derive(Debug)]
pub(crate) enum At {
    /// None: the checkpoint alone was to be moved.
    Nothing,
    /// One event.
    Event(EventAt),
    /// Several, of which none fails alone.
    Events { count: usize, first: EventAt, last: EventAt },
}

/// An event in words.
#[derive(Debug, Clone)]
pub(crate) struct EventAt {
    id: EventId,
    event_type: String,
    version: EventVersion,
    location: EventLocation,
}

impl EventAt {
    pub(crate) fn of(event: &RecordedEvent) -> Self {
        Self {
            id: event.event_id(),
            event_type: event.event_type().to_owned(),
            version: event.event_version(),
            location: event.location(),
        }
    }
}

impl At {
    /// The events of a batch.
    pub(crate) fn of<E>(events: &[(E, RecordedEvent)]) -> Self {
        match events {
            [] => Self::Nothing,
            [(_, event)] => Self::Event(EventAt::of(event)),
            [(_, first), .., (_, last)] => Self::Events {
                count: events.len(),
                first: EventAt::of(first),
                last: EventAt::of(last),
            },
        }
    }
}

impl Fault {
    /// The error of a projection at these events. A transient one stays transient.
    pub(crate) fn error(build: &ProjectionBuild, at: At, failed: NotWritten) -> Error {
        const OPERATION: &str = "write a projection";
        let NotWritten { error, cause, statement } = failed;
        let is_slow = cause == Cause::TooSlow;
        let build = format!("`{}`, build {}", build.name, build.number);
        let is_lost = matches!(error, Error::Connection { .. });
        let is_transient = error.is_transient() && !is_slow;
        let fault = Self { build, at, is_slow, statement, source: error.into() };
        if is_transient && is_lost {
            return Error::connection(OPERATION, fault);
        }
        if is_transient {
            return Error::overloaded(OPERATION, with_causes(&fault));
        }
        Error::adapter(OPERATION, fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projection {}", self.build)?;
        match &self.at {
            At::Nothing => {}
            At::Event(event) => write!(f, ", at {event}")?,
            At::Events { count, first, last } => {
                write!(f, ", at {count} events from {first} to {last}")?;
            }
        }
        if self.is_slow {
            f.write_str(", which cannot be written within the limit of time")?;
        }
        if let Some(statement) = &self.statement {
            let end = statement.floor_char_boundary(LONGEST_STATEMENT);
            let (shown, rest) = statement.split_at(end);
            let more = if rest.is_empty() { "" } else { " …" };
            write!(f, ", in the statement `{}{more}`", Escaped(shown))?;
        }
        Ok(())
    }
}

impl fmt::Display for EventAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, event_type, version, location } = self;
        write!(f, "event {id} ({} {version}, {location})", Escaped(event_type))
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
