//! [`LiveLog`]: how a reader at the end of the log learns of the next commits.
//!
//! The reader passes its position with each call and the backend keeps no state for it, so slow readers and many readers cost
//! no memory. A reader that is too far behind has to read from the store.

use async_trait::async_trait;
use std::sync::Arc;

use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::value::Position;

/// The end of the log. The contract suite tests every promise, in the group `subscribe`.
#[async_trait]
pub trait LiveLog: Send + Sync {
    /// The last final position: no later commit gets a position at or before it. Everything that was committed before the call
    /// is at or before it, except events after the first position of a commit in flight.
    async fn head(&self) -> Result<Position>;

    /// The highest position that was ever assigned, even if its commit failed: no reader of this log has a higher one. It never
    /// decreases, unless the log was restored to an earlier state.
    async fn last_assigned(&self) -> Result<Position>;

    /// Waits until something is final after a position, and returns it.
    ///
    /// It returns promptly after a commit of this process, and within about a second after one of another process, even if a
    /// notification is lost. It fails only when the store is closed: while the backend is unreachable, it waits. The future can
    /// be dropped without losing events. Any number of concurrent calls cost one query to the backend.
    async fn next(&self, after: Position) -> Result<LogUpdate>;
}

/// What follows a reader's position.
#[derive(Debug, Clone)]
pub enum LogUpdate {
    /// The events themselves.
    Segment(Arc<LogSegment>),
    /// The events are not in memory any more: read them from the store. Everything up to this position, which is after the
    /// reader's, is final.
    Behind(Position),
}

/// A contiguous part of the log: all events of all tenants after one position and up to another.
#[derive(Debug, Clone)]
pub struct LogSegment {
    /// The position after which it starts; at or before the reader's position.
    pub after: Position,
    /// The final position at which it ends; after the reader's position.
    pub up_to: Position,
    /// The events in order; empty if all positions in between are unused.
    pub events: Vec<Arc<RecordedEvent>>,
}
