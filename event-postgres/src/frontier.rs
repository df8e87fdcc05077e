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
//!
//! A process that starts takes over what others proved: they keep it in a row beside the events, see `keeper.rs`. A writer
//! that began after such a proof holds up nothing behind it.
//!
//! All of this holds for the server that it was found out on, and no longer than that one lives: see [`Role`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::health::Stall;
use event_core::{Error, Result};
use event_sql::rows::to_i64;
use tokio::time::{Instant, sleep};

use crate::epoch;
use crate::finality::{Final, Holders, Poll};
use crate::lineage::{Started, Witness};
use crate::row::Cells;
use crate::stall::Watch;
use crate::store::Store;

const OPERATION: &str = "find the frontier";
/// Positions that are read one by one when the end of the log is asked for; beyond them a fence decides.
const HEAD: usize = 10_000;
/// Changes of the server, or of its connections, after which one call gives up.
const CHANGES: u32 = 32;
/// The first pause before a hole is looked at again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// What is known to be final on one server.
pub(crate) struct Frontier {
    store: Arc<Store>,
    role: Role,
    state: Mutex<Bound>,
    watch: Watch,
    wait: Duration,
}

/// What a frontier is worth, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The server that takes appends: what is known of it holds for one server process after another, see `lineage.rs`.
    Primary,
    /// A standby. One that crashes may come back at an earlier point, under the same start time; its connections do not
    /// survive that. So what is known holds only for the connections that were open when it was found out.
    Standby,
}

/// What is known, and where it was found out.
#[derive(Debug, Default)]
struct Bound {
    /// The server's start; `None` before the first poll.
    started: Option<Started>,
    /// The epoch of the log.
    epoch: u64,
    /// How many connections had been opened.
    connections: u64,
    /// Whether what other processes proved was taken over.
    has_recalled: bool,
    known: Final,
}

/// A frontier, and what it holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) last: i64,
    pub(crate) epoch: u64,
    started: Option<Started>,
    connections: u64,
}

impl Known {
    /// Whether both hold for the same server.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        (self.started, self.connections) == (other.started, other.connections)
    }
}

impl Frontier {
    /// A frontier at the start of the log; `wait` limits how long one call waits for a hole.
    pub(crate) fn new(store: Arc<Store>, role: Role, wait: Duration) -> Self {
        Self { store, role, state: Mutex::default(), watch: Watch::default(), wait }
    }

    /// The server.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The last position known to be final.
    fn last(&self) -> i64 {
        self.known().last
    }

    /// The last position known to be final, and what that holds for.
    pub(crate) fn known(&self) -> Known {
        let connections = self.store.pool.opened();
        let mut bound = self.lock();
        if self.role == Role::Standby && bound.connections != connections {
            *bound = Bound { connections, ..Bound::default() };
        }
        let Bound { started, epoch, connections, known, .. } = &*bound;
        Known { last: known.last, epoch: *epoch, started: *started, connections: *connections }
    }

    /// Whether what was known before a page still holds after it: `started` is what the page says of the server that it
    /// was read on; nothing if it has no rows.
    pub(crate) async fn proves(&self, before: &Known, started: Option<Started>) -> Result<bool> {
        match self.role {
            Role::Standby => Ok(self.known().connections == before.connections),
            Role::Primary => {
                let started = match started {
                    Some(started) => started,
                    None => match self.poll(0).await? {
                        Some((seen, _)) => seen.started,
                        None => return Ok(false),
                    },
                };
                if before.started.is_none_or(|known| known == started) {
                    return Ok(epoch::admits_page(&self.store, started).await?
                        && self.epoch() == before.epoch);
                }
                // The frontier is of the server before: a poll starts it over on the one of now.
                epoch::admits_page(&self.store, started).await?;
                self.poll(0).await?;
                Ok(false)
            }
        }
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.role == Role::Primary
    }

    /// The epoch of the log; a standby counts none.
    pub(crate) fn epoch(&self) -> u64 {
        self.store.lineage.epoch()
    }

    /// Takes a poll and the last final position after it; `None` if it does not count, because the server or its
    /// connections changed meanwhile.
    async fn poll(&self, wanted: usize) -> Result<Option<(Poll, i64)>> {
        let mut before = self.known();
        if before.last == 0 && !self.lock().has_recalled {
            if !self.recall(&before).await? {
                return Ok(None);
            }
            before = self.known();
        }
        let seen = Poll::take(&self.store, before.last, wanted).await?;
        Ok(self.admit(&before, &seen).await?.map(|last| (seen, last)))
    }

