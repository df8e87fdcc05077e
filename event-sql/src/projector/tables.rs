//! [`ProjectionTables`]: what a backend does for a build of a projection.

use std::future::Future;

use event_core::{EventSet, Position, RecordedEvent, Result};

use super::{NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus};

/// The tables of one build, and its checkpoint beside them.
pub trait ProjectionTables: Send {
    /// The closed set of events that they are folded from.
    type Event: EventSet;

    /// Which build it is.
    fn build(&self) -> &ProjectionBuild;

    /// How far the build is; `None` if it does not exist any more.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) and other errors of the database.
    fn status(&mut self) -> impl Future<Output = Result<Option<ProjectionStatus>>> + Send;

    /// Moves the checkpoint and writes a batch, in one transaction; false, and nothing is written, where the checkpoint
    /// is not `from`, or the log is not the one that the batch was read from. Dropping the future undoes all or nothing.
    ///
    /// # Errors
    /// Those of the projection and of the backend. After a transient one the batch may be written again.
    fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<Self::Event>,
    ) -> impl Future<Output = Result<bool, NotWritten>> + Send;

    /// Writes events one after the other in a transaction that is undone, to find out which one fails: its index, and
    /// why. `None` if none does, or if that cannot be found out.
    fn first_to_fail(
        &mut self,
        from: Position,
        events: Vec<(Self::Event, RecordedEvent)>,
    ) -> impl Future<Output = Option<(usize, NotWritten)>> + Send;

    /// Makes the build the current one, unless it is behind the one that is.
    ///
    /// # Errors
    /// As [`ProjectionTables::status`].
    fn switch(&mut self) -> impl Future<Output = Result<Switch>> + Send;
}

/// Whether a build became the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It is current.
    Done,
    /// It is behind the current build, which stays current.
    Behind,
    /// The build does not exist.
    Missing,
}
