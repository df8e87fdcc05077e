//! [`PgProjector`]: runs one build of a projection, by the transactions that write it.

use std::sync::Arc;

use event_core::{BatchSize, EventStore, Position, RecordedEvent, Result};
use event_sql::projector::{
    NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables, Projector,
    Switch,
};

use super::build::{PgBuild, named};
use super::{PgProjection, attempt, status};
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
        &self.build
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        status::find(&self.store, P::NAME, Some(P::BUILD)).await
    }

    async fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<P::Event>,
    ) -> Result<bool, NotWritten> {
        attempt::write(self, from, batch).await
    }

    async fn first_to_fail(
        &mut self,
        from: Position,
        events: Vec<(P::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        attempt::first_to_fail(self, from, events).await
    }

    async fn switch(&mut self) -> Result<Switch> {
        const OPERATION: &str = "switch a projection";
        let query = named(&self.store.sql.switch_projection, &self.build);
        let row = self.store.fetch_one(OPERATION, query).await?;
        Ok(match SwitchStatus::read(OPERATION, &Cells::new(&row))? {
            SwitchStatus::Switched => Switch::Done,
            SwitchStatus::Behind => Switch::Behind,
            SwitchStatus::NotFound => Switch::Missing,
        })
    }
}
