//! [`Epochs`]: what a process remembers of the log that it has read, and what holds of it once another log is in its place.
//!
//! Some events are remembered by position and id, dense at the end of the log. A log that lacks the last of them is another
//! one from a later position than the last that is there: a new epoch begins, and a bare position beyond may have been
//! reached in either log.

use std::collections::BTreeSet;

use chrono::Utc;
use event_core::adapter::LiveLog;
use event_core::health::LogChange;
use event_core::{AllOptions, Error, Position, RecordedEvent, Result};
use uuid::Uuid;

use crate::rows::to_i64;

/// Events that are remembered at most; beyond, every other one is dropped.
const SAMPLES: usize = 64;
/// Contested positions that are remembered as given.
const GIVEN: usize = 65_536;
/// Epochs whose common part is remembered.
const EPOCHS: usize = 256;

/// Refuses a position that was named in an epoch and has been waited for since, if it is of a log that was replaced.
///
/// # Errors
/// [`Error::LogDiverged`] then; those of asking the log of now.
pub async fn prove_bare(live: &dyn LiveLog, position: Position, since: u64) -> Result<()> {
    let now = live.place(position, since).await?;
    let is_lost = now.is_lost(position, since, live.is_contested(position));
    if is_lost { Err(Error::log_replaced(position)) } else { Ok(()) }
}

/// The epochs of a log, as one process has seen them.
#[derive(Debug, Default)]
pub struct Epochs {
    epoch: u64,
    /// Events of the log, by position.
    samples: Vec<(i64, Uuid)>,
    /// The highest position that was seen in this epoch.
    highest: i64,
    /// Up to where the log of each epoch is that of the next one; the last ones.
    common: Vec<i64>,
    contested: Option<Contested>,
    change: Option<LogChange>,
}

/// Positions that were seen in a log that was replaced, and may be used again in the one of now.
#[derive(Debug, Default)]
struct Contested {
    after: i64,
    up_to: i64,
    /// Those that a reader was given since.
    given: BTreeSet<i64>,
}

impl Contested {
    fn holds(&self, position: i64) -> bool {
        self.after < position && position <= self.up_to && !self.given.contains(&position)
    }

    /// Whoever reads backward continues before the last event that it was given.
    fn holds_end(&self, position: i64) -> bool {
        self.holds(position) && !self.given.contains(&position.saturating_add(1))
    }

    fn give(&mut self, positions: impl Iterator<Item = i64>) {
        let (after, up_to) = (self.after, self.up_to);
        self.given.extend(positions.filter(|at| after < *at && *at - 1 <= up_to));
        if self.given.len() > GIVEN {
            // Memory is bounded: readers are believed up to where some have come.
            self.after = self.given.last().copied().unwrap_or(after);
            self.given.clear();
        }
    }
}

impl Epochs {
    /// The epoch of now.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The last change of the log.
    pub const fn change(&self) -> Option<&LogChange> {
        self.change.as_ref()
    }

    /// The highest position that was seen in this epoch; 0 if none was.
    pub const fn highest(&self) -> i64 {
        self.highest
    }

    /// The events that are remembered, in the order of the log.
    pub fn samples(&self) -> &[(i64, Uuid)] {
        &self.samples
    }

    /// Remembers an event of the log of now, unless a later one is remembered already.
    pub fn remember(&mut self, last: Option<(i64, Uuid)>) {
        let Some((position, id)) = last else { return };
        if self.samples.last().is_some_and(|(known, _)| position <= *known) {
            return;
        }
        self.samples.push((position, id));
        self.highest = self.highest.max(position);
        if self.samples.len() > SAMPLES {
            self.thin(position);
        }
    }

    /// Drops the event whose neighbours are closest to each other for their distance from the end: what is left is dense
    /// there, and reaches far back.
    fn thin(&mut self, end: i64) {
        let spread = |at: usize| {
            let (before, after) = (self.samples[at - 1].0, self.samples[at + 1].0);
            let (gap, distance) = (after - before, end - self.samples[at].0 + 1);
            gap.saturating_mul(1_000_000) / distance
        };
        if let Some(at) = (1..self.samples.len() - 1).min_by_key(|at| spread(*at)) {
            self.samples.remove(at);
        }
    }

