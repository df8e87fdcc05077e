//! [`GameSession`]: the state of one game, folded from all events of its stream in order.
//!
//! `sequence` holds the rules on which event may follow, `team` the state of a team.

mod sequence;
mod team;

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::aggregate::Violation;
use event_core::{Aggregate, RecordedEvent, Shape, Snapshots};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{EventBase, GameMode};
use crate::game::{GameStarted, TeamScore};
use crate::game_event::GameEvent;
use crate::guess::{GuessAbandoned, GuessProcessed};
use crate::id::{GameId, GuildId, PlayerId, TeamId};
use crate::round::RoundStarted;
use crate::team::{EliminationReason, PlayerStats};

pub use self::team::TeamSession;

/// The state of one game.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
pub struct GameSession {
    /// Id of the game.
    pub game_id: GameId,
    /// Guild in which the game is played.
    pub guild_id: GuildId,
    /// Mode of the game; none before `game_started`.
    pub mode: Option<GameMode>,
    /// Teams in their order of play.
    pub team_ids: Vec<TeamId>,
    /// State of each team.
    pub teams: BTreeMap<TeamId, TeamSession>,
    /// Settings of the mode.
    pub config: Map<String, Value>,
    /// Role of a player: `giver` or `guesser`.
    pub roles: BTreeMap<PlayerId, String>,
    /// Status of the game.
    pub status: SessionStatus,
    /// Time of the start; none before `game_started`.
    pub started_at: Option<DateTime<Utc>>,
    /// Highest number of a round that started, 0 before the first.
    pub round_number: u32,
    /// True once the time limit of a race was reached.
    pub time_expired: bool,
    /// Winning teams; empty before the end and in a game without a winner.
    pub winners: Vec<TeamId>,
    /// Score of each team; empty before the end.
    pub final_scores: BTreeMap<TeamId, TeamScore>,
    /// Time of the end; none before `game_completed`.
    pub finished_at: Option<DateTime<Utc>>,
    /// Timestamp of the last event; none before the first.
    pub last_event_at: Option<DateTime<Utc>>,
}

/// The status of a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// No event was applied yet.
    #[default]
    Initializing,
    /// The game has started and has not ended.
    Active,
    /// The game has ended.
    Completed,
}

impl GameSession {
    /// Iterates over the teams that are not eliminated, in their order of play.
    pub fn active_teams(&self) -> impl Iterator<Item = (&TeamId, &TeamSession)> {
        self.team_ids
            .iter()
            .filter_map(|id| self.teams.get_key_value(id))
            .filter(|(_, team)| team.is_active())
    }

    /// Returns true while the round of any team is open.
    pub fn any_round_open(&self) -> bool {
        self.teams.values().any(|team| team.round_open)
    }

    /// Returns the team of a player.
    pub fn team_of(&self, player: &PlayerId) -> Option<&TeamId> {
        self.teams.iter().find(|(_, team)| team.players.contains(player)).map(|(id, _)| id)
    }
}

impl Aggregate for GameSession {
    type Event = GameEvent;

    /// Most games have about a hundred events, so only long ones are snapshotted.
    const SNAPSHOTS: Option<Snapshots<Self>> = Some(Snapshots::new("game_session", 1).every(200));

    fn check(&self, event: &GameEvent, recorded: &RecordedEvent) -> Result<(), Violation> {
        sequence::belongs(event, recorded)?;
        self.may_follow(event)
    }

