//! [`Lineage`]: which server the knowledge of this process was made on, and whether the log of now is still the one that
//! it was made of.
//!
//! A server is known by the time at which it started: a failover, a restore and a restart all come with another one, and
//! behind a pooler nothing else does. Every statement that proves something carries it. When it changes, the process
//! looks up the events that it remembers (the last one of each poll, thinned out) on the new server: if the latest is
//! there, the server was restarted, or its successor has everything that was seen, and what is known stays known. If it
//! is not, the log is another one from a later position than the last that is there, and a new epoch begins: frontiers
//! start over, and every reader proves its own place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use event_core::health::LogChange;
use event_core::{AllOptions, Error, Position, RecordedEvent, Result};
use event_sql::epochs::Epochs;
use uuid::Uuid;

pub(crate) const OPERATION: &str = "find out whether the log was replaced";
/// The server, and what is known of its log.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    state: Mutex<State>,
    /// Whether positions may be contested at all: appends need not ask for more.
    was_replaced: AtomicBool,
    /// Held while a change is looked into.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    started: Option<Started>,
    log: Epochs,
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
        self.state().log.epoch()
    }

    /// The server whose log an epoch is of.
    pub(crate) fn server_of(&self, epoch: u64) -> ServerOf {
        let state = self.state();
        if state.log.epoch() == epoch { ServerOf::Now(state.started) } else { ServerOf::Before }
    }

    /// The last change of the log.
    pub(crate) fn change(&self) -> Option<LogChange> {
        self.state().log.change().cloned()
    }

    /// Up to where the log of an epoch is that of now.
    pub(crate) fn common_since(&self, epoch: u64) -> i64 {
        self.state().log.common_since(epoch)
    }

    /// Notes what a statement showed; the epoch that it belongs to, or `None` if it was made on another server than the one
    /// of now.
    pub(crate) fn note(&self, witness: Witness) -> Option<u64> {
        let mut state = self.state();
        if *state.started.get_or_insert(witness.started) != witness.started {
            return None;
        }
        state.log.remember(witness.last);
        Some(state.log.epoch())
    }

    /// The events that are remembered.
    pub(crate) fn samples(&self) -> (Vec<i64>, Vec<Uuid>) {
        self.state().log.samples().iter().copied().unzip()
    }

    /// Goes on with another server; whether there was a change at all.
    pub(crate) fn turn(&self, now: &Now) -> Result<bool> {
        let mut state = self.state();
        let turned = state.turn(now);
        self.was_replaced.store(state.log.epoch() > 0, Ordering::Release);
        turned
    }

    /// Whether the position that a read backward begins at may have been reached in a log that was replaced.
    pub(crate) fn is_contested_end(&self, position: Position) -> bool {
        self.was_replaced.load(Ordering::Acquire) && self.state().log.is_contested_end(position)
    }

    /// Whether a position may have been reached in a log that was replaced.
    pub(crate) fn is_contested(&self, position: Position) -> bool {
        self.was_replaced.load(Ordering::Acquire) && self.state().log.is_contested(position)
    }

    /// Hands a page to a reader that proves nothing but positions.
    ///
    /// # Errors
    /// [`Error::LogDiverged`] for one of the log before.
    pub(crate) fn give(&self, options: &AllOptions, page: &[RecordedEvent]) -> Result<()> {
        if self.was_replaced.load(Ordering::Acquire) {
            self.state().log.give_page(options, page)?;
        }
        Ok(())
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
    /// Goes on with another server; whether there was a change at all.
    fn turn(&mut self, now: &Now) -> Result<bool> {
        if self.started == Some(now.started) {
            return Ok(false);
        }
        if now.common < self.log.highest() {
            if now.standby {
                return Err(behind());
            }
            self.log.replace(now.common, now.last_assigned);
        }
        self.started = Some(now.started);
        Ok(true)
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
            state.log.remember(Some((position, id(position))));
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
        assert_eq!((state.log.epoch(), state.log.common_since(0)), (0, i64::MAX));
    }

    #[test]
    fn a_server_that_lacks_the_last_event_begins_an_epoch() {
        let mut state = seen(1..=100);
        state.turn(&now(80, false)).unwrap();
        assert_eq!((state.log.epoch(), state.log.common_since(0)), (1, 80));
    }

    #[test]
    fn a_standby_that_is_behind_proves_nothing() {
        let mut state = seen(1..=100);
        assert!(state.turn(&now(80, true)).unwrap_err().is_transient());
        assert_eq!(state.log.epoch(), 0);
    }
}
