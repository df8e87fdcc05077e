//! [`Final`]: what snapshots of a server prove to be final, by the rules of `frontier.rs`; [`Poll`] is one snapshot, and
//! [`Holders`] those who write at a moment.

use std::collections::VecDeque;

use event_core::Result;
use event_sql::rows::to_i64;
use uuid::Uuid;

use crate::lineage::{Started, Witness};
use crate::row::Cells;
use crate::store::Store;

const OPERATION: &str = "find the frontier";
/// Fences kept at most; a newer one then replaces the newest.
const FENCES: usize = 64;

/// What one snapshot of the server shows.
#[derive(Debug)]
pub(crate) struct Poll {
    /// When the server started.
    pub(crate) started: Started,
    highest_id: Option<Uuid>,
    xmin: i64,
    next_xid: i64,
    /// The highest visible position.
    pub(crate) highest: i64,
    /// Visible positions after the frontier of that moment, in order.
    pub(crate) visible: Vec<i64>,
}

impl Poll {
    pub(crate) async fn take(store: &Store, last: i64, wanted: usize) -> Result<Self> {
        let query = store.sql.frontier.query().bind(last).bind(to_i64(wanted as u64));
        let row = store.fetch_one(OPERATION, query).await?;
        let cells = Cells::new(&row);
        Ok(Self { visible: cells.get("visible")?, ..Self::of(&cells)? })
    }

    /// What it says of the log as a whole.
    pub(crate) fn witness(&self) -> Witness {
        Witness { started: self.started, last: self.highest_id.map(|id| (self.highest, id)) }
    }

    /// What any row of a snapshot says of it, without the visible positions.
    pub(crate) fn of(cells: &Cells<'_>) -> Result<Self> {
        Ok(Self {
            started: cells.get("started")?,
            highest_id: cells.get("highest_id")?,
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
    /// The lowest of their transaction ids; the highest number if none has one.
    oldest: i64,
}

impl Holders {
    pub(crate) async fn take(store: &Store) -> Result<Self> {
        let row = store.fetch_one(OPERATION, store.sql.holders.query()).await?;
        let cells = Cells::new(&row);
        let oldest: Option<i64> = cells.get("oldest")?;
        Ok(Self {
            names: cells.get("holders")?,
            unsure: cells.get("unsure")?,
            oldest: oldest.unwrap_or(i64::MAX),
        })
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
    pub(crate) last: i64,
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

    /// Passes the fences that are older than every transaction that writes now: those began after the events behind the
    /// gaps were stored. Whoever could have filled one has ended.
    pub(crate) fn pass_older(&mut self, holders: &Holders) -> i64 {
        while let Some((position, xid)) = self.fences.front().copied() {
            if holders.unsure || holders.oldest < xid {
                break;
            }
            self.last = self.last.max(position);
            self.fences.pop_front();
        }
        self.last
    }

    /// The oldest fence that is left.
    #[cfg(test)]
    fn fence(&self) -> Option<(i64, i64)> {
        self.fences.front().copied()
    }

    /// Takes over what another process proved on the same log.
    pub(crate) fn recall(&mut self, position: i64, fence: Option<(i64, i64)>) {
        self.pass(position);
        if let Some((position, xid)) = fence
            && position > self.last
            && self.fences.front().is_none_or(|(_, first)| xid < *first)
        {
            self.fences.push_front((position, xid));
        }
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
        let (started, highest_id) = (Started::UNIX_EPOCH, None);
        Poll { started, highest_id, xmin, next_xid, highest, visible: visible.to_vec() }
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
            oldest: i64::MAX,
        };
        let earlier = holders(&["3/7", "4/9"], false);
        assert!(holders(&[], false).prove_gone(&earlier));
        assert!(holders(&["3/8"], false).prove_gone(&earlier), "the next one of the same session");
        assert!(!holders(&["4/9"], false).prove_gone(&earlier));
        assert!(!holders(&[], true).prove_gone(&earlier), "it may be prepared");
    }

    #[test]
    fn a_writer_that_began_after_a_fence_does_not_hold_it_up() {
        let writer = |oldest, unsure| Holders { names: vec!["3/7".into()], unsure, oldest };
        let mut state = Final::default();
        state.recall(4, Some((9, 20)));
        assert_eq!(state.apply(&poll(12, 30, &[6, 9, 11])), 4);
        assert_eq!(state.pass_older(&writer(19, false)), 4, "it may own a gap");
        assert_eq!(state.pass_older(&writer(20, true)), 4, "a prepared one may");
        assert_eq!(state.pass_older(&writer(20, false)), 9);
        assert_eq!(state.fence(), Some((11, 30)));
        assert_eq!(state.pass_older(&writer(i64::MAX, false)), 11, "nobody writes");
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