    fn cause(event: &GameEvent) -> Option<Cow<'_, str>> {
        event.base().metadata.get("causation_id")?.as_str().map(Cow::Borrowed)
    }

    fn apply(&mut self, event: GameEvent) {
        self.last_event_at = Some(event.base().timestamp);
        match event {
            GameEvent::Started(event) => self.apply_start(event),
            GameEvent::RoundStarted(event) => self.apply_round_start(event),
            GameEvent::GuessProcessed(event) => self.apply_guess(event),
            GameEvent::GuessAbandoned(event) => self.apply_abandoned_guess(&event),
            GameEvent::TeamEliminated(event) => {
                self.eliminate(&event.team_id, event.reason, event.base.round_number);
            }
            GameEvent::Completed(event) => {
                self.status = SessionStatus::Completed;
                self.close_rounds();
                self.winners = event.winners;
                self.final_scores = event.final_scores;
                self.finished_at = Some(event.finished_at);
            }
            GameEvent::KnockoutRoundCompleted(_) => self.close_rounds(),
            GameEvent::RaceModeTimeExpired(_) => {
                self.time_expired = true;
                self.close_rounds();
            }
        }
    }

    fn validate(&self) -> Result<(), Violation> {
        let missing = |what: &str| Err(Violation::new(format!("the game has no {what}")));
        match self {
            Self { status: SessionStatus::Initializing, .. } => missing("start"),
            Self { game_id, .. } if game_id.is_empty() => missing("id"),
            Self { guild_id, .. } if guild_id.is_empty() => missing("guild"),
            Self { mode: None, .. } => missing("mode"),
            Self { teams, .. } if teams.is_empty() => missing("teams"),
            Self { started_at: None, .. } => missing("start time"),
            Self { teams, .. } => match teams.iter().find(|(_, t)| t.matches > t.total_guesses) {
                Some((id, team)) => Err(Violation::new(format!(
                    "team `{id}` has more matches ({}) than attempts ({})",
                    team.matches, team.total_guesses
                ))),
                None => Ok(()),
            },
        }
    }
}

impl GameSession {
    fn apply_start(&mut self, event: GameStarted) {
        let GameStarted { base, teams, team_ids, roles, config, started_at, .. } = event;
        self.game_id = base.game_id;
        self.guild_id = base.guild_id;
        self.mode = Some(base.mode);
        self.teams = teams
            .into_iter()
            .map(|(id, players)| {
                let stats = |player: &PlayerId| (player.clone(), PlayerStats::default());
                let player_stats = players.iter().map(stats).collect();
                (id, TeamSession { players, player_stats, ..TeamSession::default() })
            })
            .collect();
        self.team_ids = team_ids;
        self.roles = roles;
        self.config = config;
        self.started_at = Some(started_at);
        self.status = SessionStatus::Active;
    }

    fn apply_round_start(&mut self, event: RoundStarted) {
        let EventBase { round_number, timestamp, .. } = event.base;
        self.round_number = self.round_number.max(round_number);
        for (id, state) in event.team_states {
            let Some(team) = self.teams.get_mut(&id) else { continue };
            team.round = round_number;
            team.round_open = true;
            team.round_started_at = Some(timestamp);
            team.round_guesses = 0;
            team.matched = false;
            team.words = state.words;
        }
    }

    fn apply_guess(&mut self, event: GuessProcessed) {
        let timestamp = event.base.timestamp;
        let Some(team) = self.teams.get_mut(&event.team_id) else { return };
        team.round_guesses = event.round_guess_count;
        team.total_guesses = event.total_guesses;
        for player in [event.player1_info.player_id, event.player2_info.player_id] {
            let stats = team.player_stats.entry(player).or_default();
            stats.total_guesses = stats.total_guesses.saturating_add(1);
            stats.successful_matches =
                stats.successful_matches.saturating_add(u32::from(event.guess_successful));
        }
        if event.guess_successful {
            team.matches = team.matches.saturating_add(1);
            team.score = team.score.saturating_add(event.match_score.unwrap_or(1).into());
            team.matched = true;
            team.round_open = false;
            team.last_match_at = Some(timestamp);
        } else {
            team.words = vec![event.player1_word, event.player2_word];
        }
    }

    fn apply_abandoned_guess(&mut self, event: &GuessAbandoned) {
        let Some(team) = self.teams.get_mut(&event.team_id) else { return };
        team.round_guesses = event.round_guess_count;
        team.total_guesses = event.total_guesses;
        for player in [&event.player1_info.player_id, &event.player2_info.player_id] {
            let stats = team.player_stats.entry(player.clone()).or_default();
            stats.total_guesses = stats.total_guesses.saturating_add(1);
            if *player == event.abandoning_player_id {
                stats.abandoned_guesses = stats.abandoned_guesses.saturating_add(1);
            }
        }
    }

    fn eliminate(&mut self, team: &TeamId, reason: EliminationReason, round: u32) {
        let Some(team) = self.teams.get_mut(team) else { return };
        team.eliminated = Some(reason);
        team.eliminated_in_round = Some(round);
        team.round_open = false;
    }

    fn close_rounds(&mut self) {
        self.teams.values_mut().for_each(|team| team.round_open = false);
    }
}
