//! [`ReadModelStatus`]: how far a read model is; [`WaitFor`]: waits until it is there.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};

use super::builds::{Model, models};
use crate::adapter::{BoxFuture, StoredBuild};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::Position;

const WAIT: &str = "wait for a read model";
/// By default it is waited so long.
const AT_MOST: Duration = Duration::from_secs(30);
/// The first pause between two looks at a checkpoint; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What there is of a read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadModelState {
    /// Nothing: no program has run it.
    Missing,
    /// Its first build has not caught up yet: nothing can be read.
    Building,
    /// It can be read.
    Current,
    /// What can be read was made from another definition than this program's.
    Outdated,
}

/// How far a read model is, by the store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadModelStatus {
    /// What there is.
    pub state: ReadModelState,
    /// The build that is read; the one that is made, if there is none yet.
    pub build: Option<u32>,
    /// The version of its definition.
    pub version: Option<u32>,
    /// Everything up to here is in it.
    pub position: Position,
    /// The end of the log.
    pub head: Position,
    /// The number of events in it.
    pub events: u64,
    /// When the last of them was recorded.
    pub last_event_at: Option<DateTime<Utc>>,
    /// The build that is made beside it, and how far that is.
    pub next: Option<(u32, Position)>,
}

impl ReadModelStatus {
    /// How many positions it lags the end of the log: an upper limit of the events that it lacks.
    pub const fn lag(&self) -> u64 {
        self.head.get().saturating_sub(self.position.get())
    }
}

impl Model {
    /// How far it is.
    pub(super) async fn status(&self, store: &EventStore) -> Result<ReadModelStatus> {
        let models = models(store, "look up a read model")?;
        let operation = store.operation("read_model_status", None);
        let builds = operation.run(|_| models.builds(self.name)).await?;
        let head = store.head().await?;
        let current = builds.iter().find(|build| build.is_current);
        let shown: Option<&StoredBuild> = current.or(builds.last());
        let state = match (current, shown) {
            (None, None) => ReadModelState::Missing,
            (None, Some(_)) => ReadModelState::Building,
            (Some(build), _) if self.check(build).is_ok() => ReadModelState::Current,
            (Some(_), _) => ReadModelState::Outdated,
        };
        let number = shown.map(|build| build.number);
        let next = builds.last().filter(|build| Some(build.number) > number);
        let position = shown.map_or(Position::START, |build| build.position);
        Ok(ReadModelStatus {
            state,
            build: number,
            version: shown.map(|build| build.definition.version),
            position,
            head: head.max(position),
            events: shown.map_or(0, |build| build.events),
            last_event_at: shown.and_then(|build| build.last_event_at),
            next: next.map(|build| (build.number, build.position)),
        })
    }
}

/// Waits until a read model includes a position, whichever program runs it; await it.
#[must_use = "nothing is waited for before it is awaited"]
pub struct WaitFor {
    store: EventStore,
    model: Model,
    position: Position,
    /// The epoch of the log in which the caller names it.
    epoch: u64,
    at_most: Duration,
}

impl WaitFor {
    pub(super) fn new(store: EventStore, model: Model, position: Position) -> Self {
        let epoch = store.adapter().live().epoch();
        Self { store, model, position, epoch, at_most: AT_MOST }
    }

    /// Sets how long it is waited, 30 seconds by default.
    pub const fn at_most(mut self, limit: Duration) -> Self {
        self.at_most = limit;
        self
    }

    async fn wait(self) -> Result<()> {
        let Self { store, model, position, epoch, at_most } = self;
        let models = models(&store, WAIT)?;
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let operation = store.operation("wait_for_read_model", None);
            let builds = operation.run(|_| models.builds(model.name)).await?;
            let current = model.current(&builds)?;
            let is_reached = current.is_some_and(|build| build.position >= position);
            let left = at_most.saturating_sub(began.elapsed());
            if is_reached || left.is_zero() {
                // Other events may have come to the position.
                store.prove_bare(model.name, position, epoch).await?;
            }
            if is_reached {
                return Ok(());
            }
            if left.is_zero() {
                let at = match current {
                    Some(build) => format!("it is at {}", build.position),
                    None => "it was never run".to_owned(),
                };
                let name = model.name;
                let reason = format!(
                    "`{name}` has not reached position {position} within {at_most:?}: {at}; does a program run it?"
                );
                return Err(Error::overloaded(WAIT, reason));
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl IntoFuture for WaitFor {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

impl fmt::Debug for WaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor").field("position", &self.position).finish_non_exhaustive()
    }
}
