//! Events of rounds: [`RoundStarted`], [`KnockoutRoundCompleted`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, GameMode, not_empty};
use crate::id::{PlayerId, TeamId};
use crate::team::{EliminationReason, PlayerStats, finite};

/// The state of a team at the start of a round. Missing keys are read as empty or zero; only the types of known keys are
/// checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
#[serde(default)]
pub struct TeamState {
    /// Id of the team.
    pub team_id: TeamId,
    /// Players who take part in the round.
    pub active_players: Vec<PlayerId>,
    /// Players who are eliminated.
    pub eliminated_players: Vec<PlayerId>,
    /// Points of the team.
    pub score: i64,
    /// Number of rounds the team matched.
    pub matches: u32,
    /// Number of attempts completed before this round; 0 in the first round.
    pub total_guesses: u32,
    /// The word pair the round starts with; may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Attempts per match before this round; may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_guesses: Option<f64>,
    /// Number of attempts left in the round; missing without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_guesses: Option<u32>,
}

/// A round began for the teams in `team_states`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "round_started", version = 1, validate = RoundStarted::check)]
pub struct RoundStarted {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// State of each team that plays the round; not empty.
    pub team_states: BTreeMap<TeamId, TeamState>,
}

impl RoundStarted {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        if self.team_states.is_empty() {
            return Err(InvalidEvent::field("team_states", "must not be empty"));
        }
        for (team, state) in &self.team_states {
            not_empty("team_states", team.as_str())?;
            finite("average_guesses", state.average_guesses.unwrap_or_default())?;
        }
        Ok(())
    }
}

/// A team that was eliminated in a knockout round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct EliminatedTeam {
    /// Id of the team.
    pub team_id: TeamId,
    /// Reason of the elimination.
    pub reason: EliminationReason,
    /// Points of the team at its elimination.
    pub final_score: i64,
    /// Statistics of each player of the team.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

/// A team that advances to the next round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct AdvancingTeam {
    /// Id of the team.
    pub team_id: TeamId,
    /// Points of the team.
    pub score: i64,
    /// Number of rounds the team matched.
    pub matches: u32,
    /// Number of completed attempts: matched, failed or abandoned.
    pub total_guesses: u32,
}

/// A round of a knockout game ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "knockout_round_completed", version = 1, validate = KnockoutRoundCompleted::check)]
pub struct KnockoutRoundCompleted {
    /// The base fields; `mode` must be `knockout`.
    #[serde(flatten)]
    pub base: EventBase,
    /// Teams eliminated during the round or at its end.
    pub eliminated_teams: Vec<EliminatedTeam>,
    /// Teams that advance to the next round.
    pub advancing_teams: Vec<AdvancingTeam>,
    /// Seconds from the start of the round to its end.
    pub round_duration: u64,
}

impl KnockoutRoundCompleted {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        self.base.require_mode(GameMode::Knockout)?;
        for team in &self.eliminated_teams {
            not_empty("eliminated_teams", team.team_id.as_str())?;
            team.player_stats.values().try_for_each(PlayerStats::check)?;
        }
        let mut advancing = self.advancing_teams.iter();
        advancing.try_for_each(|team| not_empty("advancing_teams", team.team_id.as_str()))
    }
}
