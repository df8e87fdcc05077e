//! [`Run`]: runs a read model: its current build, and a new one beside it.

use std::fmt;
use std::future::{Future, IntoFuture, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::builds::{Model, models};
use super::effects::Busy;
use super::projector::{Goal, ProjectionTables, Projector};
use crate::adapter::{BoxFuture, InlineModel, Overtake, StoredBuild};
use crate::error::Result;
use crate::store::EventStore;
use crate::value::BatchSize;

const RUN: &str = "run a read model";
/// The first pause after a transient failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a rebuild tries to overtake the build that it replaces before it lets the writers of that one wait.
const SWITCHES: u32 = 5;

/// A read model, and how the tables or documents of one of its builds are written.
pub(super) trait Source: Send + Sync + 'static {
    type Tables: ProjectionTables;

    fn model(&self) -> &Model;

    /// The same as it is written in a transaction of others.
    fn inline(&self) -> Arc<dyn InlineModel>;

    /// Set while it must not be stopped.
    fn busy(&self) -> &Busy;

    fn batch(&self) -> BatchSize;

    /// Refuses a backend that cannot do it.
    fn check(&self, store: &EventStore) -> Result<()> {
        models(store, RUN).map(drop)
    }

    /// Removes a build that is not current.
    fn remove(&self, store: &EventStore, build: u32) -> impl Future<Output = Result<bool>> + Send {
        async move { models(store, RUN)?.remove(self.model().name, build).await }
    }

    /// Opens a build to write it.
    fn open(
        &self,
        store: &EventStore,
        build: &StoredBuild,
    ) -> impl Future<Output = Result<Self::Tables>> + Send;
}

async fn projector<S: Source>(
    source: &S,
    store: &EventStore,
    build: &StoredBuild,
) -> Result<Projector<S::Tables>> {
    let tables = source.open(store, build).await?;
    Projector::open(store, tables, source.batch()).await
}

/// Brings the current build up to now; returns how many events were written.
pub(super) async fn catch_up<S: Source>(source: &S, store: &EventStore) -> Result<u64> {
    source.check(store)?;
    let build = source.model().build(models(store, RUN)?).await?;
    let mut projector = projector(source, store, &build).await?;
    let events = projector.catch_up().await?;
    if !build.is_current {
        projector.switch().await?;
    }
    Ok(events)
}

/// Makes a new build beside the current one, moves the readers over, and removes the others; returns how many events were
/// written.
pub(super) async fn rebuild<S: Source>(source: &S, store: &EventStore) -> Result<u64> {
    source.check(store)?;
    let models = models(store, "rebuild a read model")?;
    let model = source.model();
    let build = model.next(models).await?;
    let mut projector = projector(source, store, &build).await?;
    let mut events = 0;
    // Up to where the readers are: what the current build has not applied yet has its effects after the switch. That build is run
    // meanwhile; what it is ahead is little, and less each time.
    let mut tries = 0;
    loop {
        let builds = models.builds(model.name).await?;
        let current = builds.iter().find(|it| it.is_current && it.number != build.number);
        events += match current {
            Some(current) => {
                projector.write_to(Goal::Exactly(current.position), &mut |_| {}).await?
            }
            None => projector.catch_up().await?,
        };
        match projector.switch().await {
            Ok(()) => break,
            Err(_) if tries < SWITCHES => tries += 1,
            Err(_) => {
                let work = Overtake { model: source.inline(), build: build.number };
                models.in_transaction(Box::new(work)).await?;
                break;
            }
        }
    }
    // What was written beside the projector is read again.
    let mut projector = self::projector(source, store, &build).await?;
    events += projector.catch_up().await?;
    for old in models.builds(model.name).await? {
        if old.number < build.number && !old.is_current {
            source.remove(store, old.number).await?;
        }
    }
    Ok(events)
}

/// Follows the log; where the build was replaced by another one of the same definition, it continues with that. What may pass is
/// tried again.
async fn follow<S: Source>(source: &S, store: &EventStore) -> Result<()> {
    source.check(store)?;
    let mut pause = FIRST_PAUSE;
    loop {
        let mut number = None;
        let Err(error) = run_current(source, store, &mut number).await else { return Ok(()) };
        if !error.is_transient() {
            if !is_replaced(source, store, number).await? {
                return Err(error);
            }
            pause = FIRST_PAUSE;
            continue;
        }
        let projection = source.model().name;
        tracing::warn!(projection, %error, "a projection failed and is retried");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Runs the current build, whose number it notes; the first one is made before, up to now.
async fn run_current<S: Source>(
    source: &S,
    store: &EventStore,
    number: &mut Option<u32>,
) -> Result<()> {
    let build = source.model().build(models(store, RUN)?).await?;
    *number = Some(build.number);
    let mut projector = projector(source, store, &build).await?;
    if !build.is_current {
        projector.catch_up().await?;
        projector.switch().await?;
    }
    projector.run().await
}

/// Whether another build than this one is current.
async fn is_replaced<S: Source>(
    source: &S,
    store: &EventStore,
    number: Option<u32>,
) -> Result<bool> {
    let Some(number) = number else { return Ok(false) };
    let builds = models(store, RUN)?.builds(source.model().name).await?;
    Ok(source.model().current(&builds)?.is_some_and(|it| it.number != number))
}

/// Runs a read model when awaited: it catches up, then follows the log.
///
/// It ends only with an error, or after [`until`](Self::until). Dropping it loses nothing.
#[must_use = "nothing is run before it is awaited"]
pub struct Run<'s> {
    work: BoxFuture<'s, Result<()>>,
    stop: BoxFuture<'s, ()>,
    busy: Busy,
}

impl<'s> Run<'s> {
    pub(super) fn new<S: Source>(source: S, store: EventStore) -> Self {
        let busy = source.busy().clone();
        let work = async move {
            let store = store.all_tenants();
            follow(&source, &store).await
        };
        Self { work: Box::pin(work), stop: Box::pin(pending()), busy }
    }

    /// Ends it with `Ok` once a future completes, such as a shutdown signal. A batch that is being committed is finished, with its
    /// effects.
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 's) -> Self {
        self.stop = Box::pin(stop);
        self
    }
}

impl<'s> IntoFuture for Run<'s> {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'s, Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { work, stop, busy } = self;
            let (mut work, mut stop) = (pin!(work), pin!(stop));
            let mut is_stopping = false;
            std::future::poll_fn(|context| {
                is_stopping = is_stopping || stop.as_mut().poll(context).is_ready();
                if is_stopping && !busy.is_busy() {
                    return Poll::Ready(Ok(()));
                }
                let done = work.as_mut().poll(context);
                if done.is_pending() && is_stopping && !busy.is_busy() {
                    return Poll::Ready(Ok(()));
                }
                done
            })
            .await
        })
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}
