//! The frontier: the last position that no later commit can get in front of. One per adapter, fed by every poll.
//!
//! Positions come from an ordered sequence, drawn by transactions that hold a transaction id already. So when a poll
//! sees position `h`, whoever drew a position below `h` had an id below the poll's `next_xid`. Once every transaction
//! below that is finished (`xmin` has reached it), a position that is still missing was rolled back: all up to `h` is
//! final. That pair is a fence. Without holes none is needed: visible positions that follow one another are final at
//! once. Only grows; polls may be applied in any order.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::Result;
use tokio::time::{Instant, sleep};

use crate::append::stored;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::Statements;

/// Fences kept at most; a newer one then takes the place of the newest.
const FENCES: usize = 64;
/// The first pause before a hole is looked at again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// What is known to be final.
#[derive(Debug)]
pub(crate) struct Frontier {
    state: Mutex<State>,
    wait: Duration,
}

impl Frontier {
    /// A frontier at the start; `wait` bounds how long one call waits for a hole.
    pub(crate) fn new(wait: Duration) -> Self {
        Self { state: Mutex::default(), wait }
    }

    /// The last position known to be final.
    pub(crate) fn known(&self) -> i64 {
        self.lock().last
    }

    /// Polls until what is visible is final, or `wanted` positions after `after` are, or the time is up.
    pub(crate) async fn advance(
        &self,
        pool: &Pool,
        sql: &Statements,
        after: i64,
        wanted: usize,
    ) -> Result<i64> {
        let enough = after.saturating_add(stored(wanted as u64));
        let mut until = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let poll = Poll::take(pool, sql, self.known(), wanted).await?;
            let last = self.lock().apply(&poll);
            let now = Instant::now();
            if poll.highest <= last.max(after) || last >= enough {
                return Ok(last);
            }
            if *until.get_or_insert(now + self.wait) <= now {
                return Ok(last);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one snapshot of the server shows.
#[derive(Debug)]
struct Poll {
    xmin: i64,
    next_xid: i64,
    highest: i64,
    /// Visible positions after the frontier of that moment, in order.
    visible: Vec<i64>,
}

impl Poll {
    async fn take(pool: &Pool, sql: &Statements, last: i64, wanted: usize) -> Result<Self> {
        let query = sql.frontier.query().bind(last).bind(stored(wanted as u64));
        let rows = pool.fetch("find the frontier", query).await?;
        let Some(row) = rows.first() else {
            return Err(event_core::Error::adapter("find the frontier", "no answer"));
        };
        let cells = Cells::new(row, None);
        Ok(Self {
            xmin: cells.get("xmin")?,
            next_xid: cells.get("next_xid")?,
            highest: cells.get("highest")?,
            visible: cells.get("visible")?,
        })
    }
}

#[derive(Debug, Default)]
struct State {
    last: i64,
    /// Up to the position all is final, once every transaction below the id is finished; both grow.
    fences: VecDeque<(i64, i64)>,
}

impl State {
    /// Takes in a poll; the last final position.
    fn apply(&mut self, poll: &Poll) -> i64 {
        if poll.highest > self.last {
            self.put_fence(poll.highest, poll.next_xid);
        }
        while let Some((position, xid)) = self.fences.front().copied() {
            if poll.xmin < xid {
                break;
            }
            self.last = self.last.max(position);
            self.fences.pop_front();
        }
        for position in &poll.visible {
            if *position == self.last + 1 {
                self.last = *position;
            }
        }
        let last = self.last;
        self.fences.retain(|(position, _)| *position > last);
        last
    }

    fn put_fence(&mut self, position: i64, xid: i64) {
        match self.fences.back().copied() {
            // An older poll, applied late, says nothing new.
            Some((known, _)) if position <= known => return,
            // The same transactions, a higher position.
            Some((_, same)) if xid <= same => {
                self.fences.pop_back();
                self.fences.push_back((position, same));
                return;
            }
            _ if self.fences.len() >= FENCES => {
                self.fences.pop_back();
            }
            _ => {}
        }
        self.fences.push_back((position, xid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(xmin: i64, next_xid: i64, visible: &[i64]) -> Poll {
        let highest = visible.last().copied().unwrap_or_default();
        Poll { xmin, next_xid, highest, visible: visible.to_vec() }
    }

    #[test]
    fn an_idle_server_has_no_holes_that_matter() {
        assert_eq!(State::default().apply(&poll(9, 9, &[1, 2, 5, 9])), 9);
    }

    #[test]
    fn positions_that_follow_one_another_need_no_fence() {
        assert_eq!(State::default().apply(&poll(3, 9, &[1, 2, 3])), 3);
    }

    #[test]
    fn a_hole_waits_for_the_transactions_that_may_fill_it() {
        let mut state = State::default();
        assert_eq!(state.apply(&poll(5, 9, &[1, 2, 4, 5])), 2);
        assert_eq!(state.apply(&poll(8, 12, &[4, 5, 6])), 2, "one below 9 is still running");
        assert_eq!(state.apply(&poll(9, 12, &[4, 5, 6, 8])), 6, "5 by the fence, 6 follows it");
        assert_eq!(state.apply(&poll(9, 12, &[7, 8])), 8, "the late commit filled the hole");
    }

    #[test]
    fn a_poll_applied_late_changes_nothing() {
        let mut state = State::default();
        state.apply(&poll(9, 9, &[1, 3, 4]));
        assert_eq!(state.apply(&poll(5, 7, &[1, 3])), 4);
    }

    #[test]
    fn fences_stay_few() {
        let mut state = State::default();
        for step in 0..1_000 {
            state.apply(&poll(1, 10 + step, &[2 + step]));
        }
        assert_eq!(state.fences.len(), FENCES);
        assert_eq!(state.apply(&poll(2_000, 2_000, &[1_500])), 1_500);
    }
}
