//! Ids as newtypes over `String`, so that the compiler rejects a player id where a team id is expected.
//!
//! Deserialization accepts any string; the events validate on append that an id is not empty.

use std::borrow::Borrow;
use std::fmt;

use event_core::Shape;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, Shape)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Borrows the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns true for the empty string, which event validation rejects.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Identifies a game within its guild. The stream of the game is `game-<id>`.
    GameId
}
id! {
    /// Identifies a Discord server. Every game belongs to exactly one guild, which is the tenant of its stream.
    GuildId
}
id! {
    /// Identifies a team within a game.
    TeamId
}
id! {
    /// Identifies a player.
    PlayerId
}
