//! `gamebot copy`: copies one store into another, whatever their backends are. A bot that has outgrown its file moves to
//! a server this way.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use event_core::EventStore;
use event_core::transfer::CopyProgress;

use crate::failure::Failure;

/// Copies the streams of all tenants, shows the progress, and compares a digest of both stores at the end.
///
/// Ids, times, versions, global order, metadata, payloads and stream states are kept. Events that the target already
/// contains are skipped, so an interrupted copy, or one whose source has grown, can be repeated.
///
/// # Errors
/// [`Failure`] with exit code 1 if a store fails or the stores differ at the end.
pub async fn copy(from: &EventStore, to: &EventStore, out: &mut impl Write) -> Result<(), Failure> {
    let (from, to) = (from.all_tenants(), to.all_tenants());
    let mut progress = ProgressLine::new();
    let done = from.copy_to(&to).snapshots().progress(|at| progress.update(at)).await;
    progress.clear();
    let done = done?;
    writeln!(
        out,
        "copied {} events and links, skipped {} already present, {:.0} events/s",
        done.stored,
        done.skipped,
        progress.rate(done.stored + done.skipped)
    )?;
    if done.snapshots + done.subscriptions + done.left_alone > 0 {
        writeln!(
            out,
            "copied {} snapshots and {} subscriptions, skipped {} subscriptions in use in the target",
            done.snapshots, done.subscriptions, done.left_alone
        )?;
    }
    let (source, target) = (from.digest().await?, to.digest().await?);
    writeln!(out, "from {source}\nto   {target}")?;
    if source == target {
        writeln!(out, "both stores are identical")?;
        return Ok(());
    }
    Err(Failure::general(if target.events > source.events {
        "the stores differ: the target contains other events, or is being written to; copy into an empty store"
    } else {
        "the stores differ: the source is being written to; run the command again to copy the new events"
    }))
}

/// The progress line, shown if standard error is a terminal.
struct ProgressLine {
    started: Instant,
    last_update: Option<Instant>,
    is_terminal: bool,
}

impl ProgressLine {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            last_update: None,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn update(&mut self, at: &CopyProgress) {
        let recent =
            self.last_update.is_some_and(|last| last.elapsed() < Duration::from_millis(200));
        if !self.is_terminal || recent {
            return;
        }
        self.last_update = Some(Instant::now());
        let rate = self.rate(at.done.stored + at.done.skipped);
        let text = progress_text(at.position.get(), at.end.get(), rate, self.started.elapsed());
        eprint!("\r\x1b[K{text}");
    }

    fn clear(&mut self) {
        if self.last_update.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }

    /// Returns the events per second so far.
    #[expect(clippy::cast_precision_loss, reason = "a rate is displayed, not computed with")]
    fn rate(&self, events: u64) -> f64 {
        events as f64 / self.started.elapsed().as_secs_f64().max(0.001)
    }
}

/// Formats the progress by position: a bar, the percentage, the rate, and the remaining time at this rate.
#[expect(clippy::cast_precision_loss, reason = "a percentage is displayed, not computed with")]
fn progress_text(at: u64, end: u64, rate: f64, elapsed: Duration) -> String {
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
    fn progress_text_shows_percentage_rate_and_remaining_time() {
        let half = progress_text(500, 1_000, 100.0, Duration::from_secs(5));
        assert_eq!(half, "[##########..........]  50 %  100 events/s  5 s left");
        assert!(progress_text(0, 0, 0.0, Duration::ZERO).contains("100 %"));
        assert!(
            progress_text(0, 9, 0.0, Duration::ZERO).starts_with("[....................]   0 %")
        );
    }
}
