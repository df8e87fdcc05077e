//! [`Size`]: how many events the next transaction gets.

use std::time::Duration;

use crate::value::BatchSize;

/// A projection begins with so many.
const FIRST: u32 = 64;
/// A transaction that is done within this time may be twice as large.
const QUICK: Duration = Duration::from_millis(300);
/// One that takes longer is halved.
const SLOW: Duration = Duration::from_secs(2);

/// How many events the next transaction gets: twice as many after a quick one, half as many after a slow one or one that
/// reached a limit of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    now: u32,
    most: u32,
    /// Whether a single event has reached the limit.
    failed_alone: bool,
}

impl Size {
    pub(super) fn up_to(most: BatchSize) -> Self {
        Self { now: most.get().min(FIRST), most: most.get(), failed_alone: false }
    }

    pub(super) const fn get(self) -> usize {
        self.now as usize
    }

    /// So many events were written.
    pub(super) fn wrote(&mut self, events: usize, took: Duration) {
        self.failed_alone = false;
        if took > SLOW {
            self.now = (self.now / 2).max(1);
        } else if took < QUICK && events >= self.get() {
            self.now = self.now.saturating_mul(2).min(self.most);
        }
    }

    /// So many events reached the limit. False if nothing smaller is left to try: one event, and for the second time.
    pub(super) fn reached_limit(&mut self, events: usize) -> bool {
        if events > 1 {
            self.now = u32::try_from(events / 2).unwrap_or(self.most).min(self.most);
            return true;
        }
        self.now = 1;
        !std::mem::replace(&mut self.failed_alone, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_down_to_one_event_and_grows_again() {
        let mut size = Size::up_to(BatchSize::new(1_000).unwrap());
        for wanted in [32, 16, 8, 4, 2, 1] {
            assert!(size.reached_limit(size.get()));
            assert_eq!(size.get(), wanted);
        }
        assert!(size.reached_limit(1), "once more, alone");
        assert!(!size.reached_limit(1));
        for wanted in [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000, 1_000] {
            size.wrote(size.get(), Duration::ZERO);
            assert_eq!(size.get(), wanted);
        }
        size.wrote(1_000, SLOW * 2);
        assert_eq!(size.get(), 500);
        size.wrote(3, Duration::ZERO);
        assert_eq!(size.get(), 500, "a batch that was not full says nothing");
    }

    #[test]
    fn it_never_exceeds_what_was_asked_for() {
        let mut size = Size::up_to(BatchSize::new(20).unwrap());
        assert_eq!(size.get(), 20);
        size.wrote(20, Duration::ZERO);
        assert_eq!(size.get(), 20);
    }
}
