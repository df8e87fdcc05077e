//! The ids of a game: strings, each kind its own type, so that a player never stands where a team belongs.
//!
//! Whatever is stored can be read; that an id is not empty is a rule of the events that hold it.

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
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether it is the empty text, which no event may hold.
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
    /// One game. Its stream is `game-<id>`.
    GameId
}
id! {
    /// A Discord server; every game belongs to exactly one, and it is the tenant of the game's stream.
    GuildId
}
id! {
    /// A team of two within one game.
    TeamId
}
id! {
    /// A player.
    PlayerId
}
