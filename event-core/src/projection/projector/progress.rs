//! [`Progress`]: how far catching up is, in figures for people.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::value::Position;

/// How far catching up is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The checkpoint now.
    pub position: Position,
    /// The end of the log when it began.
    pub goal: Position,
    /// Events written since it began.
    pub events: u64,
    /// Events per second.
    pub rate: f64,
    /// How long the rest takes at this rate; `None` before that can be said.
    pub left: Option<Duration>,
}

impl Progress {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn since(
        began: Instant,
        from: Position,
        at: Position,
        goal: Position,
        events: u64,
    ) -> Self {
        let seconds = began.elapsed().as_secs_f64();
        let passed = at.get().saturating_sub(from.get()) as f64;
        let rest = goal.get().saturating_sub(at.get()) as f64;
        let left =
            (passed > 0.0).then(|| Duration::try_from_secs_f64(rest * seconds / passed).ok());
        let rate = if seconds > 0.0 { events as f64 / seconds } else { 0.0 };
        Self { position: at, goal, events, rate, left: left.flatten() }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, goal, events, rate, left } = self;
        write!(f, "position {position} of {goal}, {events} events, {rate:.0} per second")?;
        match left {
            Some(left) => write!(f, ", {} s left", left.as_secs()),
            None => Ok(()),
        }
    }
}
