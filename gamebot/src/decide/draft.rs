//! [`Draft`]: the events of one line while they are decided, and the session as they change it.

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
use crate::table::Pending;
use crate::transcript::Line;

pub(crate) struct Draft<'a> {
    /// The session after the events so far.
    pub(crate) session: GameSession,
    pub(crate) events: Vec<GameEvent>,
    pub(crate) settings: Settings,
    line: &'a Line,
    mode: GameMode,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(session: &GameSession, line: &'a Line, settings: Settings) -> Self {
        let mode = session.mode.unwrap_or(GameMode::TwoPlayer);
        Self { session: session.clone(), events: Vec::new(), settings, line, mode }
    }

    pub(crate) fn emit(&mut self, event: impl Into<GameEvent>) {
        let event = event.into();
        self.session.apply(event.clone());
        self.events.push(event);
    }

    /// The time of the line.
    pub(crate) const fn now(&self) -> DateTime<Utc> {
        self.line.at
    }

    /// Base fields for an event of a round.
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

    /// A round for exactly the active teams, when none is open.
    pub(crate) fn round_for_all(
        &mut self,
        words: &BTreeMap<TeamId, [String; 2]>,
    ) -> Result<(), Refused> {
        if self.session.any_round_open() {
            return Err(format!("round {} is still open", self.session.round_number));
        }
        let active: Vec<&TeamId> = self.session.active_teams().map(|(team, _)| team).collect();
        if let Some(team) = words.keys().find(|team| !active.contains(team)) {
            return Err(format!("`words` names `{team}`, which is no active team"));
        }
        if let Some(team) = active.iter().find(|team| !words.contains_key(**team)) {
            return Err(format!("`words` must name every active team, `{team}` is missing"));
        }
        self.start_round(self.session.round_number + 1, words.iter());
        Ok(())
    }

    /// A round for the teams that are named; all of them are in the game.
    pub(crate) fn start_round<'w>(
        &mut self,
        round: u32,
        words: impl Iterator<Item = (&'w TeamId, &'w [String; 2])>,
    ) {
        let team_states = words
            .filter_map(|(id, words)| {
                let team = self.session.teams.get(id)?;
                Some((id.clone(), state(id, team, words)))
            })
            .collect();
        self.emit(RoundStarted { base: self.base(round), team_states });
    }

    /// A word; true when it completes an attempt, false when its partner is still to come.
    pub(crate) fn guess(
        &mut self,
        id: &TeamId,
        player: &PlayerId,
        word: &str,
        pending: Option<&Pending>,
    ) -> Result<bool, Refused> {
        let team = self.in_round(id, player)?;
        if word.trim().is_empty() {
            return Err("`word` must not be empty".into());
        }
        let Some(first) = pending else { return Ok(false) };
        if first.player == *player {
            return Err(format!(
                "player `{player}` has said a word already; the partner's is missing"
            ));
        }
        let matched = agree(&first.word, word);
        let started = team.round_started_at.unwrap_or(self.line.at);
        let (guess_count, total_guesses) = (team.round_guesses + 1, team.total_guesses + 1);
        let event = GuessProcessed {
            base: self.base(team.round),
            team_id: id.clone(),
            player1_info: self.info(id, &first.player),
            player2_info: self.info(id, player),
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

    /// An attempt given up, with or without a word pending.
    pub(crate) fn abandon(
        &mut self,
        id: &TeamId,
        player: &PlayerId,
        reason: AbandonReason,
        pending: Option<&Pending>,
    ) -> Result<(), Refused> {
        let team = self.in_round(id, player)?;
        let [first, second] = team.players.as_slice() else {
            return Err(format!("team `{id}` is no team of two"));
        };
        let started = team.round_started_at.unwrap_or(self.line.at);
        let (guess_count, total_guesses) = (team.round_guesses + 1, team.total_guesses + 1);
        let event = GuessAbandoned {
            base: self.base(team.round),
            team_id: id.clone(),
            player1_info: self.info(id, first),
            player2_info: self.info(id, second),
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

    /// The end of the game, at a moment that is not after the line.
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

    /// The team, if its round is open and the player plays in it.
    fn in_round(&self, id: &TeamId, player: &PlayerId) -> Result<&TeamSession, Refused> {
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

    fn info(&self, team: &TeamId, player: &PlayerId) -> PlayerInfo {
        PlayerInfo {
            player_id: player.clone(),
            team_id: Some(team.clone()),
            name: None,
            role: self.session.roles.get(player).cloned(),
        }
    }
}

/// Words agree when they are equal after trimming, upper and lower case alike.
fn agree(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn state(id: &TeamId, team: &TeamSession, words: &[String; 2]) -> TeamState {
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

/// Whole seconds; times of a game do not run back.
pub(crate) fn seconds(time: TimeDelta) -> u64 {
    u64::try_from(time.num_seconds()).unwrap_or(0)
}

fn millis(time: TimeDelta) -> u64 {
    u64::try_from(time.num_milliseconds()).unwrap_or(0)
}
