//! [`LiveLog`]: how a reader at the end of the log learns of the next commits.
//!
//! The reader passes its position with each call and the backend keeps no state for it, so slow readers and many readers cost
//! no memory. A reader that is too far behind has to read from the store.
//!
//! The log itself may be replaced under a living process: by a failover to a server that lacks the last commits, or by the restore of
//! an older copy. The backend counts such changes, in epochs: whatever a reader knows is worth only what the epoch is in which it was
//! learned. Under another one a reader proves its place with the last event that it saw ([`LiveLog::place`]), or ends.

use async_trait::async_trait;
use std::sync::Arc;

use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::value::{EventId, Position};

/// The end of the log. The contract suite tests every promise, in the group `subscribe`.
#[async_trait]
pub trait LiveLog: Send + Sync {
    /// The last final position: no later commit gets a position at or before it. Everything that was committed before the call
    /// is at or before it, except events after the first position of a commit in flight.
    async fn head(&self) -> Result<Position>;

    /// The highest position that was ever assigned, even if its commit failed: no reader of this log has a higher one. It never
    /// decreases, unless the log was restored to an earlier state.
    async fn last_assigned(&self) -> Result<Position>;

    /// Waits until something is final after a position, and returns it. `epoch` is the one in which the reader was there: when the
    /// log is in a later one, it is told at once.
    ///
    /// It returns promptly after a commit of this process, and within about a second after one of another process, even if a
    /// notification is lost. It fails only when the store is closed: while the backend is unreachable, it waits. The future can
    /// be dropped without losing events. Any number of concurrent calls cost one query to the backend.
    async fn next(&self, after: Position, epoch: u64) -> Result<LogUpdate>;

    /// How often the log turned out to be another one than before. It only grows; 0 for a backend whose log cannot be replaced while
    /// it is open.
    fn epoch(&self) -> u64 {
        0
    }

    /// Whether a position that nothing else proves may have been reached in a log that was replaced: it lies beyond what both logs have, and
    /// no caller was given it in the log of now.
    fn is_contested(&self, _position: Position) -> bool {
        false
    }

    /// The same for the position that a read backward begins at, which no event need have had: the one before the last that was given.
    fn is_contested_end(&self, _position: Position) -> bool {
        false
    }

    /// What the log holds at a position now, for a reader whose knowledge is of the epoch `since`. It is asked where appends go: what
    /// a standby lacks proves nothing. By default the log is the same for ever.
    async fn place(&self, _position: Position, _since: u64) -> Result<Place> {
        let last_assigned = self.last_assigned().await?;
        Ok(Place { epoch: self.epoch(), event: None, last_assigned, common: last_assigned })
    }
}

/// What the log holds at a position: see [`LiveLog::place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The epoch in which it holds this.
    pub epoch: u64,
    /// The event at the position; `None` if there is none.
    pub event: Option<EventId>,
    /// The highest position that was ever assigned.
    pub last_assigned: Position,
    /// Up to here the log is known to be the one of the reader's epoch: what is missing before it was removed.
    pub common: Position,
}

impl Place {
    /// Whether a bare position, which was named in the epoch `since`, may be one of a log that was replaced; `is_contested` is what
    /// [`LiveLog::is_contested`] says of it. One that was named in the epoch of now is believed as far as that log goes: appends say
    /// such positions.
    pub fn is_lost(&self, position: Position, since: u64, is_contested: bool) -> bool {
        let is_replaced = self.epoch != since && position > self.common;
        is_replaced || is_contested && position > self.last_assigned
    }
}

/// What follows a reader's position.
#[derive(Debug, Clone)]
pub enum LogUpdate {
    /// The events themselves.
    Segment(Arc<LogSegment>),
    /// The events are not in memory any more: read them from the store. Everything up to this position, which is after the
    /// reader's, is final.
    Behind(Position),
    /// The log is in a later epoch, this one: see [`LiveLog::epoch`].
    Replaced(u64),
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
