//! Rounds: [`RoundStarted`], [`KnockoutRoundCompleted`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

use crate::base::{EventBase, GameMode, not_empty};
use crate::id::{PlayerId, TeamId};
use crate::team::{EliminationReason, PlayerStats};

/// A team as a round begins. Only the types of the known keys are checked; missing ones are empty or zero.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
#[serde(default)]
pub struct TeamState {
    /// The team.
    pub team_id: TeamId,
    /// Players still in.
    pub active_players: Vec<PlayerId>,
    /// Players out.
    pub eliminated_players: Vec<PlayerId>,
    /// Points.
    pub score: i64,
    /// Rounds matched.
    pub matches: u32,
    /// Attempts completed so far; 0 in a first round.
    pub total_guesses: u32,
    /// The two words the team converges from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Attempts per match so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_guesses: Option<f64>,
    /// Attempts left in the round, where there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_guesses: Option<u32>,
}

/// A round begins for the teams it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "round_started", version = 1, validate = RoundStarted::check)]
pub struct RoundStarted {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// The teams; not empty.
    pub team_states: BTreeMap<TeamId, TeamState>,
}

impl RoundStarted {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        if self.team_states.is_empty() {
            return Err(InvalidEvent::field("team_states", "must not be empty"));
        }
        self.team_states.keys().try_for_each(|team| not_empty("team_states", team.as_str()))
    }
}

/// A team that a knockout round put out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct EliminatedTeam {
    /// The team.
    pub team_id: TeamId,
    /// Why.
    pub reason: EliminationReason,
    /// Its points.
    pub final_score: i64,
    /// By player.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

/// A team that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct AdvancingTeam {
    /// The team.
    pub team_id: TeamId,
    /// Points.
    pub score: i64,
    /// Rounds matched.
    pub matches: u32,
    /// Attempts completed.
    pub total_guesses: u32,
}

/// A round of a knockout game is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "knockout_round_completed", version = 1, validate = KnockoutRoundCompleted::check)]
pub struct KnockoutRoundCompleted {
    /// The base fields; the mode is knockout.
    #[serde(flatten)]
    pub base: EventBase,
    /// Who went in this round, at its end or during it.
    pub eliminated_teams: Vec<EliminatedTeam>,
    /// Who goes on.
    pub advancing_teams: Vec<AdvancingTeam>,
    /// From the round's start to its end, in seconds.
    pub round_duration: u64,
}

impl KnockoutRoundCompleted {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        self.base.only_in(GameMode::Knockout)?;
        for team in &self.eliminated_teams {
            not_empty("eliminated_teams", team.team_id.as_str())?;
            team.player_stats.values().try_for_each(PlayerStats::check)?;
        }
        let mut advancing = self.advancing_teams.iter();
        advancing.try_for_each(|team| not_empty("advancing_teams", team.team_id.as_str()))
    }
}
