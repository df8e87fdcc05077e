//! The end of a race game: [`RaceModeTimeExpired`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, GameMode, not_empty};
use crate::id::{PlayerId, TeamId};
use crate::team::{PlayerStats, finite};

/// The result of one team when the time limit of a race is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct RaceResult {
    /// Number of rounds the team matched.
    pub matches: u32,
    /// Number of completed attempts: matched, failed or abandoned.
    pub total_guesses: u32,
    /// Attempts per match; 0.0 without a match.
    pub average_guesses: f64,
    /// Time of the team's last match; null without a match.
    pub last_match_timestamp: Option<DateTime<Utc>>,
    /// Statistics of each player of the team.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

/// The time limit of a race was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "race_mode_time_expired", version = 1, validate = RaceModeTimeExpired::check)]
pub struct RaceModeTimeExpired {
    /// The base fields; `mode` must be `race`.
    #[serde(flatten)]
    pub base: EventBase,
    /// Result of each team.
    pub final_matches: BTreeMap<TeamId, RaceResult>,
    /// Seconds from the start of the game to its time limit.
    pub game_duration: u64,
}

impl RaceModeTimeExpired {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        self.base.require_mode(GameMode::Race)?;
        for (team, result) in &self.final_matches {
            not_empty("final_matches", team.as_str())?;
            finite("average_guesses", result.average_guesses)?;
            result.player_stats.values().try_for_each(PlayerStats::check)?;
        }
        Ok(())
    }
}
