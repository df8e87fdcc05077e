//! [`Keeper`]: keeps the frontier for processes that start later, beside the appends and reads of this one; one statement
//! at a time, and few of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::frontier::Frontier;

/// Between two proofs.
const PAUSE: Duration = Duration::from_millis(250);
/// How often it is tried until what was visible is final: nobody may append or read after that.
const TRIES: u32 = 6;

pub(crate) struct Keeper(Arc<Shared>);

struct Shared {
    frontier: Arc<Frontier>,
    is_due: AtomicBool,
    is_running: AtomicBool,
}

impl Keeper {
    pub(crate) fn new(frontier: Arc<Frontier>) -> Self {
        Self(Arc::new(Shared {
            frontier,
            is_due: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
        }))
    }

    /// Keeps what is final, soon.
    pub(crate) fn wake(&self) {
        self.0.is_due.store(true, Ordering::SeqCst);
        if let Some(turn) = Turn::take(&self.0) {
            tokio::spawn(turn.run());
        }
    }
}

/// The right to keep, held by one task at a time; given back however the task ends.
struct Turn(Arc<Shared>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::SeqCst);
    }
}

impl Turn {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        (!shared.is_running.swap(true, Ordering::SeqCst)).then(|| Self(Arc::clone(shared)))
    }

    async fn run(self) {
        let shared = Arc::clone(&self.0);
        let mut turn = self;
        loop {
            let mut tries = 0;
            while shared.is_due.swap(false, Ordering::SeqCst) || (1..TRIES).contains(&tries) {
                let is_all = shared.frontier.keep().await.unwrap_or_else(|error| {
                    let error = event_core::error::with_causes(&error);
                    tracing::debug!(%error, "the frontier was not kept");
                    false
                });
                tries = if is_all { 0 } else { tries + 1 };
                sleep(PAUSE).await;
            }
            // Who wakes it after this starts a task of its own; who did before is seen by the next check.
            drop(turn);
            if !shared.is_due.load(Ordering::SeqCst) {
                return;
            }
            let Some(next) = Self::take(&shared) else { return };
            turn = next;
        }
    }
}
