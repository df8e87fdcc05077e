//! [`Waits`]: who may wait for a lock of another transaction with a connection in hand.
//!
//! A transaction of anybody's may hold a stream's row for minutes. Half of the pool's connections at most wait for such
//! rows, in turns; the others are left to the appends that nothing locks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::options::PgOptions;

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

/// A place, until it is dropped.
pub(crate) struct Turn<'w> {
    /// How long it lasts.
    pub(crate) length: Duration,
    _place: Option<SemaphorePermit<'w>>,
    _asking: Asking<'w>,
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

    /// Whether all places are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Waits for a place. The turn is short while others wait for one, and where the pool has a single connection.
    pub(crate) async fn turn(&self, pool_size: u32) -> Turn<'_> {
        let asking = Asking::new(&self.asking);
        let place = self.places.acquire().await.ok();
        let is_wanted = asking.count() > self.count || pool_size < 2;
        let length = if is_wanted { SHORT_TURN } else { TURN };
        Turn { length, _place: place, _asking: asking }
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
