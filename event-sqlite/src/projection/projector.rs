//! [`SqliteProjector`]: runs one build of a projection, by the transactions that write it.

use std::sync::Arc;
use std::time::Duration;

use event_core::{BatchSize, Error, EventStore, Position, Result};
use event_sql::projector::{
    Move, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables, Projector, Switch,
};
use event_sql::rows::to_i64;
use tokio::time::timeout;

use super::build::{SqliteBuild, named};
use super::{SqliteProjection, status};
use crate::error::application;
use crate::sql;
use crate::store::Store;

const OPERATION: &str = "write a projection";
/// By default so many events in one transaction: the program's appends wait for it.
const BATCH: u32 = 200;
/// How long a transaction of a projection may block other writers.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs one build of a projection; by default 200 events per transaction at most.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use event_sqlite::{SqliteAdapter, SqliteProjection};
/// # async fn run<P: SqliteProjection>(adapter: Arc<SqliteAdapter>, doors: P) -> event_core::Result<()> {
/// let mut projector = adapter.projector(doors).await?;
/// projector.catch_up().progress(|progress| println!("{progress}")).await?; // the past
/// projector.switch().await?; // readers move over; the previous build stays
/// projector.run().await // and what follows
/// # }
/// ```
pub type SqliteProjector<P> = Projector<SqliteBuild<P>>;

/// Begins a build of a projection, or continues it.
pub(crate) async fn open<P: SqliteProjection>(
    events: &EventStore,
    store: Arc<Store>,
    projection: P,
) -> Result<SqliteProjector<P>> {
    let build = SqliteBuild::begin(store, projection).await?;
    Projector::open(events, build, BatchSize::new(BATCH)?).await
}

impl<P: SqliteProjection> ProjectionTables for SqliteBuild<P> {
    type Event = P::Event;

    fn build(&self) -> &ProjectionBuild {
        &self.build
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        status::find(&self.store, P::NAME, Some(P::BUILD)).await
    }

    async fn write(&mut self, from: Position, batch: ProjectedBatch<P::Event>) -> Result<bool> {
        let store = &self.store;
        let Move { up_to, events, event_id, event_position, event_at } = batch.row();
        let query = named(sql::MOVE_PROJECTION, &self.build).bind(to_i64(from.get()));
        let query = query.bind(up_to).bind(events).bind(event_id).bind(event_position);
        let query = query.bind(event_at.map(|at| at.timestamp_micros()));
        let (mut transaction, _) = store.begin(OPERATION, sql::BEGIN.query()).await?;
        let written = timeout(LONGEST, async {
            if transaction.execute(query).await? == 0 {
                return Ok(false);
            }
            if !batch.events.is_empty() {
                let connection = transaction.connection();
                let applied = self.projection.apply(connection, &self.tables, batch.events).await;
                applied.map_err(|error| application(OPERATION, store.path(), error))?;
            }
            Ok(true)
        });
        match written.await {
            Ok(Ok(true)) => transaction.commit().await.map(|()| true).map_err(Error::from),
            Ok(refused) => transaction.rollback().await.map_err(Error::from).and(refused),
            Err(_) => {
                let reason =
                    format!("events were not written within {LONGEST:?}, and appends waited");
                Err(Error::overloaded(OPERATION, reason))
            }
        }
    }

    async fn switch(&mut self) -> Result<Switch> {
        const OPERATION: &str = "switch a projection";
        let (mut transaction, _) = self.store.begin(OPERATION, sql::BEGIN.query()).await?;
        let own = status::find_in(&mut transaction, P::NAME, Some(P::BUILD)).await?;
        let current = status::find_in(&mut transaction, P::NAME, None).await?;
        let answer = match (own, current) {
            (None, _) => Switch::Missing,
            (Some(own), Some(current)) if own.position < current.position => Switch::Behind,
            (Some(_), _) => Switch::Done,
        };
        if answer == Switch::Done {
            let leave = sql::LEAVE_PROJECTION.query().bind(P::NAME);
            transaction.execute(leave).await?;
            transaction.execute(named(sql::ENTER_PROJECTION, &self.build)).await?;
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(answer)
    }
}
