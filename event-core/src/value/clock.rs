//! [`Clock`]: the time source of a store; tests replace it.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

/// A source of the current UTC time, truncated to microseconds: the precision that every backend stores.
///
/// ```
/// use event_core::Clock;
///
/// let noon = "2026-01-01T12:00:00Z".parse().unwrap();
/// assert_eq!(Clock::fixed(noon).now(), noon);
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The operating system's clock; the default.
    pub fn system() -> Self {
        Self::new(Utc::now)
    }

    /// A clock that always returns `time`.
    pub fn fixed(time: DateTime<Utc>) -> Self {
        Self::new(move || time)
    }

    /// A custom clock: `now` is called for each reading.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the current time, truncated to microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(6)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
