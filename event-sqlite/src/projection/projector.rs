//! [`SqliteProjector`]: runs one build of a projection, by the transactions that write it.

use std::sync::Arc;
use std::time::Duration;

use event_core::{BatchSize, Error, EventStore, Position, RecordedEvent, Result};
use event_sql::inline::applying;
use event_sql::projector::{
    Cause, Move, NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables,
    Projector, Switch,
};
use event_sql::rows::to_i64;
use tokio::time::timeout;

use super::build::{BuildTables, SqliteBuild, named};
use super::{SqliteProjection, status};
use crate::error::application;
use crate::pool::Transaction;
use crate::sql;
use crate::store::Store;

const OPERATION: &str = "write a projection";
/// By default so many events in one transaction: the program's appends wait for it.
const BATCH: u32 = 200;
/// How long a transaction of a projection may block other writers.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
/// The same for one event, which nothing smaller can replace.
pub(super) const LONGEST_ALONE: Duration = Duration::from_secs(30);

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
        &self.0.build
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        status::find(&self.0.store, P::NAME, Some(P::BUILD)).await
    }

    async fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<P::Event>,
    ) -> Result<bool, NotWritten> {
        self.on_thread(|build| async move { build.write(from, batch).await }).await?
    }

    async fn first_to_fail(
        &mut self,
        from: Position,
        events: Vec<(P::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        self.on_thread(|build| async move { build.first_to_fail(from, events).await }).await.ok()?
    }

    async fn switch(&mut self) -> Result<Switch> {
        self.on_thread(|build| async move { build.switch().await }).await?
    }
}

impl<P: SqliteProjection> BuildTables<P> {
    /// Moves the checkpoint; false where it is not `from`.
    async fn enter(
        &self,
        transaction: &mut Transaction<'_>,
        from: Position,
        to: Move,
    ) -> Result<bool, NotWritten> {
        let Move { up_to, events, event_id, event_position, event_at } = to;
        let query = named(sql::MOVE_PROJECTION, &self.build).bind(to_i64(from.get()));
        let query = query.bind(up_to).bind(events).bind(event_id).bind(event_position);
        let query = query.bind(event_at.map(|at| at.timestamp_micros())).bind(None::<bool>);
        Ok(transaction.execute(query).await? > 0)
    }

    async fn apply(
        &self,
        transaction: &mut Transaction<'_>,
        events: Vec<(P::Event, RecordedEvent)>,
    ) -> Result<(), NotWritten> {
        let applied = self.projection.apply(transaction.connection(), &self.tables, events);
        let applied = applying(applied).await;
        applied.map_err(|error| {
            let statement = is_of_driver(&*error).then(|| self.tables.take_last()).flatten();
            let error = application(OPERATION, self.store.path(), error);
            NotWritten::new(error, Cause::Projection, statement)
        })
    }
}

/// Other writers waited for a transaction as long as they may have to.
pub(super) fn too_slow(limit: Duration, statement: Option<String>) -> NotWritten {
    let reason = format!("events were not written within {limit:?}, and appends waited");
    let error = Error::overloaded(OPERATION, reason);
    NotWritten::new(error, Cause::TooSlow, statement)
}

/// Whether a statement caused it.
fn is_of_driver(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<sqlx::Error>() {
            return true;
        }
        next = error.source();
    }
    false
}

impl<P: SqliteProjection> BuildTables<P> {
    async fn write(
        &self,
        from: Position,
        batch: ProjectedBatch<P::Event>,
    ) -> Result<bool, NotWritten> {
        let limit = if batch.events.len() > 1 { LONGEST } else { LONGEST_ALONE };
        let (mut transaction, _) = self.store.begin(OPERATION, sql::BEGIN.query()).await?;
        self.tables.take_last();
        let written = timeout(limit, async {
            if !self.enter(&mut transaction, from, Move::of(&batch)).await? {
                return Ok(false);
            }
            if !batch.events.is_empty() {
                self.apply(&mut transaction, batch.events).await?;
            }
            Ok(true)
        });
        match written.await {
            Ok(Ok(true)) => Ok(transaction.commit().await.map(|()| true)?),
            Ok(refused) => {
                transaction.rollback().await;
                refused
            }
            Err(_) => Err(too_slow(limit, self.tables.take_last())),
        }
    }

    async fn first_to_fail(
        &self,
        from: Position,
        events: Vec<(P::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        let (mut transaction, _) = self.store.begin(OPERATION, sql::BEGIN.query()).await.ok()?;
        let stay = Move::nowhere(from);
        let found = timeout(LONGEST_ALONE, async {
            if !self.enter(&mut transaction, from, stay).await.ok()? {
                return None;
            }
            for (index, event) in events.into_iter().enumerate() {
                self.tables.take_last();
                if let Err(refused) = self.apply(&mut transaction, vec![event]).await {
                    return Some((index, refused));
                }
            }
            None
        });
        let found = found.await;
        // Dropped or rolled back, nothing of it stays.
        transaction.rollback().await;
        found.ok().flatten()
    }

    async fn switch(&self) -> Result<Switch> {
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
            transaction.rollback().await;
        }
        Ok(answer)
    }
}
