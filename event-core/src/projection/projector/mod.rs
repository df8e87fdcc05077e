//! [`Projector`]: runs one build of a projection in tables, whatever the backend.
//!
//! The backend writes a batch and the checkpoint in one transaction ([`ProjectionTables`]); reading, retries, progress
//! and lag are the same for all backends and are here.

mod batch;
mod build;
mod catch_up;
mod fault;
mod progress;
mod size;
mod status;
mod tables;

use std::fmt;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep};

use self::batch::End;
pub(in crate::projection) use self::batch::Goal;
pub use self::batch::ProjectedBatch;
pub use self::build::{ProjectionBuild, own_name};
pub use self::catch_up::CatchUp;
pub use self::fault::Fault;
pub(crate) use self::fault::{At, EventAt};
pub use self::progress::Progress;
use self::size::Size;
pub use self::status::{ProjectionStatus, wait_for};
pub use self::tables::{Held, ProjectionTables};
use crate::adapter::Checkpoint;
pub use crate::adapter::{Cause, NotWritten, Switch};
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::subscription::filter_text::is_same;
use crate::subscription::{Subscription, verify_checkpoint};
use crate::value::{BatchSize, Position};

/// The first pause after a transient failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a projector that is behind asks for the end of the log.
const HEAD_INTERVAL: Duration = Duration::from_secs(1);

/// Runs one build of a projection; the backend's adapter makes it.
pub struct Projector<T> {
    store: EventStore,
    tables: T,
    status: ProjectionStatus,
    /// Whether the checkpoint in memory may differ from the one in the tables.
    is_unsure: bool,
    source: Option<Subscription>,
    size: Size,
    /// The last known end of the log, and when it was asked for.
    known: (Position, Instant),
}

impl<T: ProjectionTables> Projector<T> {
    /// For authors of backends: continues a build whose tables exist.
    ///
    /// # Errors
    /// [`Error::LogDiverged`] when the log is not the one that the build was folded from; [`Error::Adapter`] for a
    /// build that was begun with another filter; [`Error::Connection`].
    pub async fn open(store: &EventStore, mut tables: T, batch: BatchSize) -> Result<Self> {
        let store = store.all_tenants();
        let status = current(&mut tables).await?;
        tables.forget(&status);
        let name = format!("projection {}, build {}", tables.build().name, status.build);
        let last = status.last_event.map(|(event_id, position)| (position, event_id));
        let checkpoint = Checkpoint { position: status.position, event: last };
        verify_checkpoint(&store, &name, checkpoint).await?;
        let known = (status.position, Instant::now());
        let size = Size::up_to(batch);
        Ok(Self { store, tables, status, is_unsure: false, source: None, size, known })
    }

    /// Sets how many events one transaction writes at most.
    ///
    /// A transaction that is interrupted is repeated as a whole: where writing an event takes long, smaller ones lose
    /// less. Within this number it chooses itself: fewer after a transaction that took long or reached a limit of time,
    /// more after a quick one.
    #[must_use]
    pub fn batch(mut self, most: BatchSize) -> Self {
        self.size = Size::up_to(most);
        self
    }

