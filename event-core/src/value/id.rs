//! [`EventId`]: the identity of one event, and its idempotency key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A UUID, unique per tenant in a store. The default is version 7: time-ordered, so index inserts stay cheap.
///
/// A caller that may retry (a command, a job) supplies its own ids: appending the same ids again stores nothing and
/// returns the first result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Generates a version 7 id.
    #[expect(clippy::new_without_default, reason = "a default should be the same value each time")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Wraps an existing UUID of any version.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for EventId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl From<EventId> for Uuid {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        Uuid::parse_str(text).map(Self).map_err(|_| InvalidEventId { given: text.to_owned() })
    }
}

/// A string that is not an event id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" is not an event id; expected a UUID like 01890a5d-ac96-774b-bcce-b302099a8057",
    crate::value::Escaped(given)
)]
#[non_exhaustive]
pub struct InvalidEventId {
    /// The rejected string.
    pub given: String,
}

impl InvalidEventId {
    /// Stable code for logs and the wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}
