//! [`Settings`]: the numbers of a mode, from the `config` of the start line or by default.

use game_events::GameSession;
use serde_json::{Map, Value};

use crate::decide::Refused;

/// The settings of all modes; each mode reads its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `two_player`: number of matches that end the game.
    pub(crate) rounds_required: u32,
    /// `two_player`: highest average of attempts per match that wins.
    pub(crate) success_threshold: u32,
    /// `knockout`: time limit of a round in seconds.
    pub(crate) round_duration_seconds: u32,
    /// `knockout`: number of attempts in a round without a match that eliminates a team.
    pub(crate) elimination_guess_limit: u32,
    /// `race`: time limit of the game in seconds.
    pub(crate) time_limit: u32,
}

impl Settings {
    /// Reads the settings of a started game.
    pub(crate) fn from_session(session: &GameSession) -> Result<Self, Refused> {
        Self::from_config(&session.config)
    }

    /// Reads the settings from a config; rejects a value that is not a positive integer.
    pub(crate) fn from_config(config: &Map<String, Value>) -> Result<Self, Refused> {
        let number = |key: &str, default: u32| match config.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| *number > 0)
                .ok_or_else(|| format!("config `{key}` must be an integer from 1, found {value}")),
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
