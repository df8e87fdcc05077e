//! [`PgProjector`]: one build of a projection being run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use event_core::{
    Adapter as _, BatchSize, Error, EventStore, Position, Result, StartFrom, Subscription,
};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep, timeout};

use crate::adapter::PgAdapter;
use crate::append::stored;
use crate::error;
use crate::projection::batch::Batch;
use crate::projection::build::{self, Build};
use crate::projection::{PgProjection, ProjectionStatus, told};
use crate::row::Cells;

const OPERATION: &str = "write a projection";

/// The first pause after a failure that may pass; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A build of a projection, and a connection of its own to write it with.
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
pub struct PgProjector<P> {
    adapter: Arc<PgAdapter>,
    store: EventStore,
    projection: P,
    build: Build,
    status: ProjectionStatus,
    /// Whether the place in memory may not be the one in the database.
    is_unsure: bool,
    connection: Option<PgConnection>,
    source: Option<Subscription>,
    batch: BatchSize,
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
        let store = EventStore::new(Arc::clone(self))?.all_tenants();
        let build = Build::of(&projection)?;
        let mut connection = self.parts().0.open_session("begin a projection").await?;
        build::begin(self, &mut connection, &projection, &build).await?;
        let status = build::status::<P>(self, &build).await?;
        build::check_log(self, &store, P::NAME, &status).await?;
        Ok(PgProjector {
            adapter: Arc::clone(self),
            store,
            projection,
            build,
            status,
            is_unsure: false,
            connection: Some(connection),
            source: None,
            batch: BatchSize::default(),
        })
    }
}

/// How far catching up is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Where it is.
    pub position: Position,
    /// The end of the log when it began.
    pub goal: Position,
    /// Events written since it began.
    pub events: u64,
    /// Events a second.
    pub rate: f64,
    /// How long the rest takes, if the log is alike all over; none before that can be said.
    pub left: Option<Duration>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, goal, events, rate, left } = self;
        write!(f, "position {position} of {goal}, {events} events, {rate:.0} a second")?;
        match left {
            Some(left) => write!(f, ", {} s left", left.as_secs()),
            None => Ok(()),
        }
    }
}

impl<P: PgProjection> PgProjector<P> {
    /// Sets how many events are written in one transaction at most; 1 000 unless set.
    ///
    /// A transaction that is cut off is done again as a whole: where writing an event takes long, smaller ones lose less.
    #[must_use]
    pub const fn batch(mut self, most: BatchSize) -> Self {
        self.batch = most;
        self
    }

    /// Writes everything up to now; gives back how many events that were.
    ///
    /// # Errors
    /// What stops it, never tried again: [`Error::UnknownEventType`] and its kin for an event outside of the set or one
    /// that does not decode, with its place; what the projection says; [`Error::Connection`]. Everything before is
    /// written, and the next call goes on there.
    pub async fn catch_up(&mut self) -> Result<u64> {
        self.catch_up_with(|_| {}).await
    }

    /// The same, and says how far it is after each transaction.
    ///
    /// # Errors
    /// As [`PgProjector::catch_up`].
    pub async fn catch_up_with(&mut self, mut tell: impl FnMut(Progress)) -> Result<u64> {
        let goal = self.adapter.live().head().await?;
        self.reload().await?;
        let (began, from, mut events) = (Instant::now(), self.status.position, 0);
        while self.is_unsure || self.status.position < goal {
            events += self.step(Some(goal)).await?;
            tell(progress(began, from, self.status.position, goal, events));
        }
        Ok(events)
    }

