//! [`PgProjector`]: one build of a projection being run, and the transactions that write it.

use std::fmt;
use std::sync::Arc;

use event_core::{BatchSize, Error, EventStore, Filter, Position, Result};
use event_sql::projector::{ProjectedBatch, ProjectionStatus, ProjectionTables, Projector, Switch};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

use crate::adapter::PgAdapter;
use crate::append::stored;
use crate::error;
use crate::projection::build::{self, Build};
use crate::projection::{PgProjection, told};
use crate::row::Cells;
use crate::status::SwitchStatus;

const OPERATION: &str = "write a projection";

/// A build of a projection, and a connection of its own to write it with; up to 1 000 events a transaction unless set
/// otherwise.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use event_postgres::{PgAdapter, PgProjection};
/// # async fn run<P: PgProjection>(adapter: Arc<PgAdapter>, doors: P) -> event_core::Result<()> {
/// let mut projector = adapter.projector(doors).await?;
/// projector.catch_up_with(|progress| println!("{progress}")).await?; // the past
/// projector.switch().await?; // readers move over; the build before stays beside it
/// projector.run().await // and what comes
/// # }
/// ```
pub type PgProjector<P> = Projector<PgBuild<P>>;

/// One build of a projection and its schema; what a [`PgProjector`] works on.
pub struct PgBuild<P> {
    adapter: Arc<PgAdapter>,
    projection: P,
    build: Build,
    /// It comes back only after a whole transaction.
    connection: Option<PgConnection>,
}

impl PgAdapter {
    /// Begins a build of a projection, or goes on with it. Nothing is read before it is asked to catch up or to run.
    ///
    /// The role needs the right to create schemas in the database, for a new build.
    ///
    /// # Errors
    /// [`Error::LogDiverged`] when the log is not the one that the build was folded from; [`Error::Adapter`] for a
    /// name or number out of range, a schema of the build's name that is somebody else's, tables that cannot be made,
    /// and a build that was begun with another filter; [`Error::Registry`]; [`Error::Connection`].
    pub async fn projector<P: PgProjection>(
        self: &Arc<Self>,
        projection: P,
    ) -> Result<PgProjector<P>> {
        let store = EventStore::new(Arc::clone(self))?;
        let build = Build::of(&projection)?;
        let mut connection = self.parts().0.open_session("begin a projection").await?;
        build::begin(self, &mut connection, &projection, &build).await?;
        let adapter = Arc::clone(self);
        let tables = PgBuild { adapter, projection, build, connection: Some(connection) };
        Projector::open(&store, tables, BatchSize::default()).await
    }
}

impl<P: PgProjection> ProjectionTables for PgBuild<P> {
    type Event = P::Event;

    fn name(&self) -> &'static str {
        P::NAME
    }

    fn build(&self) -> u32 {
        P::BUILD
    }

    fn filter(&self) -> Filter {
        self.projection.filter()
    }

    fn schema(&self) -> &str {
        self.build.schema.as_str()
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        self.adapter.projection_status(P::NAME, Some(P::BUILD)).await
    }

    async fn write(&mut self, from: Position, batch: ProjectedBatch<P::Event>) -> Result<bool> {
        let (pool, sql) = self.adapter.parts();
        let fail = |error| error::error(OPERATION, error);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => pool.open_session(OPERATION).await?,
        };
        let last = batch.last();
        let query = build::named::<P>(sql.move_projection.query())
            .bind(stored(from.get()))
            .bind(stored(batch.up_to.get()))
            .bind(stored(batch.events.len() as u64))
            .bind(last.map(|event| event.event_id().as_uuid()))
            .bind(last.map(|event| stored(event.position().get())))
            .bind(last.map(event_core::RecordedEvent::recorded_at))
            .bind(self.build.search_path());
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
                applied.map_err(|error| told(OPERATION, error))?;
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
        let (pool, sql) = self.adapter.parts();
        let rows = pool.fetch(OPERATION, build::named::<P>(sql.switch_projection.query())).await?;
        let Some(row) = rows.first() else { return Err(Error::adapter(OPERATION, "no answer")) };
        Ok(match SwitchStatus::read(OPERATION, &Cells::new(row))? {
            SwitchStatus::Switched => Switch::Done,
            SwitchStatus::Behind => Switch::Behind,
            SwitchStatus::NotFound => Switch::Missing,
        })
    }
}

impl<P> fmt::Debug for PgBuild<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBuild").field("build", &self.build).finish_non_exhaustive()
    }
}