    /// Begins an epoch: the log of now holds the remembered events up to a position, 0 if none.
    pub fn replace(&mut self, common: i64, last_assigned: i64) {
        let position = |number: i64| Position::new(u64::try_from(number).unwrap_or_default());
        let change =
            LogChange { seen: position(self.highest), common: position(common), at: Utc::now() };
        tracing::error!(
            seen = self.highest,
            common,
            last_assigned,
            "the log was replaced: readers verify their positions"
        );
        metrics::counter!("event_store_log_replaced_total").increment(1);
        self.change = Some(change);
        self.epoch += 1;
        self.common.push(common);
        if self.common.len() > EPOCHS {
            self.common.remove(0);
        }
        self.samples.retain(|(position, _)| *position <= common);
        let contested = self.contested.get_or_insert_default();
        *contested = Contested {
            after: if contested.up_to == 0 { common } else { contested.after.min(common) },
            up_to: contested.up_to.max(self.highest),
            given: BTreeSet::new(),
        };
        self.highest = common;
    }

    /// Up to where the log of an epoch is that of now; the maximum for the epoch of now.
    pub fn common_since(&self, epoch: u64) -> i64 {
        let ended = usize::try_from(self.epoch.saturating_sub(epoch)).unwrap_or(usize::MAX);
        if ended > self.common.len() {
            return 0;
        }
        let common = self.common.iter().rev().take(ended).copied().min();
        common.unwrap_or(i64::MAX)
    }

    /// Whether a position may have been reached in a log that was replaced: nothing else is known of it than that it is
    /// beyond what both logs have, and no reader was given it since.
    pub fn is_contested(&self, position: Position) -> bool {
        let position = to_i64(position.get());
        self.contested.as_ref().is_some_and(|contested| contested.holds(position))
    }

    /// The same for the position that a read backward begins at.
    pub fn is_contested_end(&self, position: Position) -> bool {
        let position = to_i64(position.get());
        self.contested.as_ref().is_some_and(|contested| contested.holds_end(position))
    }

    /// Hands a page of the log of now to a reader that proves nothing but the positions of its question.
    ///
    /// # Errors
    /// [`Error::LogDiverged`] if one may have been reached in a log that was replaced.
    pub fn give_page(&mut self, options: &AllOptions, page: &[RecordedEvent]) -> Result<()> {
        let (after, end) = (options.get_after(), options.get_up_to());
        if self.is_contested(after) {
            return Err(Error::log_replaced(after));
        }
        if options.is_backward() && self.is_contested_end(end) {
            return Err(Error::log_replaced(end));
        }
        if let Some(contested) = &mut self.contested {
            contested.give(page.iter().map(|event| to_i64(event.position().get())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(positions: impl IntoIterator<Item = i64>) -> Epochs {
        let mut epochs = Epochs::default();
        for position in positions {
            epochs.remember(Some((position, Uuid::from_u128(u128::try_from(position).unwrap()))));
        }
        epochs
    }

    #[test]
    fn what_is_common_is_so_over_all_epochs_since() {
        let mut epochs = seen(1..=100);
        epochs.replace(80, 100);
        assert_eq!(
            (epochs.epoch(), epochs.common_since(0), epochs.common_since(1)),
            (1, 80, i64::MAX)
        );
        epochs.remember(Some((90, Uuid::from_u128(1_090))));
        epochs.replace(85, 90);
        assert_eq!((epochs.common_since(0), epochs.common_since(1)), (80, 85));
        assert_eq!(epochs.common_since(2), i64::MAX);
    }

    #[test]
    fn positions_of_a_lost_part_are_contested_until_they_are_given_again() {
        let mut epochs = seen(1..=100);
        epochs.replace(80, 100);
        let holds = |epochs: &Epochs, at| epochs.is_contested(Position::new(at));
        assert!(!holds(&epochs, 80) && holds(&epochs, 81) && holds(&epochs, 100));
        assert!(!holds(&epochs, 101), "never seen in the other log");
        epochs.contested.as_mut().unwrap().give([81, 90].into_iter());
        assert!(!holds(&epochs, 90) && holds(&epochs, 91));
    }

    #[test]
    fn samples_stay_few_and_keep_the_last_one() {
        let epochs = seen(1..=10_000);
        let samples = epochs.samples();
        assert!(samples.len() <= SAMPLES);
        assert_eq!(samples.last().unwrap().0, 10_000);
        assert!(samples[0].0 < 5_000, "{:?}", samples[0]);
    }
}
