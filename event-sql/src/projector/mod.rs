//! [`Projector`]: one build of a projection in tables being run, whatever the backend.
//!
//! The backend writes a batch and the place in the log in one transaction ([`ProjectionTables`]); reading, retries,
//! progress and lag are the same for all and are here.

mod batch;
mod progress;
mod status;
mod tables;

use std::fmt;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep};

pub use self::batch::ProjectedBatch;
pub use self::progress::Progress;
pub use self::status::{ProjectionStatus, wait_for};
pub use self::tables::{ProjectionTables, Switch};
use event_core::adapter::Checkpoint;
use event_core::subscription::verify_checkpoint;
use event_core::{BatchSize, Error, EventStore, Position, Result, StartFrom, Subscription};

/// The first pause after a failure that may pass; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often one that is behind asks how far the log goes.
const LOOK: Duration = Duration::from_secs(1);

/// A build of a projection that is run; the backend's adapter hands it out.
pub struct Projector<T> {
    store: EventStore,
    tables: T,
    status: ProjectionStatus,
    /// Whether the place in memory may not be the one in the tables.
    is_unsure: bool,
    source: Option<Subscription>,
    batch: BatchSize,
    /// How far the log is known to go, and when it was asked.
    known: (Position, Instant),
}

impl<T: ProjectionTables> Projector<T> {
    /// For authors of backends: goes on with a build whose tables are there.
    ///
    /// # Errors
    /// [`Error::LogDiverged`] when the log is not the one that the build was folded from; [`Error::Adapter`] for a build
    /// that was begun with another filter; [`Error::Connection`].
    pub async fn open(store: &EventStore, mut tables: T, batch: BatchSize) -> Result<Self> {
        let store = store.all_tenants();
        let status = current(&mut tables).await?;
        let name = format!("projection {}, build {}", tables.name(), status.build);
        let last = status.last_event.map(|(event_id, position)| (position, event_id));
        let place = Checkpoint { position: status.position, event: last };
        verify_checkpoint(&store, &name, place).await?;
        let known = (status.position, Instant::now());
        Ok(Self { store, tables, status, is_unsure: false, source: None, batch, known })
    }

    /// Sets how many events are written in one transaction at most.
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
    /// As [`Projector::catch_up`].
    pub async fn catch_up_with(&mut self, mut tell: impl FnMut(Progress)) -> Result<u64> {
        let goal = self.store.head().await?;
        self.known = (goal, Instant::now());
        self.reload().await?;
        let (began, from, mut events) = (Instant::now(), self.status.position, 0);
        while self.is_unsure || self.status.position < goal {
            events += self.step(Some(goal)).await?;
            tell(Progress::since(began, from, self.status.position, goal, events));
        }
        Ok(events)
    }

