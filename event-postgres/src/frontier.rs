//! The frontier: the last position that no later commit can come before. One per server, fed by every poll.
//!
//! Positions come from an ordered sequence, and are assigned to transactions that hold a transaction id and a lock on
//! the table of events already. So when a poll sees position `h`, every transaction with a lower position had an id
//! below the poll's `next_xid`, and has ended or is among the holders of that lock afterwards. A position that is still
//! missing was rolled back, and all positions up to `h` are final, once
//! - every transaction below `next_xid` is finished (`xmin` has reached it): a fence, which every poll gives for free; or
//! - none of those holders is left: the probe, made when a hole stays, so that no other work of the server blocks readers.
//!
//! Visible positions without a hole between them are final at once. The frontier only grows; polls may be applied in
//! any order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::Result;
use event_core::health::Stall;
use event_sql::rows::to_i64;
use tokio::time::{Instant, sleep};

use crate::row::Cells;
use crate::stall::Watch;
use crate::store::Store;

const OPERATION: &str = "find the frontier";
/// Fences kept at most; a newer one then replaces the newest.
const FENCES: usize = 64;
/// Positions that are read one by one when the end of the log is asked for; beyond them a fence decides.
const HEAD: usize = 10_000;
/// The first pause before a hole is looked at again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// What is known to be final on one server.
pub(crate) struct Frontier {
    store: Arc<Store>,
    state: Mutex<Final>,
    watch: Watch,
    wait: Duration,
}

impl Frontier {
    /// A frontier at the start of the log; `wait` limits how long one call waits for a hole.
    pub(crate) fn new(store: Arc<Store>, wait: Duration) -> Self {
        Self { store, state: Mutex::default(), watch: Watch::default(), wait }
    }

    /// The server.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The last position known to be final.
    pub(crate) fn known(&self) -> i64 {
        self.lock().last
    }

    /// The last position that is final now: the last visible one, unless a commit in flight comes before it.
    pub(crate) async fn head(&self) -> Result<i64> {
        self.reach((self.known(), i64::MAX), HEAD).await
    }

    /// What blocks readers now; commits that end soon are waited for first.
    pub(crate) async fn stall(&self) -> Result<Option<Stall>> {
        self.head().await?;
        let seen = Poll::take(&self.store, self.known(), HEAD).await?;
        let last = self.lock().apply(&seen);
        if last >= seen.highest {
            self.watch.resumed();
            return Ok(None);
        }
        self.watch.report(&self.store, last, seen.highest).await.map(Some)
    }

    /// What reports readers that wait.
    pub(crate) const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Notes that all positions up to one are final, by a proof of the caller's.
    pub(crate) fn learn(&self, position: i64) {
        self.lock().pass(position);
    }

    /// Polls until all that is visible now is final, or `wanted` positions after `after` are, or the time is up.
    pub(crate) async fn advance(&self, after: i64, wanted: usize) -> Result<i64> {
        let enough = after.saturating_add(to_i64(wanted as u64));
        self.reach((after, enough), wanted).await
    }

