//! Writes to streams (commits of appends, links, changes of a stream's state) and their answers.
//!
//! [`judge`] decides whether a write is stored, in one place for all backends that decide in Rust.

pub mod judge;

use crate::adapter::Delete;
use crate::envelope::EventData;
use crate::value::{EventId, ExpectedVersion, Position, StreamId, StreamVersion, Tenant};

/// The events for one stream in a commit, or a claim about a stream that gets none.
#[derive(Debug, Clone)]
pub struct StreamAppend {
    /// The stream.
    pub stream_id: StreamId,
    /// The version that the writer expects it to have.
    pub expected: ExpectedVersion,
    /// Up to 10 000 events; their ids are distinct within the commit. None for a claim: the stream's state and expected version
    /// are checked as for an append, and hold until the commit, but nothing is written to it.
    pub events: Vec<EventData>,
}

impl StreamAppend {
    /// A claim about a stream.
    pub const fn claim(stream_id: StreamId, expected: ExpectedVersion) -> Self {
        Self { stream_id, expected, events: Vec::new() }
    }

    /// Whether it only claims the version of its stream.
    pub const fn is_claim(&self) -> bool {
        self.events.is_empty()
    }
}

/// Appends to one or several streams of one tenant, stored all or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The tenant that owns the streams.
    pub tenant: Tenant,
    /// At least one append or claim, each for another stream; claims come last.
    pub appends: Vec<StreamAppend>,
    /// The maximum number of live events in a stream; `None` for no limit.
    pub stream_limit: Option<u64>,
    /// Whether this is a repeated attempt, so that the events may be stored already: look the ids up first.
    pub retry: bool,
}

/// Existing events to link a stream to.
#[derive(Debug, Clone)]
pub struct LinkEvents {
    /// The tenant that owns the events and the stream.
    pub tenant: Tenant,
    /// The stream of links.
    pub stream_id: StreamId,
    /// The version that the writer expects it to have.
    pub expected: ExpectedVersion,
    /// 1 to 10 000 distinct ids, in the order in which the stream returns the events.
    pub event_ids: Vec<EventId>,
    /// The maximum number of links in a stream; `None` for no limit.
    pub stream_limit: Option<u64>,
}

/// A change of a stream's state. The stream's name and version numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamChange {
    /// Deletes the stream.
    Delete(Delete),
    /// Makes the stream read-only; archiving it again changes nothing.
    Archive,
    /// Removes the events before this version; a version before the stream's first one changes nothing. The version may be at
    /// most one after the last event's, otherwise it is a conflict.
    TruncateBefore(StreamVersion),
}

/// Whether a call wrote its events or links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// This call wrote them.
    Stored,
    /// An earlier call wrote the same ids; this one wrote nothing.
    AlreadyStored,
}

/// The answer to an append or a link; both numbers are those of its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Appended {
    /// The event's number in the stream.
    pub stream_version: StreamVersion,
    /// The event's position in the global order.
    pub position: Position,
    /// Whether this call wrote the events.
    pub outcome: Outcome,
}
