//! What writes to streams: appends in commits, links, changes of what may be done with a stream; and their answers.
//!
//! [`judge`] decides, in one place for every backend that judges in Rust, whether they may.

pub mod judge;

use crate::adapter::Delete;
use crate::envelope::EventData;
use crate::value::{EventId, ExpectedVersion, Position, StreamId, StreamVersion, Tenant};

/// The events for one stream in a commit.
#[derive(Debug, Clone)]
pub struct StreamAppend {
    /// The stream.
    pub stream_id: StreamId,
    /// The writer's claim about it.
    pub expected: ExpectedVersion,
    /// At least one event, at most 10 000, ids distinct within the commit.
    pub events: Vec<EventData>,
}

/// What is stored at once: one or several streams of one tenant, all or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Whose streams.
    pub tenant: Tenant,
    /// At least one append, streams distinct.
    pub appends: Vec<StreamAppend>,
    /// The most live events a stream may hold.
    pub stream_limit: Option<u64>,
    /// An earlier try may have been stored: look for the ids first.
    pub retry: bool,
}

/// Existing events that a stream of links is to refer to.
#[derive(Debug, Clone)]
pub struct LinkEvents {
    /// Whose events, and whose stream.
    pub tenant: Tenant,
    /// The stream of links.
    pub stream_id: StreamId,
    /// The writer's claim about it.
    pub expected: ExpectedVersion,
    /// At least one id, at most 10 000, distinct; in the order in which the stream shows the events.
    pub event_ids: Vec<EventId>,
    /// The most links a stream may hold.
    pub stream_limit: Option<u64>,
}

/// What becomes of a stream. Its name stays taken and its numbers are never reused, whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamChange {
    /// It is deleted.
    Delete(Delete),
    /// It is read only; archiving it again changes nothing.
    Archive,
    /// Only events from this version on are kept; never fewer than the stream keeps already. A version beyond the one
    /// after the last is a conflict.
    TruncateBefore(StreamVersion),
}

/// Whether an append wrote anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The events were written by this call.
    Stored,
    /// The same ids had been written before; nothing was written now.
    AlreadyStored,
}

/// The answer to an append; both numbers are those of its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Appended {
    /// Its number in the stream.
    pub stream_version: StreamVersion,
    /// Its place in the global order.
    pub position: Position,
    /// Whether this call wrote it.
    pub outcome: Outcome,
}