    /// Follows the log for as long as the future is polled; ends only with an error that waiting does not mend.
    ///
    /// Dropping the future is the way to stop it: a transaction under way is rolled back.
    ///
    /// # Errors
    /// As [`PgProjector::catch_up`], but for what may pass: that is tried again, at growing intervals.
    pub async fn run(&mut self) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.step(None).await {
                Ok(_) => pause = FIRST_PAUSE,
                Err(error) if error.is_transient() => {
                    tracing::warn!(projection = P::NAME, %error, "a projection tries again");
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes this build the one that readers are meant to read; [`ProjectionStatus::is_current`] of the others is false
    /// from then on. Their tables stay.
    ///
    /// # Errors
    /// [`Error::Adapter`] while it is behind the current one.
    pub async fn switch(&mut self) -> Result<()> {
        const OPERATION: &str = "switch a projection";
        let (pool, sql) = self.adapter.parts();
        let rows = pool.fetch(OPERATION, build::named::<P>(sql.switch_projection.query())).await?;
        let status: i16 = match rows.first() {
            Some(row) => Cells::new(row).get("status")?,
            None => return Err(Error::adapter(OPERATION, "no answer")),
        };
        let reason = match status {
            0 => {
                self.is_unsure = true;
                return Ok(());
            }
            1 => "it is behind the current build; let it catch up first",
            _ => "its row is gone from the list of projections",
        };
        Err(Error::adapter(OPERATION, format!("`{}`, build {}: {reason}", P::NAME, P::BUILD)))
    }

    /// How far it is, from the database.
    ///
    /// # Errors
    /// [`Error::Connection`] and its kin.
    pub async fn status(&mut self) -> Result<ProjectionStatus> {
        build::status::<P>(&self.adapter, &self.build).await
    }

    /// The schema of this build's tables.
    pub fn schema(&self) -> &str {
        self.build.schema.as_str()
    }

    /// Takes the place from the database where the one in memory may be another.
    async fn reload(&mut self) -> Result<()> {
        if self.is_unsure {
            self.source = None;
            self.status = build::status::<P>(&self.adapter, &self.build).await?;
            self.is_unsure = false;
        }
        Ok(())
    }

    /// Writes what is there, in one transaction; how many events that were.
    async fn step(&mut self, goal: Option<Position>) -> Result<u64> {
        self.reload().await?;
        if self.source.is_none() {
            let (from, filter) = (StartFrom::After(self.status.position), self.projection.filter());
            self.source = Some(self.store.subscribe(from, filter).await?);
        }
        let Some(source) = &mut self.source else { return Ok(0) };
        // Until the batch is written, what was taken from the source is nowhere else.
        self.is_unsure = true;
        let batch = Batch::<P>::collect(source, goal, self.batch).await;
        if batch.up_to > self.status.position {
            let events = batch.events.len() as u64;
            let fault = batch.fault;
            let batch = Batch { fault: None, ..batch };
            if !self.write(batch).await? {
                return Ok(0);
            }
            self.tell(events).await;
            // The next step finds the event at fault again, with nothing before it.
            self.is_unsure = fault.is_some();
            return Ok(events);
        }
        self.is_unsure = batch.fault.is_some();
        batch.fault.map_or(Ok(0), Err)
    }

    /// Writes a batch; false where somebody else moved the place meanwhile.
    async fn write(&mut self, batch: Batch<P>) -> Result<bool> {
        let (pool, sql) = self.adapter.parts();
        let fail = |error| error::error(OPERATION, error);
        // It comes back only after a whole transaction.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => pool.open_session(OPERATION).await?,
        };
        let count = batch.events.len() as u64;
        let last =
            batch.last().map(|event| (event.event_id(), event.position(), event.recorded_at()));
        let query = build::named::<P>(sql.move_projection.query())
            .bind(stored(self.status.position.get()))
            .bind(stored(batch.up_to.get()))
            .bind(stored(count))
            .bind(last.map(|(id, ..)| id.as_uuid()))
            .bind(last.map(|(_, position, _)| stored(position.get())))
            .bind(last.map(|(.., at)| at))
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
        if moved {
            self.status.position = batch.up_to;
            self.status.events += count;
            if let Some((id, position, at)) = last {
                self.status.last = Some((id, position));
                self.status.last_event_at = Some(at);
            }
        }
        Ok(moved)
    }

    /// Events written, and how far behind the log that leaves it.
    async fn tell(&mut self, events: u64) {
        metrics::counter!("event_store_projection_events_total", "projection" => P::NAME)
            .increment(events);
        let Ok(head) = self.adapter.live().head().await else { return };
        let behind = head.get().saturating_sub(self.status.position.get());
        let age = self.status.last_event_at.filter(|_| behind > 0).map(|at| Utc::now() - at);
        let age = age.and_then(|age| age.to_std().ok()).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a figure for a graph")]
        metrics::gauge!("event_store_projection_lag_events", "projection" => P::NAME)
            .set(behind as f64);
        metrics::gauge!("event_store_projection_lag_seconds", "projection" => P::NAME)
            .set(age.as_secs_f64());
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn progress(began: Instant, from: Position, at: Position, goal: Position, events: u64) -> Progress {
    let seconds = began.elapsed().as_secs_f64();
    let passed = at.get().saturating_sub(from.get()) as f64;
    let rest = goal.get().saturating_sub(at.get()) as f64;
    let left = (passed > 0.0).then(|| Duration::try_from_secs_f64(rest * seconds / passed).ok());
    let rate = if seconds > 0.0 { events as f64 / seconds } else { 0.0 };
    Progress { position: at, goal, events, rate, left: left.flatten() }
}

impl<P: PgProjection> fmt::Debug for PgProjector<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgProjector")
            .field("name", &P::NAME)
            .field("build", &P::BUILD)
            .field("position", &self.status.position)
            .finish_non_exhaustive()
    }
}
