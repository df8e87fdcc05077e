//! Who holds readers up: a transaction that was assigned positions and does not end is named, in the log, in a metric and by
//! [`PgAdapter::stall`].
//!
//! Every reader that gives up waiting at a hole says so here. A hole of a moment is what the frontier is for, and is not
//! told; one that lasts is, with the processes that write, at once and then from time to time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::health::{Blocker, Stall};
use event_core::{Position, Result};
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::adapter::PgAdapter;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::Statements;

const OPERATION: &str = "find out who holds readers up";
/// A wait this long is told; shorter ones are the commits of every day.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// Between two warnings about the same stall.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(30);

impl PgAdapter {
    /// What holds up readers of everything now, and who: `None` when all that is stored is shown.
    ///
    /// The same goes to the log as a warning once readers have waited for a second, and into the metric
    /// `event_store_stall_seconds`. The statements of other roles are shown to members of `pg_read_all_stats` only.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection), [`Error::Overloaded`](event_core::Error::Overloaded).
    pub async fn stall(&self) -> Result<Option<Stall>> {
        let (pool, sql) = self.parts();
        self.frontier().stall(pool, sql).await
    }
}

/// How long readers of this process have waited at one place.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Option<Waiting>>);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    after: i64,
    since: Instant,
    told: Option<Instant>,
}

impl Watch {
    /// A reader gave up waiting behind a position; how long readers have waited there, and whether it is time to tell.
    fn waits(&self, after: i64) -> (Duration, bool) {
        let now = Instant::now();
        let mut state = self.state();
        let waiting = state.filter(|waiting| waiting.after == after).unwrap_or(Waiting {
            after,
            since: now,
            told: None,
        });
        let waited = now - waiting.since;
        let due = waited >= WORTH_TELLING
            && waiting.told.is_none_or(|told| now - told >= BETWEEN_WARNINGS);
        let told = if due { Some(now) } else { waiting.told };
        *state = Some(Waiting { told, ..waiting });
        drop(state);
        metrics::gauge!("event_store_stall_seconds").set(waited.as_secs_f64());
        (waited, due)
    }

    /// Readers went on.
    pub(crate) fn passed(&self) {
        if self.state().take().is_some() {
            metrics::gauge!("event_store_stall_seconds").set(0.0);
        }
    }

    /// A reader gave up waiting: who holds it up is told when it is time.
    pub(crate) async fn gave_up(&self, pool: &Pool, sql: &Statements, after: i64, stored: i64) {
        let (waited, due) = self.waits(after);
        if !due {
            return;
        }
        match blockers(pool, sql).await {
            Ok(blockers) => {
                let stall = stall(after, stored, waited, blockers);
                let pids: Vec<_> = stall.blockers.iter().filter_map(|it| it.pid).collect();
                tracing::warn!(?pids, seconds = waited.as_secs_f64(), "{stall}");
            }
            Err(error) => {
                let stall = stall(after, stored, waited, Vec::new());
                tracing::warn!(error = %event_core::error::with_causes(&error), "{stall}; who holds them up is not known");
            }
        }
    }

    /// The report of a stall that is there now.
    pub(crate) async fn report(
        &self,
        pool: &Pool,
        sql: &Statements,
        after: i64,
        stored: i64,
    ) -> Result<Stall> {
        let (waited, _) = self.waits(after);
        Ok(stall(after, stored, waited, blockers(pool, sql).await?))
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

async fn blockers(pool: &Pool, sql: &Statements) -> Result<Vec<Blocker>> {
    pool.fetch(OPERATION, sql.blockers.query()).await?.iter().map(blocker).collect()
}

fn blocker(row: &PgRow) -> Result<Blocker> {
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
    async fn a_stall_is_told_after_a_second_and_then_from_time_to_time() {
        let watch = Watch::default();
        let mut told = Vec::new();
        for second in 0..70_u64 {
            if watch.waits(7).1 {
                told.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(told, [1, 31, 61]);
        assert_eq!(watch.waits(8).0, Duration::ZERO, "another place, another wait");
        watch.passed();
        assert_eq!(watch.waits(8).0, Duration::ZERO);
    }
}
