//! [`StreamVersion`], [`Position`] and [`BatchSize`]: one type for each kind of number, so that they never mix.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The maximum of a signed 64-bit column: the highest stream version and position.
const MAX_STORED: u64 = i64::MAX.unsigned_abs();

/// Number of events appended to a stream, which is the number of its last event; 0: the stream does not exist.
///
/// ```
/// use event_core::StreamVersion;
///
/// assert_eq!(StreamVersion::NONE.get(), 0);
/// assert_eq!(StreamVersion::new(3).next(), StreamVersion::new(4));
/// assert!(StreamVersion::try_from(-1_i64).is_err());
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StreamVersion(u64);

impl StreamVersion {
    /// The version of a stream that does not exist.
    pub const NONE: Self = Self(0);
    /// The highest version a store can hold (2⁶³ − 1).
    pub const MAX: Self = Self(MAX_STORED);

    /// Wraps a number.
    pub const fn new(version: u64) -> Self {
        Self(version)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the version of the next event.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the version after `events` more events.
    #[must_use]
    pub const fn plus(self, events: u64) -> Self {
        Self(self.0.saturating_add(events))
    }
}

/// Position of an event in the global order of a store, from 1; 0 is before the first event.
///
/// Positions increase strictly, in the order of stream versions within a stream, and may have gaps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(u64);

impl Position {
    /// The position before the first event: [`AllOptions::after`](crate::AllOptions::after) it reads everything.
    pub const START: Self = Self(0);

    /// Wraps a number.
    pub const fn new(position: u64) -> Self {
        Self(position)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

macro_rules! stored_number {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl TryFrom<i64> for $type {
            type Error = InvalidStoredNumber;

            fn try_from(given: i64) -> Result<Self, InvalidStoredNumber> {
                u64::try_from(given).map(Self).map_err(|_| InvalidStoredNumber { given })
            }
        }

        impl From<$type> for u64 {
            fn from(number: $type) -> Self {
                number.0
            }
        }
    };
}

stored_number!(StreamVersion);
stored_number!(Position);

/// A negative stored number: neither a stream version nor a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} is neither a stream version nor a position; both start at 0")]
#[non_exhaustive]
pub struct InvalidStoredNumber {
    /// The stored number.
    pub given: i64,
}

impl InvalidStoredNumber {
    /// Stable code for logs and the wire: `deserialization_failed`.
    pub const fn code(&self) -> &'static str {
        "deserialization_failed"
    }
}

/// A start version above [`StreamVersion::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot start at version {given}; the highest stream version is {}", StreamVersion::MAX)]
#[non_exhaustive]
pub struct InvalidStartVersion {
    /// The requested version.
    pub given: StreamVersion,
}

impl InvalidStartVersion {
    /// Stable code for logs and the wire: `invalid_start_version`.
    pub const fn code(&self) -> &'static str {
        "invalid_start_version"
    }
}

/// Number of events in one page: 1 to 10 000, 1 000 by default.
///
/// ```
/// use event_core::BatchSize;
///
/// assert_eq!(BatchSize::default().get(), 1_000);
/// assert_eq!(BatchSize::new(0).unwrap_err().code(), "invalid_batch_size");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchSize(u32);

impl BatchSize {
    /// The maximum size of a page and of an append: 10 000 events.
    pub const MAX: Self = Self(10_000);

    /// Creates a page size.
    ///
    /// # Errors
    /// [`InvalidBatchSize`] for 0 and for more than 10 000.
    pub const fn new(size: u32) -> Result<Self, InvalidBatchSize> {
        if size == 0 || size > Self::MAX.0 {
            return Err(InvalidBatchSize { given: size as u64, max: Self::MAX.0 });
        }
        Ok(Self(size))
    }

    /// Returns the number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for BatchSize {
    fn default() -> Self {
        Self(1_000)
    }
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A page or an append whose size is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch size of {given} events is out of range; expected 1 to {max}")]
#[non_exhaustive]
pub struct InvalidBatchSize {
    /// The requested size in events.
    pub given: u64,
    /// The maximum size in events.
    pub max: u32,
}

impl InvalidBatchSize {
    /// Stable code for logs and the wire: `invalid_batch_size`.
    pub const fn code(&self) -> &'static str {
        "invalid_batch_size"
    }
}
