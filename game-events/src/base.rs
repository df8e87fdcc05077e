//! [`EventBase`]: the six fields that every event of a game has, and [`GameMode`].

use chrono::{DateTime, Utc};
use event_core::{InvalidEvent, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{GameId, GuildId};

/// The mode of a game. Deserializing any other text is an error.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Shape,
)]
#[serde(rename_all = "snake_case")]
pub enum GameMode {
    /// One team plays a fixed number of rounds.
    TwoPlayer,
    /// Teams are eliminated until one is left.
    Knockout,
    /// The team with the most matches within a time limit wins.
    Race,
}

impl GameMode {
    /// Returns the stored text: `two_player`, `knockout` or `race`.
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
    /// Id of the game; not empty.
    pub game_id: GameId,
    /// Id of the Discord server; not empty.
    pub guild_id: GuildId,
    /// Mode of the game.
    pub mode: GameMode,
    /// Number of the round, from 1. In race mode each team counts its own rounds.
    pub round_number: u32,
    /// Time of the event in the game; not after the store's clock.
    pub timestamp: DateTime<Utc>,
    /// Metadata about the cause of the event. The keys `source_id` (the message or transcript line that caused the
    /// event) and `correlation_id` (groups related events) are required; their values may be null.
    pub metadata: Map<String, Value>,
}

impl EventBase {
    /// Validates the base fields in the order `game_id`, `guild_id`, `timestamp`, `round_number`, `metadata`.
    ///
    /// # Errors
    /// [`InvalidEvent`] with the name of the first invalid field.
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

    /// Rejects an event whose type belongs to another mode.
    pub(crate) fn require_mode(&self, mode: GameMode) -> Result<(), InvalidEvent> {
        if self.mode == mode {
            return Ok(());
        }
        Err(InvalidEvent::field("mode", format!("must be {mode}, found {}", self.mode)))
    }
}

/// Rejects a time after `now`.
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

/// Rejects zero for counts that start at 1.
pub(crate) fn at_least_one(field: &str, count: u32) -> Result<(), InvalidEvent> {
    if count > 0 { Ok(()) } else { Err(InvalidEvent::field(field, "must be at least 1")) }
}

/// Rejects an empty id or text.
pub(crate) fn not_empty(field: &str, text: &str) -> Result<(), InvalidEvent> {
    if text.is_empty() { Err(InvalidEvent::field(field, "must not be empty")) } else { Ok(()) }
}