    /// Follows the log for as long as the future is polled; ends only with an error that waiting does not mend.
    ///
    /// Dropping the future is the way to stop it: a transaction under way is rolled back.
    ///
    /// # Errors
    /// As [`Projector::catch_up`], but for what may pass: that is tried again, at growing intervals.
    pub async fn run(&mut self) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.step(None).await {
                Ok(_) => pause = FIRST_PAUSE,
                Err(error) if error.is_transient() => {
                    tracing::warn!(projection = self.tables.name(), %error, "a projection tries again");
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
        let reason = match self.tables.switch().await? {
            Switch::Done => {
                self.is_unsure = true;
                return Ok(());
            }
            Switch::Behind => "it is behind the current build; let it catch up first",
            Switch::Missing => "its row is gone from the list of projections",
        };
        let (name, build) = (self.tables.name(), self.tables.build());
        Err(Error::adapter("switch a projection", format!("`{name}`, build {build}: {reason}")))
    }

    /// How far it is, from the database.
    ///
    /// # Errors
    /// [`Error::Connection`] and its kin.
    pub async fn status(&mut self) -> Result<ProjectionStatus> {
        current(&mut self.tables).await
    }

    /// Where this build's tables are, as [`ProjectionStatus::schema`].
    pub fn schema(&self) -> &str {
        self.tables.schema()
    }

    /// Takes the place from the tables where the one in memory may be another.
    async fn reload(&mut self) -> Result<()> {
        if self.is_unsure {
            self.source = None;
            self.status = current(&mut self.tables).await?;
            self.is_unsure = false;
        }
        Ok(())
    }

    /// Writes what is there, in one transaction; how many events that were.
    async fn step(&mut self, goal: Option<Position>) -> Result<u64> {
        self.reload().await?;
        if self.source.is_none() {
            let (from, filter) = (StartFrom::After(self.status.position), self.tables.filter());
            self.source = Some(self.store.subscribe(from, filter).await?);
        }
        let Some(source) = &mut self.source else { return Ok(0) };
        // Until the batch is written, what was taken from the source is nowhere else.
        self.is_unsure = true;
        let (batch, fault) = ProjectedBatch::<T::Event>::collect(source, goal, self.batch).await;
        if batch.up_to > self.status.position {
            let events = batch.events.len() as u64;
            if !self.write(batch).await? {
                return Ok(0);
            }
            self.tell(events).await;
            // The next step finds the event at fault again, with nothing before it.
            self.is_unsure = fault.is_some();
            return Ok(events);
        }
        self.is_unsure = fault.is_some();
        fault.map_or(Ok(0), Err)
    }

    /// Writes a batch; false where somebody else moved the place meanwhile.
    async fn write(&mut self, batch: ProjectedBatch<T::Event>) -> Result<bool> {
        let (up_to, count) = (batch.up_to, batch.events.len() as u64);
        let last =
            batch.last().map(|event| (event.event_id(), event.position(), event.recorded_at()));
        let moved = self.tables.write(self.status.position, batch).await?;
        if moved {
            self.status.position = up_to;
            self.status.events += count;
            if let Some((id, position, at)) = last {
                self.status.last_event = Some((id, position));
                self.status.last_event_at = Some(at);
            }
        }
        Ok(moved)
    }

    /// Events written, and how far behind the log that leaves it. A batch that is not full took all there was.
    async fn tell(&mut self, events: u64) {
        let name = self.tables.name();
        metrics::counter!("event_store_projection_events_total", "projection" => name)
            .increment(events);
        if events >= u64::from(self.batch.get()) && self.known.1.elapsed() > LOOK {
            let head = self.store.head().await;
            self.known = (head.unwrap_or(self.known.0), Instant::now());
        }
        let behind = self.known.0.get().saturating_sub(self.status.position.get());
        let age = self.status.last_event_at.filter(|_| behind > 0).map(|at| Utc::now() - at);
        let age = age.and_then(|age| age.to_std().ok()).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a figure for a graph")]
        metrics::gauge!("event_store_projection_lag_events", "projection" => name)
            .set(behind as f64);
        metrics::gauge!("event_store_projection_lag_seconds", "projection" => name)
            .set(age.as_secs_f64());
    }
}

/// The place of the build; an error if it was made from another filter.
async fn current<T: ProjectionTables>(tables: &mut T) -> Result<ProjectionStatus> {
    let (name, build, filter) = (tables.name(), tables.build(), tables.filter().to_string());
    let reason = match tables.status().await? {
        None => format!("build {build} of `{name}` is gone from the list of projections"),
        Some(status) if status.filter != filter => format!(
            "build {build} of `{name}` was begun with the filter {}, not {filter}; raise its number to make it anew",
            status.filter,
        ),
        Some(status) => return Ok(status),
    };
    Err(Error::adapter("look up a projection", reason))
}

impl<T: ProjectionTables> fmt::Debug for Projector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("name", &self.tables.name())
            .field("build", &self.tables.build())
            .field("position", &self.status.position)
            .finish_non_exhaustive()
    }
}
