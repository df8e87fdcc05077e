//! [`GameSession`]: the state of a game, folded from its stream (S-18), and what cannot follow what (S-19).
//!
//! All eight events are applied, in order. The checks keep a stream honest: one game, one guild, time and rounds that
//! do not run back, attempts only by teams that are in and have a round, nothing after the end.

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

/// Where a game stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Nothing has happened.
    #[default]
    Initializing,
    /// It is played.
    Active,
    /// It is over.
    Completed,
}

/// A team in a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
pub struct TeamSession {
    /// Its players, in the order of the start.
    pub players: Vec<PlayerId>,
    /// Points.
    pub score: i64,
    /// Rounds matched.
    pub matches: u32,
    /// Attempts completed: matched, failed, abandoned.
    pub total_guesses: u32,
    /// Rounds that began for this team.
    pub round: u32,
    /// Whether its round is open.
    pub round_open: bool,
    /// When its last round began.
    pub round_started_at: Option<DateTime<Utc>>,
    /// The words it converges from.
    pub words: Vec<String>,
    /// Attempts completed in its last round.
    pub round_guesses: u32,
    /// Whether it matched in its last round.
    pub matched: bool,
    /// When it last matched.
    pub last_match_at: Option<DateTime<Utc>>,
    /// Why it is out, if it is.
    pub eliminated: Option<EliminationReason>,
    /// The round in which it went.
    pub eliminated_in_round: Option<u32>,
    /// What its players did.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

impl TeamSession {
    /// Whether the team still plays.
    pub const fn is_active(&self) -> bool {
        self.eliminated.is_none()
    }

    /// Attempts per match; 0.0 without a match.
    pub fn average_guesses(&self) -> f64 {
        average(self.total_guesses, self.matches)
    }

    /// What each player did, with averages.
    pub fn stats(&self) -> BTreeMap<PlayerId, PlayerStats> {
        let with_average = |stats: &PlayerStats| PlayerStats {
            average_guess_count: average(stats.total_guesses, stats.successful_matches),
            ..stats.clone()
        };
        self.player_stats
            .iter()
            .map(|(player, stats)| (player.clone(), with_average(stats)))
            .collect()
    }
}

fn average(guesses: u32, matches: u32) -> f64 {
    if matches == 0 { 0.0 } else { f64::from(guesses) / f64::from(matches) }
}

/// The state of one game.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
pub struct GameSession {
    /// The game.
    pub game_id: GameId,
    /// The guild it belongs to.
    pub guild_id: GuildId,
    /// The mode; none before the game has started.
    pub mode: Option<GameMode>,
    /// The teams in their order.
    pub team_ids: Vec<TeamId>,
    /// The teams.
    pub teams: BTreeMap<TeamId, TeamSession>,
    /// Settings of the mode.
    pub config: Map<String, Value>,
    /// Parts of players.
    pub roles: BTreeMap<PlayerId, String>,
    /// Where the game stands.
    pub status: SessionStatus,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// The highest round that began, 0 before the first.
    pub round_number: u32,
    /// Whether the time of a race is up.
    pub time_expired: bool,
    /// Who won; empty for nobody, and before the end.
    pub winners: Vec<TeamId>,
    /// What each team has, once the game is over.
    pub final_scores: BTreeMap<TeamId, TeamScore>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The time of the last event.
    pub last_event_at: Option<DateTime<Utc>>,
}

impl GameSession {
    /// The teams that still play, in their order.
    pub fn active_teams(&self) -> impl Iterator<Item = (&TeamId, &TeamSession)> {
        self.team_ids
            .iter()
            .filter_map(|id| self.teams.get_key_value(id))
            .filter(|(_, team)| team.is_active())
    }

    /// Whether any team's round is open.
    pub fn any_round_open(&self) -> bool {
        self.teams.values().any(|team| team.round_open)
    }

    /// The team that a player plays in.
    pub fn team_of(&self, player: &PlayerId) -> Option<&TeamId> {
        self.teams.iter().find(|(_, team)| team.players.contains(player)).map(|(id, _)| id)
    }

