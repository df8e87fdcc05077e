//! [`Soundness`]: the server whose sequences are known to fit their rows, see `sequences.rs`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::lineage::Started;

/// What to do about sequences that are behind their rows.
pub(crate) const REPAIR_IT: &str = "stop all writers and call `PgOptions::repair_sequences`, or \
                                    `SELECT * FROM event_store.repair_sequences()` in the store's schema";

/// On which server the sequences are known to be sound: one that takes over, or that was restored under a living
/// process, started at another time. The statements that assign positions name it, and do nothing on another one.
#[derive(Debug, Default)]
pub(crate) struct Soundness(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    server: Option<Started>,
    /// The last one that was, or is.
    last: Option<Started>,
}

impl Soundness {
    /// When the server that is known to be sound started; `None` if none is.
    pub(crate) fn server(&self) -> Option<Started> {
        self.known().server
    }

    /// Whether another server than this one was used before.
    pub(crate) fn is_other(&self, started: Started) -> bool {
        self.known().last.is_some_and(|last| last != started)
    }

    /// Notes a server that is sound.
    pub(crate) fn prove(&self, started: Started) {
        *self.known() = Known { server: Some(started), last: Some(started) };
    }

    /// The next statement asks again.
    pub(crate) fn doubt(&self) {
        self.known().server = None;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
