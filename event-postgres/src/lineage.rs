//! [`Lineage`]: which server the knowledge of this process was made on, and whether the log of now is still the one that
//! it was made of.
//!
//! A server is known by the time at which it started: a failover, a restore and a restart all come with another one, and
//! behind a pooler nothing else does. Every statement that proves something carries it. When it changes, the process
//! looks up the events that it remembers (the last one of each poll, thinned out) on the new server: if the latest is
//! there, the server was restarted, or its successor has everything that was seen, and what is known stays known. If it
//! is not, the log is another one from a later position than the last that is there, and a new epoch begins: frontiers
//! start over, and every reader proves its own place.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use event_core::health::LogChange;
use event_core::{Error, Position, RecordedEvent, Result};
use event_sql::rows::to_i64;
use uuid::Uuid;

pub(crate) const OPERATION: &str = "find out whether the log was replaced";
/// Events that are remembered at most; beyond, every other one is dropped.
const SAMPLES: usize = 64;
/// Contested positions that are remembered as given.
const GIVEN: usize = 65_536;
/// Epochs whose common part is remembered.
const EPOCHS: usize = 256;

/// The server, and what is known of its log.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    state: Mutex<State>,
    /// Held while a change is looked into.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    started: Option<Started>,
    epoch: u64,
    /// Events of the log, by position.
    samples: Vec<(i64, Uuid)>,
    /// The highest position that was seen in this epoch.
    highest: i64,
    /// Up to where the log of each epoch is that of the next one; the last ones.
    common: Vec<i64>,
    contested: Option<Contested>,
    change: Option<LogChange>,
}

/// Positions that were seen in a log that was replaced, and may be used again in the one of now.
#[derive(Debug, Default)]
struct Contested {
    after: i64,
    up_to: i64,
    /// Those that a reader was given since.
    given: BTreeSet<i64>,
}

impl Contested {
    fn holds(&self, position: i64) -> bool {
        self.after < position && position <= self.up_to && !self.given.contains(&position)
    }

    fn give(&mut self, positions: impl Iterator<Item = i64>) {
        let (after, up_to) = (self.after, self.up_to);
        self.given.extend(positions.filter(|at| after < *at && *at <= up_to));
        if self.given.len() > GIVEN {
            // Memory is bounded: readers are believed up to where some have come.
            self.after = self.given.last().copied().unwrap_or(after);
            self.given.clear();
        }
    }
}

/// When a server started.
pub(crate) type Started = DateTime<Utc>;

/// The server of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerOf {
    /// That of now, by when it started; `None` if none was seen yet.
    Now(Option<Started>),
    /// The epoch is over.
    Before,
}

/// What a statement says of the log beside its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Witness {
    pub(crate) started: Started,
    /// The last event that is visible.
    pub(crate) last: Option<(i64, Uuid)>,
}

impl Lineage {
    /// The epoch of now.
    pub(crate) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    /// The server whose log an epoch is of.
    pub(crate) fn server_of(&self, epoch: u64) -> ServerOf {
        let state = self.state();
        if state.epoch == epoch { ServerOf::Now(state.started) } else { ServerOf::Before }
    }

    /// The last change of the log.
    pub(crate) fn change(&self) -> Option<LogChange> {
        self.state().change.clone()
    }

    /// Up to where the log of an epoch is that of now.
    pub(crate) fn common_since(&self, epoch: u64) -> i64 {
        self.state().common_since(epoch)
    }

    /// Notes what a statement showed; the epoch that it belongs to, or `None` if it was made on another server than the one
    /// of now.
    pub(crate) fn note(&self, witness: Witness) -> Option<u64> {
        let mut state = self.state();
        if *state.started.get_or_insert(witness.started) != witness.started {
            return None;
        }
        state.remember(witness.last);
        Some(state.epoch)
    }

    /// The events that are remembered.
    pub(crate) fn samples(&self) -> (Vec<i64>, Vec<Uuid>) {
        self.state().samples.iter().copied().unzip()
    }

    /// Goes on with another server; whether there was a change at all.
    pub(crate) fn turn(&self, now: &Now) -> Result<bool> {
        self.state().turn(now)
    }

    /// Whether a position may have been reached in a log that was replaced: nothing else is known of it than that it is
    /// beyond what both logs have, and no reader was given it since.
    pub(crate) fn is_contested(&self, position: i64) -> bool {
        let state = self.state();
        state.contested.as_ref().is_some_and(|contested| contested.holds(position))
    }

