//! [`EventId`]: the identity of one event, and so the key of safe retries.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A UUID, unique per tenant in a store; version 7 by default, whose ids grow with time and so insert cheaply.
///
/// A caller that may try twice (a command, a job) supplies its own: the same ids give the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// A fresh version 7 id.
    #[expect(
        clippy::new_without_default,
        reason = "a default that differs each time would surprise"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// An id from elsewhere.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The plain UUID.
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

/// A text that is no event id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{}\" is not an event id; expected a UUID like 01890a5d-ac96-774b-bcce-b302099a8057",
    crate::value::Escaped(given)
)]
#[non_exhaustive]
pub struct InvalidEventId {
    /// The text that was given.
    pub given: String,
}

impl InvalidEventId {
    /// Stable text for logs and wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}
