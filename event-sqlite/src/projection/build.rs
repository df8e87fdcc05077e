//! [`SqliteBuild`]: the tables of one build, and the transactions that write them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_core::{BatchSize, Error, EventStore, Filter, Position, Result};
use event_sql::projector::{ProjectedBatch, ProjectionStatus, ProjectionTables, Projector, Switch};
use tokio::time::timeout;

use super::tables::{Tables, is_projection};
use super::{SqliteProjection, SqliteProjector, status};
use crate::adapter::SqliteAdapter;
use crate::append::stored;
use crate::error::told;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery, Statement};

const BEGIN: &str = "begin a projection";
const WRITE: &str = "write a projection";

/// Events in one transaction unless set otherwise: the program's appends wait for it.
const BATCH: u32 = 200;
/// How long a transaction of a projection may hold the others up.
const LONGEST: Duration = Duration::from_secs(30);

/// One build of a projection and its tables; what a [`SqliteProjector`] works on.
pub struct SqliteBuild<P> {
    adapter: Arc<SqliteAdapter>,
    projection: P,
    tables: Tables,
}

impl SqliteAdapter {
    /// Begins a build of a projection, or goes on with it. Nothing is read before it is asked to catch up or to run.
    ///
    /// # Errors
    /// [`Error::LogDiverged`] when the log is not the one that the build was folded from; [`Error::Adapter`] for a name
    /// or number out of range, a table of the build's name that is somebody else's, tables that cannot be made, and a
    /// build that was begun with another filter; [`Error::Registry`]; [`Error::Overloaded`] when another program holds
    /// the file.
    pub async fn projector<P: SqliteProjection>(
        self: &Arc<Self>,
        projection: P,
    ) -> Result<SqliteProjector<P>> {
        if !is_projection(P::NAME) || P::BUILD == 0 {
            let reason = "a projection's name is 1 to 50 of `a`-`z`, `0`-`9` and `_`, not starting with a digit; its builds \
                          are numbered from 1";
            let found = format!("{reason}; found `{}`, build {}", P::NAME.escape_debug(), P::BUILD);
            return Err(Error::adapter(BEGIN, found));
        }
        let tables = Tables::new(format!("{}_{}_", P::NAME, P::BUILD));
        let build = SqliteBuild { adapter: Arc::clone(self), projection, tables };
        build.begin().await?;
        let store = EventStore::new(Arc::clone(self))?;
        Projector::open(&store, build, BatchSize::new(BATCH)?).await
    }
}

impl<P: SqliteProjection> SqliteBuild<P> {
    /// Enters the build and makes its tables, if that is not done, in one transaction.
    async fn begin(&self) -> Result<()> {
        let pool = self.adapter.pool();
        if self.adapter.projection_status(P::NAME, Some(P::BUILD)).await?.is_some() {
            return Ok(());
        }
        let (mut transaction, _) = pool.begin(BEGIN, sql::BEGIN.query()).await?;
        let enter = named::<P>(sql::BEGIN_PROJECTION)
            .bind(self.tables.prefix().to_owned())
            .bind(self.projection.filter().to_string());
        if transaction.execute(enter).await? == 0 {
            return Ok(transaction.rollback().await?);
        }
        let pattern = format!("{}*", self.tables.prefix());
        let others = transaction.fetch(sql::NAMED_LIKE.query().bind(pattern)).await?;
        if let Some(other) = others.first() {
            let other: String = Cells::new(other).at_first()?;
            transaction.rollback().await?;
            let reason = format!("`{other}` is in the file already, and somebody else's");
            return Err(Error::adapter(BEGIN, reason));
        }
        let connection = transaction.connection();
        if let Err(error) = self.projection.create(connection, &self.tables).await {
            transaction.rollback().await?;
            return Err(told("make the tables of a projection", pool.path(), error));
        }
        Ok(transaction.commit().await?)
    }

    async fn transact(&self, from: Position, batch: ProjectedBatch<P::Event>) -> Result<bool> {
        let pool = self.adapter.pool();
        let last = batch.last();
        let query = named::<P>(sql::MOVE_PROJECTION)
            .bind(stored(from.get()))
            .bind(stored(batch.up_to.get()))
            .bind(stored(batch.events.len() as u64))
            .bind(last.map(|event| event.event_id().as_uuid()))
            .bind(last.map(|event| stored(event.position().get())))
            .bind(last.map(|event| event.recorded_at().timestamp_micros()));
        let (mut transaction, _) = pool.begin(WRITE, sql::BEGIN.query()).await?;
        let written = timeout(LONGEST, async {
            if transaction.execute(query).await? == 0 {
                return Ok(false);
            }
            if !batch.events.is_empty() {
                let connection = transaction.connection();
                let applied = self.projection.apply(connection, &self.tables, batch.events).await;
                applied.map_err(|error| told(WRITE, pool.path(), error))?;
            }
            Ok(true)
        });
        match written.await {
            Ok(Ok(true)) => transaction.commit().await.map(|()| true).map_err(Error::from),
            // Nobody waits longer than for this.
            Ok(refused) => transaction.rollback().await.map_err(Error::from).and(refused),
            Err(_) => {
                let reason =
                    format!("events were not written within {LONGEST:?}, and appends waited");
                Err(Error::overloaded(WRITE, reason))
            }
        }
    }
}

impl<P: SqliteProjection> ProjectionTables for SqliteBuild<P> {
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
        self.tables.prefix()
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        self.adapter.projection_status(P::NAME, Some(P::BUILD)).await
    }

    async fn write(&mut self, from: Position, batch: ProjectedBatch<P::Event>) -> Result<bool> {
        self.transact(from, batch).await
    }

    async fn switch(&mut self) -> Result<Switch> {
        const OPERATION: &str = "switch a projection";
        let pool = self.adapter.pool();
        let (mut transaction, _) = pool.begin(OPERATION, sql::BEGIN.query()).await?;
        let own = transaction.fetch(status::find(P::NAME, Some(P::BUILD))).await?;
        let current = transaction.fetch(status::find(P::NAME, None)).await?;
        let own = own.first().map(status::read).transpose()?;
        let current = current.first().map(status::read).transpose()?;
        let answer = match (own, current) {
            (None, _) => Switch::Missing,
            (Some(own), Some(current)) if own.position < current.position => Switch::Behind,
            (Some(_), _) => Switch::Done,
        };
        if answer == Switch::Done {
            let leave = sql::LEAVE_PROJECTION.query().bind(P::NAME);
            transaction.execute(leave).await?;
            transaction.execute(named::<P>(sql::ENTER_PROJECTION)).await?;
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(answer)
    }
}

impl<P> fmt::Debug for SqliteBuild<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBuild").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// A statement about one build: its name and its number come first.
fn named<P: SqliteProjection>(statement: Statement) -> SqliteQuery {
    statement.query().bind(P::NAME).bind(i64::from(P::BUILD))
}
