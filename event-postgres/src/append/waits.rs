//! [`Waits`]: who may wait for a lock of another transaction with a connection in hand.
//!
//! A transaction of anybody's may hold a stream's row for minutes. Half of the pool's connections at most wait for such
//! rows, in turns; the others are left to the appends that nothing locks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result};
use event_sql::queue::APPEND;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::commit_within;
use crate::options::PgOptions;
use crate::store::Store;

/// How long an append waits without a place: longer than other writers of its stream take.
const MOMENT: Duration = Duration::from_millis(100);
/// How long one append keeps a place, and how long it does while others want it.
const TURN: Duration = Duration::from_secs(1);
const SHORT_TURN: Duration = Duration::from_millis(100);

/// The places of those that wait for locks.
#[derive(Debug)]
pub(crate) struct Waits {
    places: Semaphore,
    count: usize,
    /// How many have a place or wait for one.
    asking: AtomicUsize,
    /// How long an append waits for locks at all.
    patience: Duration,
}

impl Waits {
    pub(crate) fn new(options: &PgOptions) -> Self {
        let count = (options.pool_size as usize / 2).max(1);
        let (places, asking) = (Semaphore::new(count), AtomicUsize::new(0));
        Self { places, count, asking, patience: options.lock_patience() }
    }

    /// How many may wait at the same time.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// How long an append waits for locks at all.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Stores a commit when it is its turn; `None` if a lock outlasts the turn.
    pub(crate) async fn take_turn(
        &self,
        store: &Store,
        commit: &Commit,
        longest: Duration,
    ) -> Result<Option<Vec<Appended>>> {
        let asking = Asking::new(&self.asking);
        let _place = self.places.acquire().await;
        let is_wanted = asking.count() > self.count || store.pool.size() < 2;
        let turn = if is_wanted { SHORT_TURN } else { TURN };
        commit_within(store, commit, turn.min(longest)).await
    }
}

/// Stores a commit; the answers in its order.
pub(crate) async fn commit(store: &Store, commit: &Commit) -> Result<Vec<Appended>> {
    let (waits, began) = (&store.waits, Instant::now());
    let left = || waits.patience.saturating_sub(began.elapsed());
    if waits.places.available_permits() == 0
        && let Some(done) = commit_within(store, commit, MOMENT.min(left())).await?
    {
        return Ok(done);
    }
    loop {
        if let Some(done) = waits.take_turn(store, commit, left()).await? {
            return Ok(done);
        }
        if left().is_zero() {
            let reason = format!("another transaction has had a lock for {:?}", waits.patience);
            return Err(Error::overloaded(APPEND, reason));
        }
    }
}

/// One of those that are counted.
struct Asking<'w>(&'w AtomicUsize);

impl<'w> Asking<'w> {
    fn new(asking: &'w AtomicUsize) -> Self {
        asking.fetch_add(1, Ordering::Relaxed);
        Self(asking)
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
