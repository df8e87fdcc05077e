//! [`RetryPolicy`]: how often and how fast transient errors are retried.

use std::time::{Duration, Instant};

/// The longest delay, whatever the policy says: doubling stops there.
const LONGEST: Duration = Duration::from_hours(24);

/// How transient errors are retried. Conflicts are not transient: they are never retried.
///
/// An append of unknown outcome is safe to retry: its event ids are assigned before the first attempt, and the store answers
/// `AlreadyStored` if it has them.
///
/// ```
/// use std::time::Duration;
///
/// use event_core::RetryPolicy;
///
/// let policy = RetryPolicy::default();
/// assert_eq!(policy.get_retries(), 3);
/// assert_eq!(policy.without_jitter().delay(2), Duration::from_millis(200));
/// assert_eq!(RetryPolicy::never().get_retries(), 0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    retries: u32,
    first_delay: Duration,
    longest_delay: Duration,
    jitter: bool,
    deadline: Duration,
}

impl RetryPolicy {
    /// No retries.
    pub const fn never() -> Self {
        Self {
            retries: 0,
            first_delay: Duration::ZERO,
            longest_delay: LONGEST,
            jitter: false,
            deadline: Duration::MAX,
        }
    }

    /// Sets the number of retries after the first attempt.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the delay before the first retry; each later delay is twice as long.
    #[must_use]
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the longest delay, before jitter: from there on the delays double no more. 24 h by default, and at most.
    #[must_use]
    pub const fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest_delay = delay;
        self
    }

    /// Turns off jitter, which multiplies each delay by 0.8 to 1.2.
    #[must_use]
    pub const fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// Sets the time after the start of the first attempt from which no further attempt starts.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The number of retries after the first attempt.
    pub const fn get_retries(&self) -> u32 {
        self.retries
    }

    /// The delay before retry number `retry`, from 0, at most 24 h; with jitter, 0.8 to 1.2 times that.
    pub fn delay(&self, retry: u32) -> Duration {
        let doubled = self.first_delay.saturating_mul(2_u32.saturating_pow(retry));
        let doubled = doubled.min(self.longest_delay).min(LONGEST);
        if self.jitter { doubled.mul_f64(fastrand::f64().mul_add(0.4, 0.8)) } else { doubled }
    }

    /// The delay before the next attempt, or `None` if there is none.
    pub(crate) fn next(&self, retries_done: u32, started: Instant) -> Option<Duration> {
        if retries_done >= self.retries {
            return None;
        }
        let delay = self.delay(retries_done);
        (started.elapsed().saturating_add(delay) < self.deadline).then_some(delay)
    }
}

impl Default for RetryPolicy {
    /// 3 retries after 50, 100 and 200 ms, each times 0.8 to 1.2, none later than 60 s after the first attempt: a statement
    /// that took as long as a backend allows, 30 s by default, is still retried.
    fn default() -> Self {
        Self {
            retries: 3,
            first_delay: Duration::from_millis(50),
            longest_delay: LONGEST,
            jitter: true,
            deadline: Duration::from_mins(1),
        }
    }
}
