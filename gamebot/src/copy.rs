//! `gamebot copy`: everything of one store into another, whatever their backends are; how a bot that outgrew its file
//! moves to a server.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use event_core::EventStore;
use event_core::transfer::CopyProgress;

use crate::failure::Failure;

/// Copies all tenants' streams, shows how far it is, and proves in the end that both stores hold the same.
///
/// Ids, times, versions, global order, metadata, payloads and states are kept; what is there already is skipped, so a copy
/// that was interrupted, or whose source went on, is done again.
///
/// # Errors
/// [`Failure`] with exit code 1: a store that fails, or one that held something else before.
pub async fn copy(from: &EventStore, to: &EventStore, out: &mut impl Write) -> Result<(), Failure> {
    let (from, to) = (from.all_tenants(), to.all_tenants());
    let mut shown = Shown::new();
    let done = from.copy_to(&to).snapshots().progress(|at| shown.progress(at)).await;
    shown.end();
    let done = done?;
    writeln!(
        out,
        "{} events and links copied, {} were there already, {:.0} events/s",
        done.stored,
        done.skipped,
        shown.rate(done.stored + done.skipped)
    )?;
    if done.snapshots + done.subscriptions + done.left_alone > 0 {
        writeln!(
            out,
            "{} snapshots and {} subscriptions went along, {} subscriptions are in use there and were left alone",
            done.snapshots, done.subscriptions, done.left_alone
        )?;
    }
    let (source, target) = (from.digest().await?, to.digest().await?);
    writeln!(out, "from {source}\nto   {target}")?;
    if source == target {
        writeln!(out, "both hold the same")?;
        return Ok(());
    }
    Err(Failure::general(if target.events > source.events {
        "the stores differ: the second one held something else before, or is written to; copy into an empty one"
    } else {
        "the stores differ: the first one is written to; copy again for the rest, which skips what is there"
    }))
}

/// The line on a terminal that says how far it is.
struct Shown {
    started: Instant,
    last: Option<Instant>,
    terminal: bool,
}

impl Shown {
    fn new() -> Self {
        Self { started: Instant::now(), last: None, terminal: std::io::stderr().is_terminal() }
    }

    fn progress(&mut self, at: &CopyProgress) {
        let often = self.last.is_some_and(|last| last.elapsed() < Duration::from_millis(200));
        if !self.terminal || often {
            return;
        }
        self.last = Some(Instant::now());
        let rate = self.rate(at.done.stored + at.done.skipped);
        let left = line(at.position.get(), at.end.get(), rate, self.started.elapsed());
        eprint!("\r\x1b[K{left}");
    }

    fn end(&mut self) {
        if self.last.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }

    /// Events a second so far.
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
    fn rate(&self, events: u64) -> f64 {
        events as f64 / self.started.elapsed().as_secs_f64().max(0.001)
    }
}

/// How far it is, by positions: a bar, the share, the rate, and the time that is left if it goes on like this.
#[expect(clippy::cast_precision_loss, reason = "a share is shown with two digits")]
fn line(at: u64, end: u64, rate: f64, elapsed: Duration) -> String {
    let share = if end == 0 { 1.0 } else { (at as f64 / end as f64).clamp(0.0, 1.0) };
    let bar: String =
        (1..=20).map(|n| if f64::from(n) <= share * 20.0 { '#' } else { '.' }).collect();
    let left = if share > 0.0 { elapsed.as_secs_f64() * (1.0 - share) / share } else { 0.0 };
    format!("[{bar}] {:3.0} %  {rate:.0} events/s  {left:.0} s left", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_how_long_it_takes() {
        let half = line(500, 1_000, 100.0, Duration::from_secs(5));
        assert_eq!(half, "[##########..........]  50 %  100 events/s  5 s left");
        assert!(line(0, 0, 0.0, Duration::ZERO).contains("100 %"));
        assert!(line(0, 9, 0.0, Duration::ZERO).starts_with("[....................]   0 %"));
    }
}
