//! [`RetryPolicy`]: how often and how fast what is transient is tried again (S-03).

use std::time::{Duration, Instant};

/// Retries of transient failures only; a conflict is never retried (S-13).
///
/// An append that may have been stored is safe to repeat: its event ids are fixed before the first try, and the
/// store answers `AlreadyStored` if they are there.
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
    jitter: bool,
    deadline: Duration,
}

impl RetryPolicy {
    /// No retries.
    pub const fn never() -> Self {
        Self { retries: 0, first_delay: Duration::ZERO, jitter: false, deadline: Duration::MAX }
    }

    /// Sets the number of retries after the first try.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the delay before the first retry; each later one is twice as long.
    #[must_use]
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Delays exactly as computed, instead of 0.8 to 1.2 times that.
    #[must_use]
    pub const fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// Sets the time after the first try at which no further one starts.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The number of retries after the first try.
    pub const fn get_retries(&self) -> u32 {
        self.retries
    }

    /// The pause before retry number `retry`, from 0.
    pub fn delay(&self, retry: u32) -> Duration {
        let doubled = self.first_delay.saturating_mul(2_u32.saturating_pow(retry));
        if self.jitter { doubled.mul_f64(fastrand::f64().mul_add(0.4, 0.8)) } else { doubled }
    }

    /// The pause before the next try, or `None` when it is time to give up.
    pub(crate) fn next(&self, retries_done: u32, started: Instant) -> Option<Duration> {
        if retries_done >= self.retries {
            return None;
        }
        let delay = self.delay(retries_done);
        (started.elapsed().saturating_add(delay) < self.deadline).then_some(delay)
    }
}

impl Default for RetryPolicy {
    /// 3 retries after 50, 100 and 200 ms, each times 0.8 to 1.2, none later than 10 s after the first try.
    fn default() -> Self {
        Self {
            retries: 3,
            first_delay: Duration::from_millis(50),
            jitter: true,
            deadline: Duration::from_secs(10),
        }
    }
}
