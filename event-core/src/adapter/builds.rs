//! [`StoredBuild`]: a build of a read model, and what identifies it.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::envelope::RecordedEvent;
use crate::value::{EventId, Position};

/// What a build holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// The documents of a view.
    View,
    /// Tables that are written once for every backend.
    Tables,
    /// Tables of one backend only.
    Own,
}

impl ModelKind {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Tables => "tables",
            Self::Own => "own",
        }
    }

    /// The kind of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::View, Self::Tables, Self::Own].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "a view",
            Self::Tables => "a table projection",
            Self::Own => "a projection of one backend",
        })
    }
}

/// What identifies what a build holds: two programs share a build only if theirs are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDefinition {
    /// The kind.
    pub kind: ModelKind,
    /// The version that the author gives it.
    pub version: u32,
    /// The events it is folded from, as text.
    pub filter: String,
}

/// The last event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastEvent {
    /// Its id.
    pub event_id: EventId,
    /// Its position.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl LastEvent {
    /// Of a stored event.
    pub fn of(event: &RecordedEvent) -> Self {
        Self {
            event_id: event.event_id(),
            position: event.position(),
            recorded_at: event.recorded_at(),
        }
    }
}

/// A build as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBuild {
    /// Its number, from 1.
    pub number: u32,
    /// What it holds.
    pub definition: ModelDefinition,
    /// Whether readers read it.
    pub is_current: bool,
    /// The checkpoint: everything up to here that passes the filter is in it.
    pub position: Position,
    /// How many events that were.
    pub events: u64,
    /// The last of them, and its position.
    pub last_event: Option<(EventId, Position)>,
    /// When that one was recorded.
    pub last_event_at: Option<DateTime<Utc>>,
}

/// Moves the checkpoint of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildMove {
    /// Where the checkpoint has to be.
    pub from: Position,
    /// Where it is afterwards.
    pub up_to: Position,
    /// The epoch of the log that the events were read from, see [`LiveLog::epoch`](super::LiveLog::epoch).
    pub epoch: u64,
    /// How many events are added.
    pub events: u64,
    /// The last of them.
    pub last: Option<LastEvent>,
    /// Whether the build has to be the current one, or must not be; `None` for either.
    pub is_current: Option<bool>,
}
