//! The tail: one task a process that looks how far the log goes, for all its subscriptions; they read it from the file.
//!
//! It is woken by commits of this process. Those of others are found by a poll that slows down while nothing happens.
//! Without readers it ends.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{LiveBuffer, LogUpdate, Publisher};
use event_core::{Error, Position, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{self, Statement};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long the task goes on without a reader.
const LINGER: Duration = Duration::from_secs(5);

const OPERATION: &str = "follow the log";

/// The growing end of the log, for all readers of a process.
pub(crate) struct Tail {
    buffer: Arc<LiveBuffer>,
    pool: Arc<Pool>,
    wake: Arc<Notify>,
}

impl Tail {
    /// A tail that reads nothing before it is asked.
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self { buffer: Arc::default(), pool, wake: Arc::default() }
    }

    /// Something was committed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// The last position there is.
    pub(crate) async fn head(&self) -> Result<Position> {
        head(&self.pool).await
    }

    /// The highest position that was ever used.
    pub(crate) async fn last_assigned(&self) -> Result<Position> {
        position(&self.pool, sql::LAST_ASSIGNED).await
    }

    /// What stands after a position; waits for it.
    pub(crate) async fn next(&self, after: Position) -> Result<LogUpdate> {
        let start = |publisher| {
            tokio::spawn(run(publisher, Arc::clone(&self.pool), Arc::clone(&self.wake)));
        };
        self.buffer.follow(after, start).await
    }

    /// Ends every reader's wait.
    pub(crate) fn close(&self) {
        self.buffer.close();
        self.wake.notify_one();
    }
}

async fn run(publisher: Publisher, pool: Arc<Pool>, wake: Arc<Notify>) {
    let (mut known, mut pause, mut read_at) = (None, FIRST_PAUSE, Instant::now());
    loop {
        if publisher.has_readers() {
            read_at = Instant::now();
        } else if publisher.is_closed() || read_at.elapsed() > LINGER {
            return;
        }
        match head(&pool).await {
            Ok(head) if known.is_none_or(|known| known < head) => {
                known = Some(head);
                publisher.start_at(head);
                pause = FIRST_PAUSE;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %event_core::error::with_causes(&error), "cannot follow the log; trying again");
            }
        }
        let woken = timeout(pause, wake.notified()).await.is_ok();
        pause = if woken { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
    }
}

async fn head(pool: &Pool) -> Result<Position> {
    position(pool, sql::HEAD).await
}

/// The position that a statement answers with.
async fn position(pool: &Pool, statement: Statement) -> Result<Position> {
    let rows = pool.fetch(OPERATION, statement.query()).await?;
    let row = rows.first().ok_or_else(|| Error::adapter(OPERATION, "no answer"))?;
    Ok(Position::try_from(Cells::new(row).at_first::<i64>()?)?)
}
