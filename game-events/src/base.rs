//! [`EventBase`]: the six fields of every event of a game (S-22), and [`GameMode`].

use chrono::{DateTime, Utc};
use event_core::{InvalidEvent, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{GameId, GuildId};

/// The three modes of the game; any other text is an error on reading.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Shape,
)]
#[serde(rename_all = "snake_case")]
pub enum GameMode {
    /// One team, a fixed number of rounds.
    TwoPlayer,
    /// Teams drop out until one is left.
    Knockout,
    /// Most matches within a time limit.
    Race,
}

impl GameMode {
    /// The stored text: `two_player`, `knockout`, `race`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwoPlayer => "two_player",
            Self::Knockout => "knockout",
            Self::Race => "race",
        }
    }
}

impl std::fmt::Display for GameMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The base fields, flattened into each event's JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct EventBase {
    /// The game; not empty.
    pub game_id: GameId,
    /// The Discord server; not empty.
    pub guild_id: GuildId,
    /// The mode of the game.
    pub mode: GameMode,
    /// The round, from 1. In race mode that of the event's team.
    pub round_number: u32,
    /// When it happened; not in the future of the store's clock.
    pub timestamp: DateTime<Utc>,
    /// Free facts about the cause. Strict, as decided for the seed's "map": the keys `source_id` (what message or
    /// line caused the event) and `correlation_id` (what it belongs to) must be there; null passes.
    pub metadata: Map<String, Value>,
}

impl EventBase {
    /// The rules of the base fields, checked in the order game, guild, timestamp, round, metadata.
    ///
    /// # Errors
    /// [`InvalidEvent`] naming the first field at fault.
    pub fn validate(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if self.game_id.is_empty() {
            return Err(InvalidEvent::field("game_id", "must not be empty"));
        }
        if self.guild_id.is_empty() {
            return Err(InvalidEvent::field("guild_id", "must not be empty"));
        }
        not_in_future("timestamp", self.timestamp, now)?;
        at_least_one("round_number", self.round_number)?;
        for key in ["source_id", "correlation_id"] {
            if !self.metadata.contains_key(key) {
                return Err(InvalidEvent::field("metadata", format!("must have the key `{key}`")));
            }
        }
        Ok(())
    }

    /// Refuses an event of another mode than the one it belongs to.
    pub(crate) fn only_in(&self, mode: GameMode) -> Result<(), InvalidEvent> {
        if self.mode == mode {
            return Ok(());
        }
        Err(InvalidEvent::field("mode", format!("must be {mode}, found {}", self.mode)))
    }
}

/// A time that has come already.
pub(crate) fn not_in_future(
    field: &str,
    time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), InvalidEvent> {
    if time <= now {
        return Ok(());
    }
    Err(InvalidEvent::field(field, format!("must not be in the future: {time} is after {now}")))
}

/// A count that starts at 1.
pub(crate) fn at_least_one(field: &str, count: u32) -> Result<(), InvalidEvent> {
    if count > 0 { Ok(()) } else { Err(InvalidEvent::field(field, "must be at least 1")) }
}

/// A text that says something.
pub(crate) fn not_empty(field: &str, text: &str) -> Result<(), InvalidEvent> {
    if text.is_empty() { Err(InvalidEvent::field(field, "must not be empty")) } else { Ok(()) }
}
