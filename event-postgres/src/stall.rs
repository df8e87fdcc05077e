//! Reports which transactions block readers: one that was assigned positions and does not end is named in the log, in a
//! metric and by [`PgAdapter::stall`](crate::PgAdapter::stall).
//!
//! Every reader that gives up waiting at a hole reports it here. The frontier handles short holes, which are not
//! reported; one that lasts is, with the processes that write, at once and then at intervals.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::health::{Blocker, Stall};
use event_core::{Position, Result};
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::row::Cells;
use crate::store::Store;

const OPERATION: &str = "find out what blocks readers";
/// Report waits this long; shorter ones are ordinary commits in flight.
const REPORT_AFTER: Duration = Duration::from_secs(1);
/// Between two warnings about the same stall.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(30);

/// How long readers of this process have waited at one position.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Option<Waiting>>);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    after: i64,
    since: Instant,
    reported: Option<Instant>,
}

impl Watch {
    /// A reader gave up waiting after a position: how long readers have waited there, and whether a report is due.
    fn waits(&self, after: i64) -> (Duration, bool) {
        let now = Instant::now();
        let mut state = self.state();
        let waiting = state.filter(|waiting| waiting.after == after);
        let waiting = waiting.unwrap_or(Waiting { after, since: now, reported: None });
        let waited = now - waiting.since;
        let due = waited >= REPORT_AFTER
            && waiting.reported.is_none_or(|reported| now - reported >= BETWEEN_WARNINGS);
        let reported = if due { Some(now) } else { waiting.reported };
        *state = Some(Waiting { reported, ..waiting });
        drop(state);
        metrics::gauge!("event_store_stall_seconds").set(waited.as_secs_f64());
        (waited, due)
    }

    /// Readers continued.
    pub(crate) fn resumed(&self) {
        if self.state().take().is_some() {
            metrics::gauge!("event_store_stall_seconds").set(0.0);
        }
    }

    /// A reader gave up waiting: logs what blocks it, when a report is due.
    pub(crate) async fn gave_up(&self, store: &Store, after: i64, stored: i64) {
        let (waited, due) = self.waits(after);
        if !due {
            return;
        }
        match blockers(store).await {
            Ok(blockers) => {
                let stall = stall(after, stored, waited, blockers);
                let pids: Vec<_> = stall.blockers.iter().filter_map(|it| it.pid).collect();
                tracing::warn!(?pids, seconds = waited.as_secs_f64(), "{stall}");
            }
            Err(error) => {
                let stall = stall(after, stored, waited, Vec::new());
                tracing::warn!(error = %event_core::error::with_causes(&error), "{stall}; which processes block them is unknown");
            }
        }
    }

    /// The report of a stall that exists now.
    pub(crate) async fn report(&self, store: &Store, after: i64, stored: i64) -> Result<Stall> {
        let (waited, _) = self.waits(after);
        Ok(stall(after, stored, waited, blockers(store).await?))
    }

    fn state(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stall(after: i64, stored: i64, waited: Duration, blockers: Vec<Blocker>) -> Stall {
    let position = |number| Position::new(u64::try_from(number).unwrap_or_default());
    let mut stall = Stall::new(position(after), position(stored), waited);
    stall.blockers = blockers;
    stall
}

async fn blockers(store: &Store) -> Result<Vec<Blocker>> {
    store.fetch(OPERATION, store.sql.blockers.query()).await?.iter().map(blocker).collect()
}

/// A row with a session and the age of its transaction.
pub(crate) fn blocker(row: &PgRow) -> Result<Blocker> {
    let cells = Cells::new(row);
    let mut blocker = Blocker::new(cells.get("pid")?);
    blocker.application = cells.get("application")?;
    blocker.role = cells.get("role")?;
    blocker.state = cells.get("state")?;
    blocker.query = cells.get("query")?;
    blocker.age = Duration::try_from_secs_f64(cells.get("age")?).unwrap_or_default();
    Ok(blocker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_reported_after_a_second_and_then_at_intervals() {
        let watch = Watch::default();
        let mut reported = Vec::new();
        for second in 0..70_u64 {
            if watch.waits(7).1 {
                reported.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(reported, [1, 31, 61]);
        assert_eq!(watch.waits(8).0, Duration::ZERO, "another position, another wait");
        watch.resumed();
        assert_eq!(watch.waits(8).0, Duration::ZERO);
    }
}
