//! [`Keepalive`]: how a connection whose other end is gone is noticed.

use std::time::Duration;

/// What libpq calls `keepalives*` and `tcp_user_timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keepalive {
    pub(crate) on: bool,
    /// Silence before the first question, and between two.
    pub(crate) idle: Duration,
    pub(crate) interval: Duration,
    /// Questions without an answer.
    pub(crate) count: u32,
    /// How long sent data may stay unacknowledged; zero: as long as the system says.
    pub(crate) unanswered: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            on: true,
            idle: Duration::from_secs(30),
            interval: Duration::from_secs(10),
            count: 3,
            unanswered: Duration::from_secs(30),
        }
    }
}
