//! [`CommandId`]: the identity of a command, from which the ids of its events derive.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::value::{EventId, InvalidEventId};

/// The namespace of the ids of named commands.
const NAMED: Uuid = Uuid::from_u128(0x2d8d_94d2_5b0f_4c63_9f3f_6f7a_3a9c_51be);

/// A UUID that identifies a command, unique per tenant in a store: a repeat of the command uses the same id.
///
/// The ids of the command's events derive from it, so that the store recognizes a repeat by them.
///
/// ```
/// use event_core::CommandId;
///
/// let command = CommandId::named("checkout-42"); // an idempotency key of a request
/// assert_eq!(command, CommandId::named("checkout-42"));
/// assert_ne!(command.event_id(0), command.event_id(1));
/// assert_ne!(CommandId::new(), CommandId::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(Uuid);

impl CommandId {
    /// Generates an id, for a caller that keeps it to repeat the command.
    #[expect(clippy::new_without_default, reason = "a default should be the same value each time")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id of a command that a text names, such as the key of a request or the id of a message. Equal texts give equal ids.
    pub fn named(text: &str) -> Self {
        Self(Uuid::new_v5(&NAMED, text.as_bytes()))
    }

    /// Wraps an existing UUID of any version.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the UUID.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The id of the command's event with this index, from 0: the UUID of version 5 with the name `event-<index>` in the namespace
    /// of the command.
    pub fn event_id(self, index: usize) -> EventId {
        EventId::from_uuid(Uuid::new_v5(&self.0, format!("event-{index}").as_bytes()))
    }
}

impl From<EventId> for CommandId {
    /// A command that follows from an event, such as that of a subscriber: a redelivery repeats it.
    fn from(event: EventId) -> Self {
        Self(event.as_uuid())
    }
}

impl FromStr for CommandId {
    type Err = InvalidEventId;

    /// Reads a UUID; for any other text see [`CommandId::named`].
    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        text.parse::<EventId>().map(Self::from)
    }
}

impl From<CommandId> for Uuid {
    fn from(id: CommandId) -> Self {
        id.0
    }
}

impl From<Uuid> for CommandId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_never_change() {
        // They are stored: another derivation would let an old command be decided again.
        let command = CommandId::from_uuid(Uuid::from_u128(7));
        assert_eq!(command.event_id(0).to_string(), "30c655fa-3dad-5649-a5e5-2ae02fe83927");
        assert_eq!(command.event_id(10_000).to_string(), "429902af-fa78-5c97-b060-e9187bb35017");
        assert_eq!("00000000-0000-0000-0000-000000000007".parse(), Ok(command));
        assert_eq!(CommandId::named("a").to_string(), "c6e2e4dd-c2a3-5cd3-9082-80dbf22c2615");
    }
}