    /// Notes the positions of a page of the log of now.
    pub(crate) fn give(&self, page: &[RecordedEvent]) {
        if let Some(contested) = &mut self.state().contested {
            contested.give(page.iter().map(|event| to_i64(event.position().get())));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What another server shows.
pub(crate) struct Now {
    pub(crate) started: Started,
    pub(crate) standby: bool,
    /// The highest position of the remembered events that are there; 0 if none is.
    pub(crate) common: i64,
    pub(crate) last_assigned: i64,
}

impl State {
    fn remember(&mut self, last: Option<(i64, Uuid)>) {
        let Some((position, id)) = last else { return };
        if self.samples.last().is_some_and(|(known, _)| position <= *known) {
            return;
        }
        self.samples.push((position, id));
        self.highest = self.highest.max(position);
        if self.samples.len() > SAMPLES {
            self.thin(position);
        }
    }

    /// Drops the event whose neighbours are closest to each other for their distance from the end: what is left is dense
    /// there, and reaches far back.
    fn thin(&mut self, end: i64) {
        let spread = |at: usize| {
            let (before, after) = (self.samples[at - 1].0, self.samples[at + 1].0);
            let (gap, distance) = (after - before, end - self.samples[at].0 + 1);
            gap.saturating_mul(1_000_000) / distance
        };
        if let Some(at) = (1..self.samples.len() - 1).min_by_key(|at| spread(*at)) {
            self.samples.remove(at);
        }
    }

    /// Goes on with another server; whether there was a change at all.
    fn turn(&mut self, now: &Now) -> Result<bool> {
        if self.started == Some(now.started) {
            return Ok(false);
        }
        if now.common >= self.highest {
            self.started = Some(now.started);
            return Ok(true);
        }
        if now.standby {
            return Err(behind());
        }
        let position = |number: i64| Position::new(u64::try_from(number).unwrap_or_default());
        let change = LogChange {
            seen: position(self.highest),
            common: position(now.common),
            at: Utc::now(),
        };
        tracing::error!(
            seen = self.highest,
            common = now.common,
            last_assigned = now.last_assigned,
            "{change}"
        );
        metrics::counter!("event_store_log_replaced_total").increment(1);
        self.change = Some(change);
        self.started = Some(now.started);
        self.epoch += 1;
        self.common.push(now.common);
        if self.common.len() > EPOCHS {
            self.common.remove(0);
        }
        self.samples.retain(|(position, _)| *position <= now.common);
        let contested = self.contested.get_or_insert_default();
        *contested = Contested {
            after: if contested.up_to == 0 { now.common } else { contested.after.min(now.common) },
            up_to: contested.up_to.max(self.highest),
            given: BTreeSet::new(),
        };
        self.highest = now.common;
        Ok(true)
    }

    fn common_since(&self, epoch: u64) -> i64 {
        let ended = usize::try_from(self.epoch.saturating_sub(epoch)).unwrap_or(usize::MAX);
        if ended > self.common.len() {
            return 0;
        }
        let common = self.common.iter().rev().take(ended).copied().min();
        common.unwrap_or(i64::MAX)
    }
}

/// A server in recovery may still receive what it lacks.
pub(crate) fn behind() -> Error {
    Error::connection(OPERATION, "the server is in recovery and lacks what this process has seen")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> Uuid {
        Uuid::from_u128(u128::try_from(number).unwrap())
    }

    fn seen(positions: impl IntoIterator<Item = i64>) -> State {
        let mut state = State { started: Some(DateTime::UNIX_EPOCH), ..State::default() };
        for position in positions {
            state.remember(Some((position, id(position))));
        }
        state
    }

    fn now(common: i64, standby: bool) -> Now {
        Now { started: Utc::now(), standby, common, last_assigned: common }
    }

    #[test]
    fn a_restart_that_lost_nothing_is_no_new_epoch() {
        let mut state = seen(1..=100);
        assert!(state.turn(&now(100, false)).unwrap());
        assert_eq!((state.epoch, state.common_since(0)), (0, i64::MAX));
    }

    #[test]
    fn a_server_that_lacks_the_last_event_begins_an_epoch() {
        let mut state = seen(1..=100);
        state.turn(&now(80, false)).unwrap();
        assert_eq!((state.epoch, state.common_since(0), state.common_since(1)), (1, 80, i64::MAX));
        state.remember(Some((90, id(1_090))));
        state.turn(&now(85, false)).unwrap();
        assert_eq!((state.common_since(0), state.common_since(1)), (80, 85));
        assert_eq!(state.common_since(2), i64::MAX);
    }

    #[test]
    fn a_standby_that_is_behind_proves_nothing() {
        let mut state = seen(1..=100);
        assert!(state.turn(&now(80, true)).unwrap_err().is_transient());
        assert_eq!(state.epoch, 0);
    }

    #[test]
    fn positions_of_a_lost_part_are_contested_until_they_are_given_again() {
        let mut state = seen(1..=100);
        state.turn(&now(80, false)).unwrap();
        let contested = state.contested.as_mut().unwrap();
        assert!(!contested.holds(80) && contested.holds(81) && contested.holds(100));
        assert!(!contested.holds(101), "never seen in the other log");
        contested.give([81, 90].into_iter());
        assert!(!contested.holds(90) && contested.holds(91));
    }

    #[test]
    fn samples_stay_few_and_keep_the_last_one() {
        let state = seen(1..=10_000);
        assert!(state.samples.len() <= SAMPLES);
        assert_eq!(state.samples.last(), Some(&(10_000, id(10_000))));
        assert!(state.samples[0].0 < 5_000, "{:?}", state.samples[0]);
    }
}
