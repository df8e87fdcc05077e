//! [`Stride`]: how many positions one statement looks at for a filter that few events pass. Its time is then bounded by
//! what it looks at and not by what it finds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const FIRST: i64 = 10_000;
const SHORTEST: i64 = 100;
const LONGEST: i64 = 10_000_000;
/// A statement that took no longer doubles the stride.
const QUICK: Duration = Duration::from_millis(20);
/// One that took longer halves it.
const SLOW: Duration = Duration::from_millis(200);

/// The stride of one server, which follows its speed.
#[derive(Debug)]
pub(crate) struct Stride(AtomicI64);

impl Default for Stride {
    fn default() -> Self {
        Self(AtomicI64::new(FIRST))
    }
}

impl Stride {
    /// How far a statement that starts after a position looks.
    pub(crate) fn end(&self, after: i64, last: i64) -> i64 {
        after.saturating_add(self.0.load(Ordering::Relaxed)).min(last)
    }

    /// How long a statement took, unless it failed, and whether it looked at all of its positions. False if it could not
    /// have been shorter.
    pub(crate) fn took(&self, time: Option<Duration>, all: bool) -> bool {
        let now = self.0.load(Ordering::Relaxed);
        let next = match time {
            None => now / 4,
            Some(time) if time > SLOW => now / 2,
            Some(time) if time < QUICK && all => now.saturating_mul(2),
            Some(_) => now,
        };
        self.0.store(next.clamp(SHORTEST, LONGEST), Ordering::Relaxed);
        now > SHORTEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_speed_of_the_server() {
        let stride = Stride::default();
        assert_eq!((stride.end(5, 9), stride.end(5, i64::MAX)), (9, 10_005));
        assert_eq!(stride.end(i64::MAX - 1, i64::MAX), i64::MAX);
        stride.took(Some(Duration::ZERO), true);
        assert_eq!(stride.end(0, i64::MAX), 20_000);
        stride.took(Some(Duration::ZERO), false);
        assert_eq!(stride.end(0, i64::MAX), 20_000, "a full page says nothing");
        stride.took(Some(SLOW * 2), true);
        stride.took(None, false);
        assert_eq!(stride.end(0, i64::MAX), 2_500);
        for _ in 0..99 {
            stride.took(None, false);
        }
        assert_eq!(stride.end(0, i64::MAX), SHORTEST);
    }
}
