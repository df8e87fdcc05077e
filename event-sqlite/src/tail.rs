//! The tail: one task per process, on the store's thread, that looks how far the log goes, for all its subscriptions; they read it from the
//! file.
//!
//! It is woken by commits of this process. Those of others are found by a poll that slows down while nothing happens.
//! Without readers it ends.
//!
//! A file may be replaced by an older copy under a living process. Each poll looks for the event that was the last one
//! before: a log in which another one is stored there, or in which that position was never assigned, is another log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event_core::adapter::{LiveBuffer, LiveLog, LogUpdate, Place, Publisher, async_trait};
use event_core::{EventId, Position, Result};
use event_sql::rows::to_i64;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

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
    /// How often the log was replaced.
    epoch: Arc<AtomicU64>,
}

impl Tail {
    /// A tail that reads nothing before it is asked.
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { buffer: Arc::default(), store, wake: Arc::default(), epoch: Arc::default() }
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
        self.epoch.load(Ordering::SeqCst)
    }

    async fn place(&self, position: Position, since: u64) -> Result<Place> {
        let epoch = self.epoch();
        let seen = look(&self.store, position).await?;
        let event = seen.at.map(EventId::from_uuid);
        // Nothing is remembered of the log before.
        let common = if epoch == since { seen.last_assigned } else { Position::START };
        Ok(Place { epoch, event, last_assigned: seen.last_assigned, common })
    }

    async fn next(&self, after: Position, epoch: u64) -> Result<LogUpdate> {
        let start = |publisher| {
            let (store, wake) = (Arc::clone(&self.store), Arc::clone(&self.wake));
            let runtime = self.store.thread.runtime();
            runtime.spawn(run(publisher, store, wake, Arc::clone(&self.epoch)));
        };
        self.buffer.follow(after, epoch, start).await
    }
}

async fn run(publisher: Publisher, store: Arc<Store>, wake: Arc<Notify>, epoch: Arc<AtomicU64>) {
    let (mut known, mut pause, mut read_at) = (None::<Seen>, FIRST_PAUSE, Instant::now());
    loop {
        if publisher.has_readers() {
            read_at = Instant::now();
        } else if publisher.is_closed() || read_at.elapsed() > LINGER {
            return;
        }
        let last = known.as_ref().map_or(Position::START, |known| known.head);
        match look(&store, last).await {
            Ok(seen) => {
                let is_other = known.as_ref().is_some_and(|known| seen.is_of_another(known));
                if is_other {
                    let now = epoch.fetch_add(1, Ordering::SeqCst) + 1;
                    tracing::error!(seen = %last, head = %seen.head, "the file holds another log than before: readers prove their places");
                    store.census.clear();
                    store.names.clear();
                    publisher.start_in(now, seen.head);
                    pause = FIRST_PAUSE;
                } else if known.as_ref().is_none_or(|known| known.head < seen.head) {
                    publisher.start_in(epoch.load(Ordering::SeqCst), seen.head);
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

/// What the log shows.
struct Seen {
    head: Position,
    last: Option<Uuid>,
    last_assigned: Position,
    /// The event at the position that was asked for.
    at: Option<Uuid>,
}

impl Seen {
    /// Whether the log is not the one that showed its last event before.
    fn is_of_another(&self, before: &Self) -> bool {
        self.last_assigned < before.last_assigned
            || (self.at.is_some() && before.last.is_some() && self.at != before.last)
    }
}

async fn look(store: &Store, position: Position) -> Result<Seen> {
    let query = sql::PLACE.query().bind(to_i64(position.get()));
    let row = store.fetch_one(OPERATION, query).await?;
    let cells = Cells::new(&row);
    Ok(Seen {
        head: Position::try_from(cells.get::<i64>("head")?)?,
        last: cells.get("last_id")?,
        last_assigned: Position::try_from(cells.get::<i64>("last_assigned")?)?,
        at: cells.get("event_id")?,
    })
}

/// The position that a statement returns.
async fn position(store: &Store, statement: Statement) -> Result<Position> {
    let row = store.fetch_one(OPERATION, statement.query()).await?;
    Ok(Position::try_from(Cells::new(&row).first::<i64>()?)?)
}
