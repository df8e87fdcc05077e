//! [`Progress`]: a line on standard error with the share that is done, the rate and the time left, if it is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// The pause between two updates.
const PAUSE: Duration = Duration::from_millis(200);

/// The progress of long work.
pub(crate) struct Progress {
    what: &'static str,
    started: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
    calls: u32,
}

impl Progress {
    /// Of work that is counted in these.
    pub(crate) fn of(what: &'static str) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { what, started: Instant::now(), shown: None, is_terminal, calls: 0 }
    }

    /// Shows how many are done, and the share of all.
    pub(crate) fn at(&mut self, done: u64, share: f64) {
        self.calls = self.calls.wrapping_add(1);
        // A look at the clock costs more than an event.
        if !self.is_terminal || !self.calls.is_multiple_of(64) && self.shown.is_some() {
            return;
        }
        if self.shown.is_some_and(|shown| shown.elapsed() < PAUSE) {
            return;
        }
        self.shown = Some(Instant::now());
        let text = text(self.what, done, share, self.started.elapsed());
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    /// How many a second, so far.
    pub(crate) fn rate(&self, done: u64) -> f64 {
        per_second(done, self.started.elapsed())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The share of all positions that is done.
#[expect(clippy::cast_precision_loss, reason = "a percentage is displayed, not computed with")]
pub(crate) fn share(at: u64, end: u64) -> f64 {
    if end == 0 { 1.0 } else { (at as f64 / end as f64).clamp(0.0, 1.0) }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is displayed, not computed with")]
fn per_second(done: u64, time: Duration) -> f64 {
    done as f64 / time.as_secs_f64().max(0.001)
}

fn text(what: &str, done: u64, share: f64, elapsed: Duration) -> String {
    let bar: String =
        (1..=20).map(|n| if f64::from(n) <= share * 20.0 { '#' } else { '.' }).collect();
    let left = if share > 0.0 { elapsed.as_secs_f64() * (1.0 - share) / share } else { 0.0 };
    let rate = per_second(done, elapsed);
    format!("[{bar}] {:3.0} %  {rate:.0} {what}/s  {left:.0} s left", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_share_rate_and_time_left() {
        let half = text("events", 500, 0.5, Duration::from_secs(5));
        assert_eq!(half, "[##########..........]  50 %  100 events/s  5 s left");
        assert!((share(0, 0) - 1.0).abs() < f64::EPSILON);
        assert!(text("events", 0, 0.0, Duration::ZERO).ends_with("0 events/s  0 s left"));
    }
}
