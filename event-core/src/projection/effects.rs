//! [`Effects`]: side effects of an event, such as a mail or a request.
//!
//! Effects are collected while an event is applied, and run after the commit, for the current build only: the transaction
//! proves that the build is still the one that they were collected for.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::adapter::BoxFuture;
use crate::error::BoxError;
use crate::subscription::guarded;
use crate::value::Position;

/// An effect that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(30);

type Effect = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), BoxError>> + Send>;

/// Side effects, such as a mail or a request: collected while an event is applied, run after the commit.
///
/// The effects of a batch are run in the order of its events, one after the other, before the next batch is written. **Each is run
/// at most once**: it is lost if the program is killed between the commit and the effect, and one that fails is logged and counted,
/// and not run again. Work that must not be lost belongs in a durable subscription
/// ([`EventStore::subscription`](crate::EventStore::subscription)), which is delivered at least once.
///
/// A build that is being made has no effects, neither the first one nor a rebuild. Once it is current, later events have theirs, and
/// no event has them twice, however many programs run the read model.
///
/// ```
/// use event_core::Effects;
///
/// fn confirm(order: String, effects: &mut Effects) {
///     effects.add(async move || {
///         println!("mail the confirmation of {order}"); // an error is logged and counted
///         Ok(())
///     });
/// }
/// # let _ = confirm;
/// ```
pub struct Effects {
    list: Vec<Effect>,
    are_run: bool,
}

impl Effects {
    /// Those of one event. `are_run` is false while a build is made.
    pub(in crate::projection) const fn new(are_run: bool) -> Self {
        Self { list: Vec::new(), are_run }
    }

    /// Adds an effect. While a build is made, it is dropped.
    ///
    /// It gets 30 seconds. An error or a panic is logged as `an effect failed`, and counted.
    pub fn add<F>(&mut self, effect: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        if self.are_run {
            self.list.push(Box::new(move || Box::pin(effect())));
        }
    }

    /// Whether effects are run: not while a build is made.
    pub const fn are_run(&self) -> bool {
        self.are_run
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, are_run } = self;
        f.debug_struct("Effects").field("count", &list.len()).field("are_run", are_run).finish()
    }
}

/// The effects of a batch, from when they are collected until they are run. Clones share them.
#[derive(Clone, Default)]
pub(in crate::projection) struct Collected(Arc<Mutex<Vec<(Position, Effect)>>>);

impl Collected {
    /// Adds the effects of an event that was applied.
    pub(in crate::projection) fn take_in(&self, position: Position, effects: Effects) {
        if !effects.list.is_empty() {
            let own = effects.list.into_iter().map(|effect| (position, effect));
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
        }
    }

    /// Forgets them: their events were not committed.
    pub(in crate::projection) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether there are none.
    pub(in crate::projection) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Runs them: their events are committed.
    pub(in crate::projection) async fn run(&self, projection: &'static str) {
        let effects = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (position, effect) in effects {
            let done = timeout(LONGEST, guarded(effect)).await;
            let done = done.unwrap_or_else(|_| Err(format!("it took over {LONGEST:?}").into()));
            let result = if done.is_ok() { "done" } else { "failed" };
            metrics::counter!("event_store_projection_effects_total", "projection" => projection, "result" => result)
                .increment(1);
            if let Err(error) = done {
                tracing::warn!(projection, position = position.get(), error = %error, "an effect failed");
            }
        }
    }
}

/// Whether a runner is between a commit and the end of its effects: it is not stopped there.
#[derive(Debug, Clone, Default)]
pub(in crate::projection) struct Busy(Arc<AtomicBool>);

impl Busy {
    pub(in crate::projection) fn set(&self, is_busy: bool) {
        self.0.store(is_busy, Ordering::Relaxed);
    }

    pub(in crate::projection) fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
