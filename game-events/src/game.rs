//! The first and the last event of a game: [`GameStarted`], [`GameCompleted`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{EventBase, GameMode, at_least_one, not_in_future};
use crate::id::{PlayerId, TeamId};
use crate::team::{PlayerStats, finite};

/// A game begins: teams, their order, their players.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "game_started", version = 1, validate = GameStarted::check)]
pub struct GameStarted {
    /// The base fields; `round_number` is exactly 1.
    #[serde(flatten)]
    pub base: EventBase,
    /// The players of each team, at least one.
    pub teams: BTreeMap<TeamId, Vec<PlayerId>>,
    /// The teams in their order; exactly the keys of `teams`.
    pub team_ids: Vec<TeamId>,
    /// All players; at least those of the teams.
    pub player_ids: Vec<PlayerId>,
    /// What part a player has, `giver` or `guesser`; may be empty, and names players only.
    #[serde(default)]
    pub roles: BTreeMap<PlayerId, String>,
    /// Settings of the mode.
    pub config: Map<String, Value>,
    /// When it began; not in the future.
    pub started_at: DateTime<Utc>,
}

impl GameStarted {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        if self.base.round_number != 1 {
            let reason = format!("must be 1, found {}", self.base.round_number);
            return Err(InvalidEvent::field("round_number", reason));
        }
        self.check_teams()?;
        self.check_players()?;
        match (self.base.mode, self.teams.len()) {
            (GameMode::TwoPlayer, 1) => {}
            (GameMode::TwoPlayer, n) => {
                let reason = format!("must be exactly one in two_player, found {n}");
                return Err(InvalidEvent::field("teams", reason));
            }
            (mode, n) if n < 2 => {
                let reason = format!("must be at least two in {mode}, found {n}");
                return Err(InvalidEvent::field("teams", reason));
            }
            _ => {}
        }
        not_in_future("started_at", self.started_at, now)
    }

    fn check_teams(&self) -> Result<(), InvalidEvent> {
        if self.team_ids.is_empty() {
            return Err(InvalidEvent::field("team_ids", "must not be empty"));
        }
        if self.player_ids.is_empty() {
            return Err(InvalidEvent::field("player_ids", "must not be empty"));
        }
        if let Some((team, _)) = self.teams.iter().find(|(_, players)| players.is_empty()) {
            return Err(InvalidEvent::field(
                "teams",
                format!("must have players, `{team}` has none"),
            ));
        }
        if let Some(team) = self.team_ids.iter().find(|team| !self.teams.contains_key(*team)) {
            let reason = format!("must be teams, `{team}` is none");
            return Err(InvalidEvent::field("team_ids", reason));
        }
        if let Some(team) = self.teams.keys().find(|team| !self.team_ids.contains(*team)) {
            return Err(InvalidEvent::field(
                "team_ids",
                format!("must name every team, `{team}` is missing"),
            ));
        }
        if self.team_ids.len() != self.teams.len() {
            return Err(InvalidEvent::field("team_ids", "must name every team once"));
        }
        Ok(())
    }

    fn check_players(&self) -> Result<(), InvalidEvent> {
        let mut players = self.teams.values().flatten();
        if let Some(player) = players.find(|player| !self.player_ids.contains(*player)) {
            let reason = format!("must name every player, `{player}` is missing");
            return Err(InvalidEvent::field("player_ids", reason));
        }
        if let Some(player) = self.roles.keys().find(|player| !self.player_ids.contains(*player)) {
            return Err(InvalidEvent::field(
                "roles",
                format!("must be of players, `{player}` is none"),
            ));
        }
        Ok(())
    }
}

/// What a team has at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct TeamScore {
    /// Points; may be negative in modes to come.
    pub score: i64,
    /// Rounds matched.
    pub matches: u32,
    /// Attempts completed: matched, failed, abandoned.
    pub total_guesses: u32,
    /// Attempts per match; 0.0 without a match.
    pub average_guesses: f64,
    /// By player.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

/// A game is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "game_completed", version = 1, validate = GameCompleted::check)]
pub struct GameCompleted {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// The winning teams; empty when nobody won.
    pub winners: Vec<TeamId>,
    /// What each team has; not empty.
    pub final_scores: BTreeMap<TeamId, TeamScore>,
    /// From start to end, in seconds.
    pub game_duration: u64,
    /// Rounds played, from 1.
    pub total_rounds: u32,
    /// When it ended; not after `timestamp`.
    pub finished_at: DateTime<Utc>,
}

impl GameCompleted {
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.base.validate(now)?;
        if self.final_scores.is_empty() {
            return Err(InvalidEvent::field("final_scores", "must not be empty"));
        }
        if let Some(team) = self.winners.iter().find(|team| !self.final_scores.contains_key(*team))
        {
            let reason = format!("must have final scores, `{team}` has none");
            return Err(InvalidEvent::field("winners", reason));
        }
        for score in self.final_scores.values() {
            finite("average_guesses", score.average_guesses)?;
            score.player_stats.values().try_for_each(PlayerStats::check)?;
        }
        at_least_one("total_rounds", self.total_rounds)?;
        if self.finished_at > self.base.timestamp {
            return Err(InvalidEvent::field("finished_at", "must not be later than `timestamp`"));
        }
        Ok(())
    }
}
