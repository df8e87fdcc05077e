//! [`Interrupt`]: Ctrl-C in the middle of long work. The first one ends it where it can be gone on with, after what is being
//! stored; the second one ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

use crate::failure::{Exit, Failure};

/// What was asked for by Ctrl-C so far.
#[derive(Clone)]
pub(crate) struct Interrupt {
    asked: Arc<Asked>,
}

#[derive(Default)]
struct Asked {
    times: AtomicU32,
    changed: Notify,
}

impl Interrupt {
    /// Listens from now on: Ctrl-C does not end the process any more.
    pub(crate) fn listen() -> Self {
        let asked = Arc::<Asked>::default();
        let told = Arc::clone(&asked);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                told.times.fetch_add(1, Ordering::SeqCst);
                told.changed.notify_waiters();
            }
        });
        Self { asked }
    }

    /// Whether the work is to end.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.times.load(Ordering::SeqCst) > 0
    }

    /// Waits for the first one.
    pub(crate) async fn first(&self) {
        self.times(1).await;
    }

    /// Waits for the second one.
    pub(crate) async fn second(&self) {
        self.times(2).await;
    }

    async fn times(&self, times: u32) {
        loop {
            let changed = self.asked.changed.notified();
            if self.asked.times.load(Ordering::SeqCst) >= times {
                return;
            }
            changed.await;
        }
    }
}

/// The failure of work that was ended, with how far it came.
pub(crate) fn interrupted(how_far: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Interrupted, format!("interrupted: {how_far}"))
}