    async fn reach(&self, (after, enough): (i64, i64), wanted: usize) -> Result<i64> {
        let store = &self.store;
        let give_up = Instant::now() + self.wait;
        let mut pause = FIRST_PAUSE;
        let mut goal = None;
        let mut watched: Option<(i64, Holders)> = None;
        loop {
            let seen = Poll::take(store, self.known(), wanted).await?;
            let mut last = self.lock().apply(&seen);
            // What becomes visible during the wait is left to the next call.
            let goal = enough.min(*goal.get_or_insert(seen.highest));
            if goal <= after {
                return Ok(last);
            }
            // A hole. Mostly its owner is about to commit: the probe comes after the first pause.
            if last < goal && pause > FIRST_PAUSE {
                let holders = Holders::take(store).await?;
                let (highest, first) =
                    watched.get_or_insert_with(|| (seen.highest, holders.clone()));
                if holders.prove_gone(first) {
                    last = self.lock().pass(*highest);
                }
            }
            if last >= goal {
                self.watch.resumed();
                return Ok(last);
            }
            if give_up <= Instant::now() {
                self.watch.gave_up(store, last, seen.highest).await;
                return Ok(last);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Final> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one snapshot of the server shows.
#[derive(Debug)]
pub(crate) struct Poll {
    xmin: i64,
    next_xid: i64,
    /// The highest visible position.
    pub(crate) highest: i64,
    /// Visible positions after the frontier of that moment, in order.
    pub(crate) visible: Vec<i64>,
}

impl Poll {
    async fn take(store: &Store, last: i64, wanted: usize) -> Result<Self> {
        let query = store.sql.frontier.query().bind(last).bind(to_i64(wanted as u64));
        let row = store.fetch_one(OPERATION, query).await?;
        let cells = Cells::new(&row);
        Ok(Self { visible: cells.get("visible")?, ..Self::of(&cells)? })
    }

    /// What any row of a snapshot says of it, without the visible positions.
    pub(crate) fn of(cells: &Cells<'_>) -> Result<Self> {
        Ok(Self {
            xmin: cells.get("xmin")?,
            next_xid: cells.get("next_xid")?,
            highest: cells.get("highest")?,
            visible: Vec::new(),
        })
    }
}

/// The transactions that write events at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Holders {
    names: Vec<String>,
    unsure: bool,
}

impl Holders {
    pub(crate) async fn take(store: &Store) -> Result<Self> {
        let row = store.fetch_one(OPERATION, store.sql.holders.query()).await?;
        let cells = Cells::new(&row);
        Ok(Self { names: cells.get("holders")?, unsure: cells.get("unsure")? })
    }

    /// Whether all transactions of an earlier moment have ended; the two may be the same moment.
    pub(crate) fn prove_gone(&self, earlier: &Self) -> bool {
        !self.unsure
            && !earlier.unsure
            && !earlier.names.iter().any(|name| self.names.contains(name))
    }
}

/// What the snapshots of one reader prove.
#[derive(Debug, Default)]
pub(crate) struct Final {
    last: i64,
    /// All up to the position is final, once every transaction below the id is finished; both grow.
    fences: VecDeque<(i64, i64)>,
}

impl Final {
    /// All up to a position is final.
    pub(crate) fn at(position: i64) -> Self {
        Self { last: position, ..Self::default() }
    }

    /// Applies a poll; returns the last final position.
    pub(crate) fn apply(&mut self, poll: &Poll) -> i64 {
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
        self.pass(self.last)
    }

    /// Notes that all up to a position is final.
    pub(crate) fn pass(&mut self, position: i64) -> i64 {
        let last = self.last.max(position);
        self.last = last;
        self.fences.retain(|(position, _)| *position > last);
        last
    }

    fn put_fence(&mut self, position: i64, xid: i64) {
        match self.fences.back().copied() {
            // An older poll, applied late, adds nothing.
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
    fn holes_do_not_matter_on_an_idle_server() {
        assert_eq!(Final::default().apply(&poll(9, 9, &[1, 2, 5, 9])), 9);
    }

    #[test]
    fn positions_without_a_hole_need_no_fence() {
        assert_eq!(Final::default().apply(&poll(3, 9, &[1, 2, 3])), 3);
    }

    #[test]
    fn a_hole_waits_for_the_transactions_that_may_fill_it() {
        let mut state = Final::default();
        assert_eq!(state.apply(&poll(5, 9, &[1, 2, 4, 5])), 2);
        assert_eq!(state.apply(&poll(8, 12, &[4, 5, 6])), 2, "one below 9 is still running");
        assert_eq!(state.apply(&poll(9, 12, &[4, 5, 6, 8])), 6, "5 by the fence, 6 follows it");
        assert_eq!(state.apply(&poll(9, 12, &[7, 8])), 8, "the late commit filled the hole");
    }

    #[test]
    fn a_poll_applied_late_changes_nothing() {
        let mut state = Final::default();
        state.apply(&poll(9, 9, &[1, 3, 4]));
        assert_eq!(state.apply(&poll(5, 7, &[1, 3])), 4);
    }

    #[test]
    fn a_hole_is_passed_when_no_transaction_is_left_that_could_fill_it() {
        let holders = |names: &[&str], unsure| Holders {
            names: names.iter().map(ToString::to_string).collect(),
            unsure,
        };
        let earlier = holders(&["3/7", "4/9"], false);
        assert!(holders(&[], false).prove_gone(&earlier));
        assert!(holders(&["3/8"], false).prove_gone(&earlier), "the next one of the same session");
        assert!(!holders(&["4/9"], false).prove_gone(&earlier));
        assert!(!holders(&[], true).prove_gone(&earlier), "it may be prepared");
    }

    #[test]
    fn fences_stay_few() {
        let mut state = Final::default();
        for step in 0..1_000 {
            state.apply(&poll(1, 10 + step, &[2 + step]));
        }
        assert_eq!(state.fences.len(), FENCES);
        assert_eq!(state.apply(&poll(2_000, 2_000, &[1_500])), 1_500);
    }
}
