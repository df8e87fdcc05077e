//! The settings of a mode, from the start line's `config`, with the defaults of the rules.

use game_events::GameSession;
use serde_json::{Map, Value};

use crate::decide::Refused;

/// Numbers that the modes go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `two_player`: matches that make a game.
    pub(crate) rounds_required: u32,
    /// `two_player`: attempts a match, on average, that still win.
    pub(crate) success_threshold: u32,
    /// knockout: a round's length in seconds.
    pub(crate) round_duration_seconds: u32,
    /// knockout: attempts in a round without a match that put a team out.
    pub(crate) elimination_guess_limit: u32,
    /// race: the game's length in seconds.
    pub(crate) time_limit: u32,
}

impl Settings {
    pub(crate) fn of(session: &GameSession) -> Result<Self, Refused> {
        Self::read(&session.config)
    }

    /// The settings a config gives.
    pub(crate) fn read(config: &Map<String, Value>) -> Result<Self, Refused> {
        let number = |key: &str, default: u32| match config.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| *number > 0)
                .ok_or_else(|| {
                    format!("config `{key}` must be a whole number from 1, found {value}")
                }),
        };
        Ok(Self {
            rounds_required: number("rounds_required", 5)?,
            success_threshold: number("success_threshold", 4)?,
            round_duration_seconds: number("round_duration_seconds", 300)?,
            elimination_guess_limit: number("elimination_guess_limit", 12)?,
            time_limit: number("time_limit", 180)?,
        })
    }
}
