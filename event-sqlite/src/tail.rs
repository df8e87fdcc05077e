//! The tail: one task per process, on the store's thread, that looks how far the log goes, for all its subscriptions; they read it from the
//! file.
//!
//! It is woken by commits of this process. Those of others are found by a poll that slows down while nothing happens.
//! Without readers it ends.
//!
//! Each poll proves that the log is the one of before (`epoch.rs`).

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{LiveBuffer, LiveLog, LogUpdate, Place, Publisher, async_trait};
use event_core::{Position, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::epoch::{self, Extent};
use crate::row::Cells;
use crate::sql::{self, Statement};
use crate::store::Store;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long the task continues without a reader.
const LINGER: Duration = Duration::from_secs(5);

const OPERATION: &str = "follow the log";

/// The growing end of the log, for all readers of a process.
pub(crate) struct Tail {
    buffer: Arc<LiveBuffer>,
    store: Arc<Store>,
    wake: Arc<Notify>,
}

impl Tail {
    /// A tail that reads nothing before it is asked.
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { buffer: Arc::default(), store, wake: Arc::default() }
    }

    /// Wakes the task: something was committed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Ends every reader's wait; without readers the task ends.
    pub(crate) fn close(&self) {
        self.buffer.close();
        self.wake.notify_one();
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // The task outlives the caller's runtime, and would keep the file open for a while.
        self.close();
    }
}

#[async_trait]
impl LiveLog for Tail {
    async fn head(&self) -> Result<Position> {
        position(&self.store, sql::HEAD).await
    }

    async fn last_assigned(&self) -> Result<Position> {
        position(&self.store, sql::LAST_ASSIGNED).await
    }

    fn epoch(&self) -> u64 {
        self.store.lineage.epoch()
    }

    fn is_contested(&self, position: Position) -> bool {
        self.store.lineage.is_contested(position)
    }

    fn is_contested_end(&self, position: Position) -> bool {
        self.store.lineage.is_contested_end(position)
    }

    async fn place(&self, position: Position, since: u64) -> Result<Place> {
        epoch::place(&self.store, position, since).await
    }

    async fn next(&self, after: Position, epoch: u64) -> Result<LogUpdate> {
        let start = |publisher| {
            let (store, wake) = (Arc::clone(&self.store), Arc::clone(&self.wake));
            let runtime = self.store.thread.runtime();
            runtime.spawn(run(publisher, store, wake));
        };
        self.buffer.follow(after, epoch, start).await
    }
}

async fn run(publisher: Publisher, store: Arc<Store>, wake: Arc<Notify>) {
    let (mut known, mut pause, mut read_at) = (None::<Extent>, FIRST_PAUSE, Instant::now());
    loop {
        if publisher.has_readers() {
            read_at = Instant::now();
        } else if publisher.is_closed() || read_at.elapsed() > LINGER {
            return;
        }
        match epoch::now(&store).await {
            Ok(seen) => {
                let is_new = |known: &Extent| known.epoch != seen.epoch || known.head < seen.head;
                if known.as_ref().is_none_or(is_new) {
                    publisher.start_in(seen.epoch, seen.head);
                    pause = FIRST_PAUSE;
                }
                known = Some(seen);
            }
            Err(error) => {
                let error = event_core::error::with_causes(&error);
                tracing::warn!(%error, "cannot follow the log; trying again");
            }
        }
        let woken = timeout(pause, wake.notified()).await.is_ok();
        pause = if woken { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
    }
}

/// The position that a statement returns.
async fn position(store: &Store, statement: Statement) -> Result<Position> {
    let row = store.fetch_one(OPERATION, statement.query()).await?;
    Ok(Position::try_from(Cells::new(&row).first::<i64>()?)?)
}
