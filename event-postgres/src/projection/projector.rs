//! [`PgProjector`]: runs one build of a projection, by the transactions that write it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_core::error::BoxError;
use event_core::{BatchSize, EventStore, Position, RecordedEvent, Result};
use event_sql::projector::{
    Move, NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables,
    Projector, Switch,
};
use event_sql::rows::to_i32;

use super::attempt::{self, Work};
use super::build::PgBuild;
use super::{PgProjection, status};
use sqlx::PgConnection;

use crate::row::Cells;
use crate::status::SwitchStatus;
use crate::store::Store;

/// Runs one build of a projection, on a connection of its own; by default 1 000 events per transaction at most.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use event_postgres::{PgAdapter, PgProjection};
/// # async fn run<P: PgProjection>(adapter: Arc<PgAdapter>, doors: P) -> event_core::Result<()> {
/// let mut projector = adapter.projector(doors).await?;
/// projector.catch_up().progress(|progress| println!("{progress}")).await?; // the past
/// projector.switch().await?; // readers move over; the previous build stays
/// projector.run().await // and what follows
/// # }
/// ```
pub type PgProjector<P> = Projector<PgBuild<P>>;

/// Begins a build of a projection, or continues it.
pub(crate) async fn open<P: PgProjection>(
    events: &EventStore,
    store: Arc<Store>,
    projection: P,
) -> Result<PgProjector<P>> {
    let build = PgBuild::begin(store, projection).await?;
    Projector::open(events, build, BatchSize::default()).await
}

impl<P: PgProjection> ProjectionTables for PgBuild<P> {
    type Event = P::Event;

    fn build(&self) -> &ProjectionBuild {
        &self.target.build
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        status::find(&self.target.store, P::NAME, Some(P::BUILD)).await
    }

    async fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<P::Event>,
    ) -> Result<bool, NotWritten> {
        let (to, epoch) = (Move::of(&batch), batch.epoch);
        let work = Apply { projection: &self.projection, events: batch.events };
        attempt::write(&mut self.target, (from, to, None), epoch, work).await
    }

    async fn first_to_fail(
        &mut self,
        from: Position,
        events: Vec<(P::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        let at = AtomicUsize::new(0);
        let work = ApplyEach { projection: &self.projection, events, at: &at };
        let refused = attempt::try_out(&mut self.target, from, work).await?;
        Some((at.load(Ordering::Relaxed), refused))
    }

    async fn switch(&mut self) -> Result<Switch> {
        switch(&self.target.store, self.target.build.name, self.target.build.number).await
    }
}

/// Applies the events of a batch.
struct Apply<'p, P: PgProjection> {
    projection: &'p P,
    events: Vec<(P::Event, RecordedEvent)>,
}

impl<P: PgProjection> Work for Apply<'_, P> {
    async fn run(self, connection: &mut PgConnection) -> Result<(), BoxError> {
        if self.events.is_empty() {
            return Ok(());
        }
        self.projection.apply(connection, self.events).await
    }
}

/// Applies events one after the other.
struct ApplyEach<'p, P: PgProjection> {
    projection: &'p P,
    events: Vec<(P::Event, RecordedEvent)>,
    /// The index of the event that is applied.
    at: &'p AtomicUsize,
}

impl<P: PgProjection> Work for ApplyEach<'_, P> {
    async fn run(self, connection: &mut PgConnection) -> Result<(), BoxError> {
        for (index, event) in self.events.into_iter().enumerate() {
            self.at.store(index, Ordering::Relaxed);
            self.projection.apply(&mut *connection, vec![event]).await?;
        }
        Ok(())
    }
}

/// Makes a build of any kind the current one.
pub(crate) async fn switch(store: &Store, name: &str, build: u32) -> Result<Switch> {
    const OPERATION: &str = "switch a projection";
    let query = store.sql.switch_projection.query().bind(name.to_owned()).bind(to_i32(build));
    let row = store.fetch_one(OPERATION, query).await?;
    Ok(match SwitchStatus::read(OPERATION, &Cells::new(&row))? {
        SwitchStatus::Switched => Switch::Done,
        SwitchStatus::Behind => Switch::Behind,
        SwitchStatus::NotFound => Switch::Missing,
    })
}
