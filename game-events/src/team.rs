//! [`TeamEliminated`], and the parts of a payload that several events share.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, not_empty};
use crate::id::{PlayerId, TeamId};

/// Reason of an elimination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
pub enum EliminationReason {
    /// The team had no match when the time limit of the round was reached.
    Timeout,
    /// The team reached the attempt limit of a round without a match.
    MaxGuesses,
    /// Too many teams were left at the end of a round, and the team had one of the highest attempt counts.
    RoundLoss,
    /// The team gave up.
    Forfeit,
}

impl EliminationReason {
    /// Returns the stored text: `timeout`, `max_guesses`, `round_loss` or `forfeit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::MaxGuesses => "max_guesses",
            Self::RoundLoss => "round_loss",
            Self::Forfeit => "forfeit",
        }
    }
}

/// Statistics of a player in one game.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
pub struct PlayerStats {
    /// Number of attempts the player took part in.
    pub total_guesses: u32,
    /// Number of those attempts that matched.
    pub successful_matches: u32,
    /// Number of those attempts that the player abandoned.
    pub abandoned_guesses: u32,
    /// Attempts per match; 0.0 without a match.
    pub average_guess_count: f64,
}

impl PlayerStats {
    pub(crate) fn check(&self) -> Result<(), InvalidEvent> {
        finite("average_guess_count", self.average_guess_count)
    }
}

/// Rejects NaN and infinity, which JSON cannot represent.
pub(crate) fn finite(field: &str, number: f64) -> Result<(), InvalidEvent> {
    if number.is_finite() {
        Ok(())
    } else {
        Err(InvalidEvent::field(field, "must be a finite number"))
    }
}

/// The state of a team at its elimination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct TeamInfo {
    /// Id of the team.
    pub team_id: TeamId,
    /// Players of the team.
    pub player_ids: Vec<PlayerId>,
    /// Points of the team; the type allows negative scores.
    pub score: i64,
    /// Number of rounds the team matched.
    pub matches: u32,
    /// Number of completed attempts: matched, failed or abandoned.
    pub total_guesses: u32,
}

/// A team was eliminated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "team_eliminated", version = 1, validate = TeamEliminated::check)]
pub struct TeamEliminated {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// Id of the team; not empty.
    pub team_id: TeamId,
    /// Reason of the elimination.
    pub reason: EliminationReason,
    /// State of the team at its elimination; its `team_id` equals the event's.
    pub final_state: TeamInfo,
    /// Points of the team at its elimination.
    pub final_score: i64,
    /// Statistics of each player of the team.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

impl TeamEliminated {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        not_empty("team_id", self.team_id.as_str())?;
        if self.final_state.team_id != self.team_id {
            let reason = format!("must have the `team_id` `{}`", self.team_id);
            return Err(InvalidEvent::field("final_state", reason));
        }
        self.player_stats.values().try_for_each(PlayerStats::check)
    }
}
