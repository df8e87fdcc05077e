//! [`StreamVersion`], [`Position`] and [`BatchSize`]: the numbers of a store, each a type of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a signed 64-bit column can hold; the top of both number lines.
const MAX_STORED: u64 = i64::MAX.unsigned_abs();

/// Number of events in a stream, and so the number of its last event; 0 means the stream does not exist.
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

    /// A stream version from a plain number.
    pub const fn new(version: u64) -> Self {
        Self(version)
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version of the next event.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The version after `events` more events.
    #[must_use]
    pub const fn plus(self, events: u64) -> Self {
        Self(self.0.saturating_add(events))
    }
}

/// Place of an event in the global order of a store, from 1; 0 stands before the first event.
///
/// Positions only grow, follow stream versions within a stream, and may have holes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(u64);

impl Position {
    /// The place before the first event: "everything" for [`AllOptions::after`](crate::AllOptions::after).
    pub const START: Self = Self(0);

    /// A position from a plain number.
    pub const fn new(position: u64) -> Self {
        Self(position)
    }

    /// The plain number.
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

/// A stored number below zero: no version and no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} is neither a stream version nor a position; both start at 0")]
#[non_exhaustive]
pub struct InvalidStoredNumber {
    /// The number as it was stored.
    pub given: i64,
}

impl InvalidStoredNumber {
    /// Stable text for logs and wire: `deserialization_failed`.
    pub const fn code(&self) -> &'static str {
        "deserialization_failed"
    }
}

/// A start version that no store can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot start at version {given}; the highest stream version is {}", StreamVersion::MAX)]
#[non_exhaustive]
pub struct InvalidStartVersion {
    /// The version that was asked for.
    pub given: StreamVersion,
}

impl InvalidStartVersion {
    /// The seed's atom: `invalid_start_version`.
    pub const fn code(&self) -> &'static str {
        "invalid_start_version"
    }
}

/// Number of events in one page: 1 to 10 000, 1 000 unless told otherwise.
///
/// The seed recommends 100 to 1 000 events a batch (S-20).
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
    /// The largest page and the largest append: 10 000 events.
    pub const MAX: Self = Self(10_000);

    /// A page size.
    ///
    /// # Errors
    /// [`InvalidBatchSize`] on 0 and on more than 10 000.
    pub const fn new(size: u32) -> Result<Self, InvalidBatchSize> {
        if size == 0 || size > Self::MAX.0 {
            return Err(InvalidBatchSize { given: size as u64, max: Self::MAX.0 });
        }
        Ok(Self(size))
    }

    /// The plain number.
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

/// A page or an append of a size that no store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch of {given} events is out of range; it holds 1 to {max}")]
#[non_exhaustive]
pub struct InvalidBatchSize {
    /// The size that was asked for.
    pub given: u64,
    /// The largest one allowed.
    pub max: u32,
}

impl InvalidBatchSize {
    /// The seed's atom: `invalid_batch_size`.
    pub const fn code(&self) -> &'static str {
        "invalid_batch_size"
    }
}