    fn start(&mut self, event: GameStarted) {
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

    fn start_round(&mut self, event: RoundStarted) {
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

    fn guess(&mut self, event: GuessProcessed) {
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

    fn abandon(&mut self, event: &GuessAbandoned) {
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

    /// One game, one guild, one mode.
    fn check_identity(&self, base: &EventBase) -> Result<(), Violation> {
        if base.game_id != self.game_id {
            let reason =
                format!("it belongs to game `{}`, the stream to `{}`", base.game_id, self.game_id);
            return Err(Violation::identity(reason));
        }
        if base.guild_id != self.guild_id {
            let reason =
                format!("it belongs to guild `{}`, the game to `{}`", base.guild_id, self.guild_id);
            return Err(Violation::identity(reason));
        }
        match self.mode {
            Some(mode) if mode != base.mode => {
                Err(Violation::identity(format!("it is of mode {}, the game of {mode}", base.mode)))
            }
            _ => Ok(()),
        }
    }

    /// Neither time nor rounds run back.
    fn check_order(&self, event: &GameEvent) -> Result<(), Violation> {
        let base = event.base();
        if let Some(last) = self.last_event_at.filter(|last| base.timestamp < *last) {
            let reason = format!("it happened at {}, the event before at {last}", base.timestamp);
            return Err(Violation::new(reason));
        }
        let last = self.round_before(event);
        if base.round_number < last {
            let reason = format!("it is of round {}, after round {last}", base.round_number);
            return Err(Violation::new(reason));
        }
        Ok(())
    }

    /// The round that an event may not fall behind: in a race each team has its own.
    fn round_before(&self, event: &GameEvent) -> u32 {
        let round_of = |id| self.teams.get(id).map_or(0, |team| team.round);
        match (self.mode, event) {
            (Some(GameMode::Race), GameEvent::RoundStarted(round)) => {
                round.team_states.keys().map(round_of).max().unwrap_or(0)
            }
            (Some(GameMode::Race), event) => event.team_id().map_or(self.round_number, round_of),
            _ => self.round_number,
        }
    }

    fn check_teams(&self, event: &GameEvent) -> Result<(), Violation> {
        match event {
            GameEvent::RoundStarted(round) => {
                round.team_states.keys().try_for_each(|team| self.active(team).map(|_| ()))
            }
            GameEvent::GuessProcessed(guess) => {
                self.in_round(&guess.team_id)?;
                self.plays_in(&guess.team_id, &guess.player1_info.player_id)?;
                self.plays_in(&guess.team_id, &guess.player2_info.player_id)
            }
            GameEvent::GuessAbandoned(guess) => {
                self.in_round(&guess.team_id)?;
                self.plays_in(&guess.team_id, &guess.abandoning_player_id)
            }
            GameEvent::TeamEliminated(out) => self.active(&out.team_id).map(|_| ()),
            GameEvent::Completed(end) => {
                end.winners.iter().try_for_each(|team| self.active(team).map(|_| ()))
            }
            GameEvent::Started(_)
            | GameEvent::KnockoutRoundCompleted(_)
            | GameEvent::RaceModeTimeExpired(_) => Ok(()),
        }
    }

    fn active(&self, id: &TeamId) -> Result<&TeamSession, Violation> {
        match self.teams.get(id) {
            None => Err(Violation::new(format!("team `{id}` does not play in this game"))),
            Some(team) if !team.is_active() => {
                Err(Violation::new(format!("team `{id}` is eliminated")))
            }
            Some(team) => Ok(team),
        }
    }

    fn in_round(&self, id: &TeamId) -> Result<(), Violation> {
        if self.active(id)?.round_open {
            return Ok(());
        }
        Err(Violation::new(format!("team `{id}` has no open round")))
    }

    fn plays_in(&self, id: &TeamId, player: &PlayerId) -> Result<(), Violation> {
        if self.active(id)?.players.contains(player) {
            return Ok(());
        }
        Err(Violation::new(format!("player `{player}` does not play in team `{id}`")))
    }
}

impl Aggregate for GameSession {
    type Event = GameEvent;

    /// A game of an evening has a hundred events or so: only long ones leave a snapshot.
    const SNAPSHOTS: Option<Snapshots<Self>> = Some(Snapshots::new("game_session", 1).every(200));

    fn check(&self, event: &GameEvent, _recorded: &RecordedEvent) -> Result<(), Violation> {
        self.may_follow(event)
    }

    fn apply(&mut self, event: GameEvent) {
        self.last_event_at = Some(event.base().timestamp);
        match event {
            GameEvent::Started(event) => self.start(event),
            GameEvent::RoundStarted(event) => self.start_round(event),
            GameEvent::GuessProcessed(event) => self.guess(event),
            GameEvent::GuessAbandoned(event) => self.abandon(&event),
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
                    "team `{id}` has {} matches in {} attempts",
                    team.matches, team.total_guesses
                ))),
                None => Ok(()),
            },
        }
    }
}

impl GameSession {
    /// Whether an event may follow what has happened so far.
    ///
    /// # Errors
    /// [`Violation`]: of another game, out of order, by a team that is out, or after the end.
    pub fn may_follow(&self, event: &GameEvent) -> Result<(), Violation> {
        match (self.status, event) {
            (SessionStatus::Initializing, GameEvent::Started(_)) => return Ok(()),
            (SessionStatus::Initializing, _) => {
                return Err(Violation::new("a game begins with `game_started`"));
            }
            (_, GameEvent::Started(_)) => {
                return Err(Violation::new("the game has started already"));
            }
            (SessionStatus::Completed, _) => {
                return Err(Violation::new("nothing follows the end of a game"));
            }
            (SessionStatus::Active, _) => {}
        }
        self.check_identity(event.base())?;
        self.check_order(event)?;
        self.check_teams(event)
    }
}
