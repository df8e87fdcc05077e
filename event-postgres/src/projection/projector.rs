//! [`PgProjector`]: runs one build of a projection, by the transactions that write it.

use std::sync::Arc;

use event_core::{BatchSize, Error, EventStore, Position, Result};
use event_sql::projector::{
    Move, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables, Projector, Switch,
};
use event_sql::rows::to_i64;
use sqlx::Connection;
use tokio::time::timeout;

use super::build::{PgBuild, named};
use super::{PgProjection, status};
use crate::error;
use crate::row::Cells;
use crate::status::SwitchStatus;
use crate::store::Store;

const OPERATION: &str = "write a projection";

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

    async fn write(&mut self, from: Position, batch: ProjectedBatch<P::Event>) -> Result<bool> {
        let Store { pool, sql, .. } = &*self.store;
        let fail = |error| error::error(OPERATION, error);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => pool.open_session(OPERATION).await?,
        };
        let Move { up_to, events, event_id, event_position, event_at } = batch.row();
        let query = named(&sql.move_projection, &self.build).bind(to_i64(from.get()));
        let query = query.bind(up_to).bind(events).bind(event_id).bind(event_position);
        let query = query.bind(event_at).bind(self.schema.quoted());
        let projection = &self.projection;
        let transaction = async {
            let mut transaction = connection.begin().await.map_err(fail)?;
            let row = query.fetch_one(&mut *transaction).await.map_err(fail)?;
            let moved: bool = Cells::new(&row).get("moved")?;
            if !moved {
                transaction.rollback().await.map_err(fail)?;
                return Ok(false);
            }
            if !batch.events.is_empty() {
                let applied = projection.apply(&mut transaction, batch.events).await;
                applied.map_err(|error| error::application(OPERATION, error))?;
            }
            transaction.commit().await.map_err(fail)?;
            Ok::<_, Error>(true)
        };
        let moved = match timeout(pool.deadline(), transaction).await {
            Ok(moved) => moved?,
            Err(_) => return Err(pool.no_answer(OPERATION)),
        };
        self.connection = Some(connection);
        Ok(moved)
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
