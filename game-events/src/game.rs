//! Start and end of a game: [`GameStarted`], [`GameCompleted`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{EventBase, GameMode, at_least_one, not_in_future};
use crate::id::{PlayerId, TeamId};
use crate::team::{PlayerStats, finite};

/// A game started: its teams, their order and their players.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "game_started", version = 1, validate = GameStarted::check)]
pub struct GameStarted {
    /// The base fields; `round_number` must be 1.
    #[serde(flatten)]
    pub base: EventBase,
    /// Players of each team; no team is empty.
    pub teams: BTreeMap<TeamId, Vec<PlayerId>>,
    /// The keys of `teams` in their order of play, each once.
    pub team_ids: Vec<TeamId>,
    /// All players, including every player of a team.
    pub player_ids: Vec<PlayerId>,
    /// Role of a player: `giver` or `guesser`. May be empty; every key is in `player_ids`.
    #[serde(default)]
    pub roles: BTreeMap<PlayerId, String>,
    /// Settings of the mode.
    pub config: Map<String, Value>,
    /// Time of the start; not after the store's clock.
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
                let reason = format!("must contain exactly one team in two_player, found {n}");
                return Err(InvalidEvent::field("teams", reason));
            }
            (mode, n) if n < 2 => {
                let reason = format!("must contain at least two teams in {mode}, found {n}");
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
                format!("must have a player in every team, `{team}` has none"),
            ));
        }
        if let Some(team) = self.team_ids.iter().find(|team| !self.teams.contains_key(*team)) {
            let reason = format!("must contain only keys of `teams`, found `{team}`");
            return Err(InvalidEvent::field("team_ids", reason));
        }
        if let Some(team) = self.teams.keys().find(|team| !self.team_ids.contains(*team)) {
            return Err(InvalidEvent::field(
                "team_ids",
                format!("must contain every team, `{team}` is missing"),
            ));
        }
        if self.team_ids.len() != self.teams.len() {
            return Err(InvalidEvent::field("team_ids", "must contain every team once"));
        }
        Ok(())
    }

    fn check_players(&self) -> Result<(), InvalidEvent> {
        let mut players = self.teams.values().flatten();
        if let Some(player) = players.find(|player| !self.player_ids.contains(*player)) {
            let reason = format!("must contain every player, `{player}` is missing");
            return Err(InvalidEvent::field("player_ids", reason));
        }
        if let Some(player) = self.roles.keys().find(|player| !self.player_ids.contains(*player)) {
            return Err(InvalidEvent::field(
                "roles",
                format!("must contain only players, found `{player}`"),
            ));
        }
        Ok(())
    }
}

/// The score of one team at the end of a game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub struct TeamScore {
    /// Points of the team; the type allows negative scores.
    pub score: i64,
    /// Number of rounds the team matched.
    pub matches: u32,
    /// Number of completed attempts: matched, failed or abandoned.
    pub total_guesses: u32,
    /// Attempts per match; 0.0 without a match.
    pub average_guesses: f64,
    /// Statistics of each player of the team.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

/// A game ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "game_completed", version = 1, validate = GameCompleted::check)]
pub struct GameCompleted {
    /// The base fields.
    #[serde(flatten)]
    pub base: EventBase,
    /// The winning teams; empty without a winner.
    pub winners: Vec<TeamId>,
    /// Score of each team; not empty.
    pub final_scores: BTreeMap<TeamId, TeamScore>,
    /// Seconds from the start of the game to its end.
    pub game_duration: u64,
    /// Number of rounds played, at least 1.
    pub total_rounds: u32,
    /// Time of the end; not after `timestamp`.
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
            let reason = format!("must contain only teams with a final score, found `{team}`");
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