    /// Writes everything up to now; returns how many events that were. [`CatchUp::progress`] reports meanwhile.
    ///
    /// # Errors
    /// The first error, without a retry: [`Error::UnknownEventType`] and other decoding errors for an event that is not
    /// in the set or does not decode, with its position; [`Error::Adapter`] with a [`Fault`] for the projection's own, and
    /// for an event that alone takes longer than the limit of time; [`Error::Connection`]. Everything before is written,
    /// and the next call continues there.
    pub fn catch_up(&mut self) -> CatchUp<'_, T> {
        CatchUp::new(self)
    }

    /// Writes everything up to now, and reports the progress after each transaction.
    async fn write_all(&mut self, report: &mut (dyn FnMut(Progress) + Send)) -> Result<u64> {
        let goal = self.store.head().await?;
        self.known = (goal, Instant::now());
        self.write_to(Goal::AtLeast(goal), report).await
    }

    /// Writes everything up to a goal.
    pub(in crate::projection) async fn write_to(
        &mut self,
        to: Goal,
        report: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<u64> {
        let goal = to.reached().unwrap_or_default();
        self.reload().await?;
        let (began, from, mut events) = (Instant::now(), self.status.position, 0);
        while self.is_unsure || self.status.position < goal {
            events += self.step(to).await?;
            report(Progress::since(began, from, self.status.position, goal, events));
        }
        Ok(events)
    }

    /// Follows the log for as long as the future is polled; ends only with an error that is not transient.
    ///
    /// To stop it, drop the future: a transaction in flight is rolled back.
    ///
    /// # Errors
    /// As [`Projector::catch_up`], without the transient ones: those are retried, at growing intervals.
    pub async fn run(&mut self) -> Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.step(Goal::Never).await {
                Ok(_) => pause = FIRST_PAUSE,
                Err(error) if error.is_transient() => {
                    let projection = self.tables.build().name;
                    tracing::warn!(projection, %error, "a projection failed and is retried");
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
    /// [`Error::Adapter`] while it is behind the current build.
    pub async fn switch(&mut self) -> Result<()> {
        let reason = match self.tables.switch().await? {
            Switch::Done => {
                self.is_unsure = true;
                return Ok(());
            }
            Switch::Behind => "it is behind the current build; let it catch up first",
            Switch::Missing => "its row is gone from the list of projections",
        };
        let ProjectionBuild { name, number, .. } = self.tables.build();
        Err(Error::adapter("switch a projection", format!("`{name}`, build {number}: {reason}")))
    }

    /// How far it is, by the database.
    ///
    /// # Errors
    /// [`Error::Connection`] and other errors of the database.
    pub async fn status(&mut self) -> Result<ProjectionStatus> {
        current(&mut self.tables).await
    }

    /// Where this build's tables are, as [`ProjectionStatus::schema`].
    pub fn schema(&self) -> &str {
        &self.tables.build().schema
    }

    /// Takes the checkpoint from the tables where the one in memory may differ.
    async fn reload(&mut self) -> Result<()> {
        if self.is_unsure {
            self.source = None;
            self.status = current(&mut self.tables).await?;
            self.tables.forget(&self.status);
            self.is_unsure = false;
        }
        Ok(())
    }

    /// Writes the events that are available, in one transaction; returns how many. The outcome is noted for the health check.
    async fn step(&mut self, goal: Goal) -> Result<u64> {
        let done = self.attempt(goal).await;
        self.store.note_read_model(self.tables.build().name, done.as_ref().err());
        done
    }

    async fn attempt(&mut self, goal: Goal) -> Result<u64> {
        self.reload().await?;
        if self.source.is_none() {
            let filter = self.tables.build().filter.clone();
            let known = (self.store.head().await?, Instant::now());
            self.source = Some(self.store.resume(self.status.position, filter).await?);
            self.known = known;
        }
        let Some(source) = &mut self.source else { return Ok(0) };
        // Until the batch is written, the events taken from the source are nowhere else.
        self.is_unsure = true;
        let most = self.size.get();
        let collected = ProjectedBatch::<T::Event>::collect(source, goal, most).await;
        let Some((batch, end)) = collected else { return Ok(0) };
        let more_follows = match end {
            End::Full => true,
            // None are at hand: the next page may just be on its way.
            End::Available => batch.up_to < goal.reached().unwrap_or(self.known.0),
            End::Beyond | End::Fault(_) => false,
        };
        let fault = match end {
            End::Fault(Error::LogDiverged { .. }) => {
                self.note_replaced();
                return Ok(0);
            }
            End::Fault(fault) => Some(fault),
            End::Beyond => {
                self.source = None;
                None
            }
            End::Full | End::Available => None,
        };
        if batch.up_to > self.status.position {
            let written = self.take(batch, more_follows, most).await?;
            // The next step finds the event at fault again, with nothing before it.
            self.is_unsure |= fault.is_some();
            return Ok(written);
        }
        self.is_unsure = fault.is_some();
        fault.map_or(Ok(0), Err)
    }

    /// Takes a batch in, and writes what is to be written; returns how many events that were. Leaves the projector unsure
    /// where the checkpoint in the tables may be another one.
    async fn take(
        &mut self,
        batch: ProjectedBatch<T::Event>,
        more_follows: bool,
        most: usize,
    ) -> Result<u64> {
        let (mut next, mut written) = (Some(batch), 0);
        while let Some(batch) = next.take() {
            let (began, taken) = (Instant::now(), batch.events.len());
            let (batch, rest) = match self.tables.hold(batch, more_follows).await? {
                Held::Write(batch, rest) => (batch, rest),
                Held::Back => {
                    self.size.wrote(taken, began.elapsed());
                    break;
                }
                Held::Again => return Ok(written),
            };
            let (at, up_to, events) = (At::of(&batch.events), batch.up_to, batch.count);
            let count = usize::try_from(events).unwrap_or(usize::MAX);
            match self.write(batch).await {
                Ok(true) => {
                    self.size.wrote(taken.max(count), began.elapsed());
                    self.tables.wrote(Some(began.elapsed()));
                    self.tables.committed().await;
                }
                Ok(false) => return Ok(written),
                Err(failed) => {
                    return self.failed(failed, count, at, up_to).await.map(|()| written);
                }
            }
            self.measure(events, most).await;
            written += events;
            next = rest;
        }
        self.is_unsure = false;
        Ok(written)
    }

    /// What follows when the log was replaced and lacks what was read: the checkpoint of the build is stored with the log, so
    /// it is as old as the log is, and the tables are a fold of what the log still holds. The build continues from there.
    fn note_replaced(&self) {
        let ProjectionBuild { name, number, .. } = self.tables.build();
        tracing::warn!(
            projection = name,
            build = number,
            "the log was replaced, and events that this projector has read may be gone: it resumes from the checkpoint in the current database"
        );
        metrics::counter!("event_store_projection_resumed_total", "projection" => *name)
            .increment(1);
    }

    /// Writes a batch; false where another process moved the checkpoint meanwhile, or the log is another one.
    async fn write(&mut self, batch: ProjectedBatch<T::Event>) -> Result<bool, NotWritten> {
        let (up_to, count, last) = (batch.up_to, batch.count, batch.last);
        let moved = self.tables.write(self.status.position, batch).await?;
        if moved {
            self.status.position = up_to;
            self.status.events += count;
            if let Some(last) = last {
                self.status.last_event = Some((last.event_id, last.position));
                self.status.last_event_at = Some(last.recorded_at);
            }
        }
        Ok(moved)
    }

    /// What follows from a batch that was not written: a smaller one, or the error, which names the event.
    async fn failed(
        &mut self,
        failed: NotWritten,
        count: usize,
        at: At,
        up_to: Position,
    ) -> Result<()> {
        let build = self.tables.build().clone();
        if failed.cause == Cause::TooSlow {
            self.tables.wrote(None);
            if count > 0 && self.size.reached_limit(count) {
                let (projection, next) = (build.name, self.size.get());
                tracing::warn!(projection, error = %failed.error, count, next, "events took too long to write; trying fewer");
                return Ok(());
            }
            return Err(Fault::error(&build, at, failed));
        }
        if failed.cause == Cause::Projection && count > 1 && !failed.error.is_transient() {
            let again = self.events_again(up_to, count).await;
            let events: Vec<_> = again.iter().map(|(_, event)| EventAt::of(event)).collect();
            let found = self.tables.first_to_fail(self.status.position, again).await;
            if let Some((index, failed)) = found
                && let Some(event) = events.into_iter().nth(index)
            {
                return Err(Fault::error(&build, At::Event(event), failed));
            }
        }
        Err(Fault::error(&build, at, failed))
    }

    /// The events of a batch once more; fewer, if they cannot be read.
    async fn events_again(
        &mut self,
        up_to: Position,
        count: usize,
    ) -> Vec<(T::Event, RecordedEvent)> {
        let mut events = Vec::with_capacity(count);
        let filter = self.tables.build().filter.clone();
        let Ok(mut source) = self.store.resume(self.status.position, filter).await else {
            return events;
        };
        while let Some(Ok(event)) = source.next_until(up_to).await
            && events.len() < count
        {
            let Ok(typed) = T::Event::decode(&event) else { break };
            events.push((typed, event));
        }
        events
    }

    /// Records the events written and the lag. After a batch that is not full there is no lag.
    async fn measure(&mut self, events: u64, most: usize) {
        let name = self.tables.build().name;
        metrics::counter!("event_store_projection_events_total", "projection" => name)
            .increment(events);
        if events >= most as u64 && self.known.1.elapsed() > HEAD_INTERVAL {
            let head = self.store.head().await;
            self.known = (head.unwrap_or(self.known.0), Instant::now());
        }
        let lag = self.known.0.get().saturating_sub(self.status.position.get());
        let age = self.status.last_event_at.filter(|_| lag > 0).map(|at| Utc::now() - at);
        let age = age.and_then(|age| age.to_std().ok()).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a figure for a graph")]
        metrics::gauge!("event_store_projection_lag_events", "projection" => name).set(lag as f64);
        metrics::gauge!("event_store_projection_lag_seconds", "projection" => name)
            .set(age.as_secs_f64());
    }
}

/// The status of the build; an error if it was begun with another filter.
async fn current<T: ProjectionTables>(tables: &mut T) -> Result<ProjectionStatus> {
    let status = tables.status().await?;
    let ProjectionBuild { name, number, filter, .. } = tables.build();
    let filter = filter.to_string();
    let reason = match status {
        None => format!("build {number} of `{name}` is gone from the list of projections"),
        Some(status) if !is_same(&status.filter, &filter)? => format!(
            "build {number} of `{name}` was begun with the filter {}, not {filter}; raise its number to build it anew",
            status.filter,
        ),
        Some(status) => return Ok(status),
    };
    Err(Error::adapter("look up a projection", reason))
}

impl<T: ProjectionTables> fmt::Debug for Projector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("name", &self.tables.build().name)
            .field("build", &self.tables.build().number)
            .field("position", &self.status.position)
            .finish_non_exhaustive()
    }
}
