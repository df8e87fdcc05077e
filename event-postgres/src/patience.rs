//! [`Patience`]: another attempt of a transaction that locks much. While such a transaction waits for a lock, everybody
//! waits behind it; so it waits for a moment, gives everything back, and begins again.

use std::time::Duration;

use event_core::Error;
use tokio::time::{Instant, sleep};

use crate::error::Failure;

/// What such a transaction begins with.
pub(crate) const SHORT_LOCKS: &str = "SET LOCAL lock_timeout = '100ms'";

/// Much longer than an attempt: most of the time the others have the tables.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How much longer somebody tries.
#[derive(Debug)]
pub(crate) struct Patience {
    give_up: Option<Instant>,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { give_up: Instant::now().checked_add(longest), pause: FIRST_PAUSE }
    }

    /// Whether a failure passes, and there is time left.
    pub(crate) fn is_worth_another(&self, failure: &Failure) -> bool {
        let passes =
            matches!(failure, Failure::Blocked(_) | Failure::Store(Error::Overloaded { .. }));
        passes && self.give_up.is_none_or(|give_up| Instant::now() < give_up)
    }

    pub(crate) async fn pause(&mut self) {
        // Two of them do not meet again and again.
        sleep(self.pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
