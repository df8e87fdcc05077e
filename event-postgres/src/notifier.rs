//! [`Notifier`]: notifies other processes of commits; one statement at a time, however many appends.
//!
//! It never takes part in an append's transaction: a NOTIFY there makes every commit of the database wait for the one
//! before. If this process ends first, the others find the commit by polling.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::store::Store;

/// Between two statements: no reader gains from more.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Notifier(Arc<Shared>);

struct Shared {
    store: Arc<Store>,
    /// The highest position that was committed here and not sent yet; 0 if there is none. It may be lower than one that was sent:
    /// the log may have been replaced.
    due: AtomicI64,
    running: AtomicBool,
}

impl Notifier {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self(Arc::new(Shared { store, due: AtomicI64::new(0), running: AtomicBool::new(false) }))
    }

    /// Sends a position, soon.
    pub(crate) fn notify(&self, position: i64) {
        self.0.due.fetch_max(position, Ordering::SeqCst);
        if let Some(turn) = Turn::take(&self.0) {
            tokio::spawn(turn.run());
        }
    }
}

/// The right to send, held by one task at a time. However its task ends, with its runtime for example, the next commit
/// starts another one.
struct Turn(Arc<Shared>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::SeqCst);
    }
}

impl Turn {
    /// Takes the turn, unless another task has it.
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        (!shared.running.swap(true, Ordering::SeqCst)).then(|| Self(Arc::clone(shared)))
    }

    async fn run(self) {
        let shared = Arc::clone(&self.0);
        let mut turn = self;
        loop {
            while let position @ 1.. = shared.due.swap(0, Ordering::SeqCst) {
                turn.send(position).await;
                sleep(PAUSE).await;
            }
            // A commit after this starts a task of its own; one before it is seen by the next check.
            drop(turn);
            if shared.due.load(Ordering::SeqCst) == 0 {
                return;
            }
            let Some(next) = Self::take(&shared) else { return };
            turn = next;
        }
    }

    async fn send(&self, position: i64) {
        let store = &self.0.store;
        let query = store.sql.notify.query();
        let query = query.bind(store.sql.schema().as_str().to_owned()).bind(position.to_string());
        if let Err(failure) = store.fetch("wake other processes", query).await {
            let error = event_core::Error::from(failure);
            tracing::debug!(error = %event_core::error::with_causes(&error), "a wake-up was lost");
        }
    }
}
