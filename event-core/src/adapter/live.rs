//! [`LiveLog`]: how a reader that has seen everything learns of what is committed next.
//!
//! The reader brings its place with it, so the backend keeps nothing for it: a reader that is slow, or many readers,
//! cost no memory. One that is too far behind is sent to the store.

use async_trait::async_trait;
use std::sync::Arc;

use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::value::Position;

/// The growing end of the log. Every promise is in the contract suite, group `subscribe`.
#[async_trait]
pub trait LiveLog: Send + Sync {
    /// The last final position: no later commit gets in front of it, and all that was committed before the call is at or
    /// before it, but for what stands behind a commit that is under way.
    async fn head(&self) -> Result<Position>;

    /// The highest position that was ever given out, whatever became of it: at least every place that a reader of this log
    /// can have. It never goes back, but where the log was restored to an earlier state.
    async fn last_assigned(&self) -> Result<Position>;

    /// Waits until something is final after a position, and says what.
    ///
    /// It answers soon after a commit of this process, and within about a second after one of any other, whatever is
    /// lost on the way. It fails only when the store is closed: a backend that cannot be reached is waited for.
    /// Dropping the future loses nothing. Many may wait at once, and together they cost one question to the backend.
    async fn next(&self, after: Position) -> Result<LogUpdate>;
}

/// What stands after a reader's place.
#[derive(Debug, Clone)]
pub enum LogUpdate {
    /// The events themselves.
    Segment(Arc<LogSegment>),
    /// More than is held in memory: the store has it, final up to this position, which is after the reader's place.
    Behind(Position),
}

/// A part of the log without a gap: every event of every tenant after one position and up to another.
#[derive(Debug, Clone)]
pub struct LogSegment {
    /// Where it starts; at or before the place that was asked for.
    pub after: Position,
    /// Where it ends; final, and after the place that was asked for.
    pub up_to: Position,
    /// The events in order; there may be none, where positions were given up.
    pub events: Vec<Arc<RecordedEvent>>,
}
