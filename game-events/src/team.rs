//! A team in events: [`TeamEliminated`], and the shapes that several events share.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, not_empty};
use crate::id::{PlayerId, TeamId};

/// Why a team is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
pub enum EliminationReason {
    /// No match when the round's time was up.
    Timeout,
    /// As many attempts as a round allows, without a match.
    MaxGuesses,
    /// Among the highest guess counts of a round with too many teams left.
    RoundLoss,
    /// It gave up.
    Forfeit,
}

impl EliminationReason {
    /// The stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::MaxGuesses => "max_guesses",
            Self::RoundLoss => "round_loss",
            Self::Forfeit => "forfeit",
        }
    }
}

/// What a player did in a game.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
pub struct PlayerStats {
    /// Attempts the player took part in.
    pub total_guesses: u32,
    /// Of these, matched.
    pub successful_matches: u32,
    /// Of these, abandoned by the player.
    pub abandoned_guesses: u32,
    /// Attempts per match; 0.0 without a match.
    pub average_guess_count: f64,
}

impl PlayerStats {
    pub(crate) fn check(&self) -> Result<(), InvalidEvent> {
        finite("average_guess_count", self.average_guess_count)
    }
}

/// A number that JSON can hold.
pub(crate) fn finite(field: &str, number: f64) -> Result<(), InvalidEvent> {
    if number.is_finite() {
        Ok(())
    } else {
        Err(InvalidEvent::field(field, "must be a finite number"))
    }
}

/// A team at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct TeamInfo {
    /// The team.
    pub team_id: TeamId,
    /// Its players.
    pub player_ids: Vec<PlayerId>,
    /// Points; may be negative in modes to come.
    pub score: i64,
    /// Rounds matched.
    pub matches: u32,
    /// Attempts completed: matched, failed, abandoned.
    pub total_guesses: u32,
}

/// A team is out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "team_eliminated", version = 1, validate = TeamEliminated::check)]
pub struct TeamEliminated {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// The team; not empty.
    pub team_id: TeamId,
    /// Why.
    pub reason: EliminationReason,
    /// The team as it leaves; of the same id.
    pub final_state: TeamInfo,
    /// Its points.
    pub final_score: i64,
    /// By player.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

impl TeamEliminated {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        not_empty("team_id", self.team_id.as_str())?;
        if self.final_state.team_id != self.team_id {
            let reason = format!("must be of team `{}`", self.team_id);
            return Err(InvalidEvent::field("final_state", reason));
        }
        self.player_stats.values().try_for_each(PlayerStats::check)
    }
}