    /// Takes over what other processes proved, which this server has in a row beside the events. `false` if it does not
    /// count, because the server or its connections changed meanwhile.
    async fn recall(&self, before: &Known) -> Result<bool> {
        let row = self.store.fetch_one(OPERATION, self.store.sql.read_frontier.query()).await?;
        let cells = Cells::new(&row);
        let started = cells.get("started")?;
        let position: Option<i64> = cells.get("position")?;
        let fence = cells.get::<Option<i64>>("fence_position")?.zip(cells.get("fence_xid")?);
        let epoch = match self.role {
            Role::Standby if self.known().connections != before.connections => return Ok(false),
            Role::Standby => before.epoch,
            Role::Primary => {
                match epoch::admit(&self.store, Witness { started, last: None }).await? {
                    Some(epoch) => epoch,
                    None => return Ok(false),
                }
            }
        };
        let mut bound = self.lock();
        if self.role == Role::Primary {
            if bound.epoch > epoch {
                return Ok(false);
            }
            bound.turn(started, epoch, |since| self.store.lineage.common_since(since));
        }
        bound.has_recalled = true;
        if let Some(position) = position {
            bound.known.recall(position, fence);
        }
        Ok(true)
    }

    /// Has the server prove what is final now, and keep it for processes that start later. Whether all that was visible is
    /// final.
    pub(crate) async fn keep(&self) -> Result<bool> {
        let query = self.store.sql.keep_frontier.query();
        let row = self.store.fetch_one("keep the frontier", query).await?;
        let cells = Cells::new(&row);
        let highest = cells.get::<Option<i64>>("highest")?.zip(cells.get("highest_id")?);
        // A process that only appends learns here of a log that was replaced.
        let witness = Witness { started: cells.get("started")?, last: highest };
        epoch::admit(&self.store, witness).await?;
        cells.get("is_all")
    }

    async fn admit(&self, before: &Known, seen: &Poll) -> Result<Option<i64>> {
        if self.role == Role::Standby {
            let now = self.known();
            let counts = now.connections == before.connections;
            return Ok(counts.then(|| self.lock().known.apply(seen)));
        }
        let Some(epoch) = epoch::admit(&self.store, seen.witness()).await? else {
            return Ok(None);
        };
        let mut bound = self.lock();
        if bound.epoch > epoch {
            return Ok(None);
        }
        bound.turn(seen.started, epoch, |since| self.store.lineage.common_since(since));
        Ok(Some(bound.known.apply(seen)))
    }

    /// The last position that is final now: the last visible one, unless a commit in flight comes before it.
    pub(crate) async fn head(&self) -> Result<i64> {
        self.reach((self.last(), i64::MAX), HEAD).await
    }

    /// What blocks readers now; commits that end soon are waited for first.
    pub(crate) async fn stall(&self) -> Result<Option<Stall>> {
        self.head().await?;
        let Some((seen, last)) = self.poll(HEAD).await? else { return Ok(None) };
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

    /// Notes that all positions up to one are final, by a proof of the caller's from a server.
    pub(crate) fn learn(&self, position: i64, started: Started) {
        let mut bound = self.lock();
        if bound.started == Some(started) {
            bound.known.pass(position);
        }
    }

    /// Polls until all that is visible now is final, or `wanted` positions after `after` are, or the time is up.
    pub(crate) async fn advance(&self, after: i64, wanted: usize) -> Result<i64> {
        let enough = after.saturating_add(to_i64(wanted as u64));
        self.reach((after, enough), wanted).await
    }

    async fn reach(&self, (after, enough): (i64, i64), wanted: usize) -> Result<i64> {
        let store = &self.store;
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut goal = None;
        let mut watched: Option<(i64, Holders)> = None;
        let mut changes = 0;
        loop {
            let before = self.known();
            let Some((seen, mut last)) = self.poll(wanted).await? else {
                // What was seen before is of another server.
                (goal, watched) = (None, None);
                changes += 1;
                if changes > CHANGES {
                    return Err(changing());
                }
                continue;
            };
            if self.known().epoch != before.epoch {
                (goal, watched) = (None, None);
            }
            // What becomes visible during the wait is left to the next call.
            let until = enough.min(*goal.get_or_insert(seen.highest));
            if until <= after {
                return Ok(last);
            }
            // A hole. Mostly its owner is about to commit: the probe comes after the first pause.
            if last < until && pause > FIRST_PAUSE {
                let holders = Holders::take(store).await?;
                let (highest, first) =
                    watched.get_or_insert_with(|| (seen.highest, holders.clone()));
                let mut bound = self.lock();
                if bound.started == Some(seen.started) {
                    last = bound.known.pass_older(&holders);
                    if holders.prove_gone(first) {
                        last = bound.known.pass(*highest);
                    }
                }
                drop(bound);
            }
            if last >= until {
                self.watch.resumed();
                return Ok(last);
            }
            if began.elapsed() >= self.wait {
                self.watch.gave_up(store, last, seen.highest).await;
                return Ok(last);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bound> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bound {
    /// Goes on with what another server shows. If it is of the same epoch, what is final stays final there; transaction
    /// ids do not compare.
    fn turn(&mut self, started: Started, epoch: u64, common: impl FnOnce(u64) -> i64) {
        if self.started == Some(started) && self.epoch == epoch {
            return;
        }
        let last = if self.epoch == epoch {
            self.known.last
        } else {
            self.known.last.min(common(self.epoch))
        };
        self.known = Final::at(last);
        self.started = Some(started);
        self.epoch = epoch;
    }
}

/// The server changes faster than it can be asked.
pub(crate) fn changing() -> Error {
    Error::connection(OPERATION, "the server or its connections keep changing")
}
