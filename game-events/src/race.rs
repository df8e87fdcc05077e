//! The end of a race: [`RaceModeTimeExpired`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, GameMode, not_empty};
use crate::id::{PlayerId, TeamId};
use crate::team::{PlayerStats, finite};

/// What a team has when the time of a race is up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct RaceResult {
    /// Rounds matched.
    pub matches: u32,
    /// Attempts completed.
    pub total_guesses: u32,
    /// Attempts per match; 0.0 without a match.
    pub average_guesses: f64,
    /// When the team last matched; null if it never did.
    pub last_match_timestamp: Option<DateTime<Utc>>,
    /// By player.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

/// The time limit of a race was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "race_mode_time_expired", version = 1, validate = RaceModeTimeExpired::check)]
pub struct RaceModeTimeExpired {
    /// The base fields; the mode is race.
    #[serde(flatten)]
    pub base: EventBase,
    /// By team.
    pub final_matches: BTreeMap<TeamId, RaceResult>,
    /// From start to end, in seconds.
    pub game_duration: u64,
}

impl RaceModeTimeExpired {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        self.base.only_in(GameMode::Race)?;
        for (team, result) in &self.final_matches {
            not_empty("final_matches", team.as_str())?;
            finite("average_guesses", result.average_guesses)?;
            result.player_stats.values().try_for_each(PlayerStats::check)?;
        }
        Ok(())
    }
}
