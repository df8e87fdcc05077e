//! [`Lineage`]: what this process remembers of the log of the file, to tell another log from it.
//!
//! The file may be filled with an older copy under a living process, by a restore through SQLite. Nothing tells of it, so
//! every page of all streams is followed by a proof (`epoch.rs`): the last event of the page and the last one that is
//! remembered are in the log, or were removed from it. A log that lacks one of them is another one, and a new epoch
//! begins: every reader proves its own place, and a bare position of the lost part is refused.

use std::sync::{Mutex, MutexGuard, PoisonError};

use event_core::health::LogChange;
use event_core::{AllOptions, Position, RecordedEvent, Result};
use event_sql::epochs::Epochs;
use uuid::Uuid;

/// What is known of the log.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    state: Mutex<State>,
    /// Held while a change is looked into.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    log: Epochs,
    /// The highest position that was assigned in the log of now.
    last_assigned: i64,
}

/// What was known before a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) epoch: u64,
    /// The last event.
    pub(crate) last: Option<(i64, Uuid)>,
    pub(crate) last_assigned: i64,
}

impl Lineage {
    /// The epoch of now.
    pub(crate) fn epoch(&self) -> u64 {
        self.state().log.epoch()
    }

    /// The last change of the log.
    pub(crate) fn change(&self) -> Option<LogChange> {
        self.state().log.change().cloned()
    }

    /// Hands a page to a reader that proves nothing but positions.
    ///
    /// # Errors
    /// [`Error::LogDiverged`](event_core::Error::LogDiverged) for one of the log before.
    pub(crate) fn give(&self, options: &AllOptions, page: &[RecordedEvent]) -> Result<()> {
        self.state().log.give_page(options, page)
    }

    /// Whether the position that a read backward begins at may have been reached in a log that was replaced.
    pub(crate) fn is_contested_end(&self, position: Position) -> bool {
        self.state().log.is_contested_end(position)
    }

    /// Whether a position may have been reached in a log that was replaced.
    pub(crate) fn is_contested(&self, position: Position) -> bool {
        self.state().log.is_contested(position)
    }

    /// What is known now.
    pub(crate) fn known(&self) -> Known {
        let state = self.state();
        let (epoch, last) = (state.log.epoch(), state.log.samples().last().copied());
        Known { epoch, last, last_assigned: state.last_assigned }
    }

    /// Notes what a proof showed. `false`: in the meantime another one began an epoch, or has seen more than this one.
    pub(crate) fn note(&self, before: &Known, page: Option<(i64, Uuid)>, seen: &Seen) -> bool {
        let mut state = self.state();
        let is_later = state.log.highest() > seen.head;
        if state.log.epoch() != before.epoch || is_later {
            return false;
        }
        state.log.remember(page);
        state.log.remember(seen.last());
        state.last_assigned = state.last_assigned.max(seen.last_assigned);
        true
    }

    /// The events that are remembered.
    pub(crate) fn samples(&self) -> Vec<(i64, Uuid)> {
        self.state().log.samples().to_vec()
    }

    /// Up to where the log of an epoch is that of now.
    pub(crate) fn common_since(&self, epoch: u64) -> i64 {
        self.state().log.common_since(epoch)
    }

    /// Begins an epoch: the log of now holds what is remembered up to a position, 0 if nothing.
    pub(crate) fn replace(&self, common: i64, last_assigned: i64) {
        let mut state = self.state();
        state.log.replace(common, last_assigned);
        state.last_assigned = last_assigned;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a proof shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) is_same: bool,
    pub(crate) head: i64,
    pub(crate) last_id: Option<Uuid>,
    pub(crate) last_assigned: i64,
}

impl Seen {
    fn last(&self) -> Option<(i64, Uuid)> {
        self.last_id.map(|id| (self.head, id))
    }
}
