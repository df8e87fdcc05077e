//! [`ProjectionTables`]: what a backend does for a build of a projection.

use std::future::Future;
use std::time::Duration;

use super::{NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus};
use crate::adapter::Switch;
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::Result;
use crate::value::Position;

/// The tables of one build, and its checkpoint beside them.
pub trait ProjectionTables: Send {
    /// The closed set of events that they are folded from.
    type Event: EventSet;

    /// Which build it is.
    fn build(&self) -> &ProjectionBuild;

    /// How far the build is; `None` if it does not exist any more.
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) and other errors of the database.
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

    /// Takes in a batch before it is written. By default it is written at once. `more_follows` says that the
    /// log goes on after it.
    ///
    /// # Errors
    /// That of an event which cannot be taken in, with nothing before it.
    fn hold(
        &mut self,
        batch: ProjectedBatch<Self::Event>,
        more_follows: bool,
    ) -> impl Future<Output = Result<Held<Self::Event>>> + Send {
        let _ = more_follows;
        std::future::ready(Ok(Held::Write(batch, None)))
    }

    /// What follows is read from this status; what was held back is forgotten.
    fn forget(&mut self, status: &ProjectionStatus) {
        let _ = status;
    }

    /// Told that a batch is committed, before the next one is taken in.
    fn committed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Told how long a batch took to write; `None` if it was too slow.
    fn wrote(&mut self, took: Option<Duration>) {
        let _ = took;
    }

    /// Makes the build the current one, unless it is behind the one that is.
    ///
    /// # Errors
    /// As [`ProjectionTables::status`].
    fn switch(&mut self) -> impl Future<Output = Result<Switch>> + Send;
}

/// What becomes of a batch that was taken in.
#[derive(Debug)]
pub enum Held<E> {
    /// It is held back in memory, and written with a later one.
    Back,
    /// What is to be written now, and what is to be taken in after that.
    Write(ProjectedBatch<E>, Option<ProjectedBatch<E>>),
    /// Nothing of what is held back can be written: it is to be read again.
    Again,
}
