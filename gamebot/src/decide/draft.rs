//! [`Draft`]: collects the events of one line and applies each to a copy of the session.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use event_core::Aggregate as _;
use game_events::{
    AbandonReason, EliminationReason, EventBase, GameCompleted, GameEvent, GameMode, GameSession,
    GuessAbandoned, GuessProcessed, LastGuess, PlayerId, PlayerInfo, RoundStarted, TeamEliminated,
    TeamId, TeamInfo, TeamScore, TeamSession, TeamState,
};

use crate::decide::Refused;
use crate::decide::settings::Settings;
use crate::decide::start::metadata;
use crate::game_state::PendingWord;
use crate::transcript::Line;

/// The events decided so far on one line.
pub(crate) struct Draft<'a> {
    /// Session after the events so far.
    pub(crate) session: GameSession,
    /// Events in the order of their decision.
    pub(crate) events: Vec<GameEvent>,
    /// Settings of the game.
    pub(crate) settings: Settings,
    line: &'a Line,
    mode: GameMode,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(session: &GameSession, line: &'a Line, settings: Settings) -> Self {
        let mode = session.mode.unwrap_or(GameMode::TwoPlayer);
        Self { session: session.clone(), events: Vec::new(), settings, line, mode }
    }

    /// Adds an event and applies it to the session.
    pub(crate) fn emit(&mut self, event: impl Into<GameEvent>) {
        let event = event.into();
        self.session.apply(event.clone());
        self.events.push(event);
    }

    /// Returns the time of the line.
    pub(crate) const fn now(&self) -> DateTime<Utc> {
        self.line.at
    }

    /// Returns the base fields of an event in this round.
    pub(crate) fn base(&self, round_number: u32) -> EventBase {
        EventBase {
            game_id: self.session.game_id.clone(),
            guild_id: self.session.guild_id.clone(),
            mode: self.mode,
            round_number: round_number.max(1),
            timestamp: self.line.at,
            metadata: metadata(self.line.number, &self.session.game_id),
        }
    }

    /// Starts a round for all active teams, whose words must be exactly `words`. No round may be open.
    pub(crate) fn start_round_for_all(
        &mut self,
        words: &BTreeMap<TeamId, [String; 2]>,
    ) -> Result<(), Refused> {
        if self.session.any_round_open() {
            return Err(format!("round {} is still open", self.session.round_number));
        }
        let active: Vec<&TeamId> = self.session.active_teams().map(|(team, _)| team).collect();
        if let Some(team) = words.keys().find(|team| !active.contains(team)) {
            return Err(format!("`words` contains `{team}`, which is not an active team"));
        }
        if let Some(team) = active.iter().find(|team| !words.contains_key(**team)) {
            return Err(format!("`words` must contain every active team, `{team}` is missing"));
        }
        self.start_round(self.session.round_number + 1, words.iter());
        Ok(())
    }

    /// Starts a round for the teams of `words`, all of which play in the game.
    pub(crate) fn start_round<'w>(
        &mut self,
        round: u32,
        words: impl Iterator<Item = (&'w TeamId, &'w [String; 2])>,
    ) {
        let team_states = words
            .filter_map(|(id, words)| {
                let team = self.session.teams.get(id)?;
                Some((id.clone(), team_state(id, team, words)))
            })
            .collect();
        self.emit(RoundStarted { base: self.base(round), team_states });
    }

    /// Decides a submitted word. Returns true if it completes an attempt, false if the partner's word is still missing.
    pub(crate) fn guess(
        &mut self,
        id: &TeamId,
        player: &PlayerId,
        word: &str,
        pending: Option<&PendingWord>,
    ) -> Result<bool, Refused> {
        let team = self.require_open_round(id, player)?;
        if word.trim().is_empty() {
            return Err("`word` must not be empty".into());
        }
        let Some(first) = pending else { return Ok(false) };
        if first.player == *player {
            return Err(format!(
                "player `{player}` has already submitted a word; the partner's word is missing"
            ));
        }
        let matched = words_match(&first.word, word);
        let started = team.round_started_at.unwrap_or(self.line.at);
        let (guess_count, total_guesses) = (team.round_guesses + 1, team.total_guesses + 1);
        let event = GuessProcessed {
            base: self.base(team.round),
            team_id: id.clone(),
            player1_info: self.player_info(id, &first.player),
            player2_info: self.player_info(id, player),
            player1_word: first.word.clone(),
            player2_word: word.to_owned(),
            guess_successful: matched,
            match_score: matched.then_some(1),
            guess_count,
            round_guess_count: guess_count,
            total_guesses,
            guess_duration: millis(self.line.at - started),
            player1_duration: millis(first.at - started),
            player2_duration: millis(self.line.at - started),
        };
        self.emit(event);
        Ok(true)
    }

    /// Decides an abandoned attempt, with or without a pending word.
    pub(crate) fn abandon(
        &mut self,
        id: &TeamId,
        player: &PlayerId,
        reason: AbandonReason,
        pending: Option<&PendingWord>,
    ) -> Result<(), Refused> {
        let team = self.require_open_round(id, player)?;
        let [first, second] = team.players.as_slice() else {
            return Err(format!("team `{id}` does not have exactly two players"));
        };
        let started = team.round_started_at.unwrap_or(self.line.at);
        let (guess_count, total_guesses) = (team.round_guesses + 1, team.total_guesses + 1);
        let event = GuessAbandoned {
            base: self.base(team.round),
            team_id: id.clone(),
            player1_info: self.player_info(id, first),
            player2_info: self.player_info(id, second),
            reason,
            abandoning_player_id: player.clone(),
            last_guess: pending.map(|pending| LastGuess {
                player_id: pending.player.clone(),
                word: pending.word.clone(),
                timestamp: pending.at,
            }),
            guess_count,
            round_guess_count: guess_count,
            total_guesses,
            guess_duration: Some(millis(self.line.at - started)),
        };
        self.emit(event);
        Ok(())
    }

    /// Eliminates a team in the current round.
    pub(crate) fn eliminate(&mut self, id: &TeamId, reason: EliminationReason) {
        let Some(team) = self.session.teams.get(id) else { return };
        let event = TeamEliminated {
            base: self.base(self.session.round_number),
            team_id: id.clone(),
            reason,
            final_state: TeamInfo {
                team_id: id.clone(),
                player_ids: team.players.clone(),
                score: team.score,
                matches: team.matches,
                total_guesses: team.total_guesses,
            },
            final_score: team.score,
            player_stats: team.stats(),
        };
        self.emit(event);
    }

    /// Ends the game at `finished_at`, which is not after the time of the line.
    pub(crate) fn complete(&mut self, winners: Vec<TeamId>, finished_at: DateTime<Utc>) {
        let score = |team: &TeamSession| TeamScore {
            score: team.score,
            matches: team.matches,
            total_guesses: team.total_guesses,
            average_guesses: team.average_guesses(),
            player_stats: team.stats(),
        };
        let teams = self.session.teams.iter();
        let event = GameCompleted {
            winners,
            final_scores: teams.map(|(id, team)| (id.clone(), score(team))).collect(),
            game_duration: self.session.started_at.map_or(0, |start| seconds(finished_at - start)),
            total_rounds: self.session.round_number.max(1),
            finished_at,
            base: self.base(self.session.round_number),
        };
        self.emit(event);
    }

    /// Returns the team if it is active, has an open round and contains the player.
    fn require_open_round(&self, id: &TeamId, player: &PlayerId) -> Result<&TeamSession, Refused> {
        let Some(team) = self.session.teams.get(id) else {
            return Err(format!("there is no team `{id}`"));
        };
        if !team.is_active() {
            return Err(format!("team `{id}` is eliminated"));
        }
        if !team.round_open {
            return Err(format!("team `{id}` has no open round"));
        }
        if !team.players.contains(player) {
            return Err(format!("player `{player}` does not play in team `{id}`"));
        }
        Ok(team)
    }

    fn player_info(&self, team: &TeamId, player: &PlayerId) -> PlayerInfo {
        PlayerInfo {
            player_id: player.clone(),
            team_id: Some(team.clone()),
            name: None,
            role: self.session.roles.get(player).cloned(),
        }
    }
}

/// Words match if they are equal after trimming, ignoring case.
fn words_match(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn team_state(id: &TeamId, team: &TeamSession, words: &[String; 2]) -> TeamState {
    TeamState {
        team_id: id.clone(),
        active_players: team.players.clone(),
        eliminated_players: Vec::new(),
        score: team.score,
        matches: team.matches,
        total_guesses: team.total_guesses,
        words: words.to_vec(),
        average_guesses: None,
        remaining_guesses: None,
    }
}

/// Returns whole seconds; zero for a negative duration.
pub(crate) fn seconds(time: TimeDelta) -> u64 {
    u64::try_from(time.num_seconds()).unwrap_or(0)
}

fn millis(time: TimeDelta) -> u64 {
    u64::try_from(time.num_milliseconds()).unwrap_or(0)
}
