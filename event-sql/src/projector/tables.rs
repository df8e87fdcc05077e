//! [`ProjectionTables`]: what a backend does for a build of a projection that is run.

use std::future::Future;

use super::{ProjectedBatch, ProjectionStatus};
use event_core::{EventSet, Filter, Position, Result};

/// The tables of one build, and its place in the log beside them.
pub trait ProjectionTables: Send {
    /// The closed set of events that they are folded from.
    type Event: EventSet;

    /// The projection's name.
    fn name(&self) -> &'static str;

    /// The build's number.
    fn build(&self) -> u32;

    /// Which events it gets.
    fn filter(&self) -> Filter;

    /// Where the tables are, as [`ProjectionStatus::schema`].
    fn schema(&self) -> &str;

    /// How far the build is; `None` if it is not there any more.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) and its kin.
    fn status(&mut self) -> impl Future<Output = Result<Option<ProjectionStatus>>> + Send;

    /// Moves the place and writes a batch, in one transaction; false, and nothing is written, where the place is another
    /// than `from`. Dropping the future undoes all or nothing.
    ///
    /// # Errors
    /// What the projection says, and those of the backend; one that is transient may be tried again.
    fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<Self::Event>,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Makes the build the current one, unless it is behind the one that is.
    ///
    /// # Errors
    /// As [`ProjectionTables::status`].
    fn switch(&mut self) -> impl Future<Output = Result<Switch>> + Send;
}

/// What became of moving readers over to a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It is current.
    Done,
    /// It is behind the build that is current, which stays it.
    Behind,
    /// There is no such build.
    Missing,
}
