//! [`EventVersion`]: the schema version of an event type, from 1.
//!
//! A [`StreamVersion`](crate::StreamVersion) counts the events of a stream; the two are different types, so that the
//! compiler rejects one in place of the other.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The maximum version: 2³¹ − 1, the maximum of a signed 32-bit column.
const MAX: u32 = i32::MAX.unsigned_abs();

/// Schema version of an event type: 1 to 2 147 483 647, printed `v1`.
///
/// ```
/// use event_core::EventVersion;
///
/// const SECOND: EventVersion = EventVersion::new(2);
/// assert_eq!(SECOND.to_string(), "v2");
/// assert!(EventVersion::try_from(0_i64).is_err());
/// ```
#[doc(alias = "revision")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct EventVersion(u32);

impl EventVersion {
    /// The first version of every event type.
    pub const FIRST: Self = Self(1);

    /// Creates a version from a literal. For stored and computed numbers use [`TryFrom`].
    ///
    /// # Panics
    /// On 0 and on numbers above 2 147 483 647; in a `const` this is a compile error.
    pub const fn new(version: u32) -> Self {
        assert!(version > 0, "event versions start at 1");
        assert!(version <= MAX, "an event version is at most 2147483647");
        Self(version)
    }

    /// Returns the number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for EventVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl From<EventVersion> for u32 {
    fn from(version: EventVersion) -> Self {
        version.0
    }
}

impl TryFrom<u32> for EventVersion {
    type Error = InvalidEventVersion;

    fn try_from(given: u32) -> Result<Self, InvalidEventVersion> {
        Self::try_from(i64::from(given))
    }
}

impl TryFrom<i32> for EventVersion {
    type Error = InvalidEventVersion;

    fn try_from(given: i32) -> Result<Self, InvalidEventVersion> {
        Self::try_from(i64::from(given))
    }
}

impl TryFrom<i64> for EventVersion {
    type Error = InvalidEventVersion;

    fn try_from(given: i64) -> Result<Self, InvalidEventVersion> {
        match u32::try_from(given) {
            Ok(version) if (1..=MAX).contains(&version) => Ok(Self(version)),
            _ => Err(InvalidEventVersion { given }),
        }
    }
}

/// A number that is not an event version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} is not an event version; versions run from 1 to {MAX}")]
#[non_exhaustive]
pub struct InvalidEventVersion {
    /// The rejected number.
    pub given: i64,
}

impl InvalidEventVersion {
    /// Stable code for logs and the wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}
