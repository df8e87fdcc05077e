//! Computes [`GameStatistics`] from the events of one game.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::base::GameMode;
use crate::game::GameStarted;
use crate::game_event::GameEvent;
use crate::guess::GuessProcessed;
use crate::id::TeamId;
use crate::statistics::average;
use crate::statistics::game::{
    GameStatistics, KnockoutStatistics, KnockoutTeam, ModeStatistics, NoGameStarted,
    RaceStatistics, TwoPlayerStatistics,
};

/// Number of matches that wins a race in progress without a `race_target` in its config.
const DEFAULT_RACE_TARGET: u64 = 10;

impl GameStatistics {
    /// Computes the statistics of one game from its events in order. Events before `game_started` are ignored.
    ///
    /// # Errors
    /// [`NoGameStarted`] if the events contain no `game_started`.
    pub fn from_events<'a>(
        events: impl IntoIterator<Item = &'a GameEvent>,
    ) -> Result<Self, NoGameStarted> {
        let mut game: Option<Accumulator<'_>> = None;
        for event in events {
            match (&mut game, event) {
                (None, GameEvent::Started(start)) => game = Some(Accumulator::new(start)),
                (None, _) => {}
                (Some(game), event) => game.add(event),
            }
        }
        game.map(Accumulator::finish).ok_or(NoGameStarted)
    }
}

/// What the statistics of a game need from the events added so far.
struct Accumulator<'a> {
    start: &'a GameStarted,
    last_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    winners: Option<&'a [TeamId]>,
    rounds: u32,
    rounds_ended: u32,
    guesses: Vec<&'a GuessProcessed>,
    eliminations: Vec<(u32, &'a TeamId)>,
}

impl<'a> Accumulator<'a> {
    fn new(start: &'a GameStarted) -> Self {
        Self {
            start,
            last_at: start.started_at,
            ended_at: None,
            winners: None,
            rounds: 1,
            rounds_ended: 0,
            guesses: Vec::new(),
            eliminations: Vec::new(),
        }
    }

    fn add(&mut self, event: &'a GameEvent) {
        let base = event.base();
        self.last_at = self.last_at.max(base.timestamp);
        self.rounds = self.rounds.max(base.round_number);
        match event {
            GameEvent::GuessProcessed(guess) => self.guesses.push(guess),
            GameEvent::TeamEliminated(elimination) => {
                self.eliminations.push((base.round_number, &elimination.team_id));
            }
            GameEvent::KnockoutRoundCompleted(_) => {
                self.rounds_ended = self.rounds_ended.saturating_add(1);
            }
            GameEvent::Completed(end) => {
                self.ended_at = Some(end.finished_at);
                self.winners = Some(&end.winners);
            }
            GameEvent::Started(_)
            | GameEvent::RoundStarted(_)
            | GameEvent::GuessAbandoned(_)
            | GameEvent::RaceModeTimeExpired(_) => {}
        }
    }

    fn finish(self) -> GameStatistics {
        let mode = match self.start.base.mode {
            GameMode::TwoPlayer => ModeStatistics::TwoPlayer(self.two_player()),
            GameMode::Knockout => ModeStatistics::Knockout(self.knockout()),
            GameMode::Race => ModeStatistics::Race(self.race()),
        };
        GameStatistics {
            duration_seconds: self.seconds(),
            total_guesses: saturated(self.guesses.len()),
            player_count: self.start.player_ids.len(),
            team_count: self.start.teams.len(),
            rounds: self.rounds,
            mode,
        }
    }

    fn seconds(&self) -> u64 {
        let until = self.ended_at.unwrap_or(self.last_at);
        u64::try_from((until - self.start.started_at).num_seconds()).unwrap_or(0)
    }

    /// Counts the attempts of each team for which `counts` returns true; teams without one have 0.
    fn attempts_by_team(&self, counts: impl Fn(&GuessProcessed) -> bool) -> BTreeMap<TeamId, u32> {
        let mut teams: BTreeMap<_, _> =
            self.start.teams.keys().map(|team| (team.clone(), 0_u32)).collect();
        for guess in self.guesses.iter().filter(|guess| counts(guess)) {
            let count = teams.entry(guess.team_id.clone()).or_default();
            *count = count.saturating_add(1);
        }
        teams
    }

    /// Returns the first winner in `game_completed`, or the `leader` of a game in progress.
    fn winner(&self, leader: impl FnOnce() -> Option<TeamId>) -> Option<TeamId> {
        match self.winners {
            Some(winners) => winners.first().cloned(),
            None => leader(),
        }
    }

    fn two_player(&self) -> TwoPlayerStatistics {
        let team_scores = self.attempts_by_team(|guess| guess.guess_successful);
        let successful = self.guesses.iter().filter(|guess| guess.guess_successful).count();
        let time =
            self.guesses.iter().fold(0_u64, |sum, guess| sum.saturating_add(guess.guess_duration));
        let leader = || {
            let scored = team_scores.iter().filter(|(_, score)| **score > 0);
            scored.max_by_key(|(_, score)| **score).map(|(team, _)| team.clone())
        };
        TwoPlayerStatistics {
            successful_guesses: saturated(successful),
            failed_guesses: saturated(self.guesses.len() - successful),
            winning_team: self.winner(leader),
            average_guess_time: average(time, self.guesses.len() as u64),
            team_scores,
        }
    }

    fn knockout(&self) -> KnockoutStatistics {
        let matched = self.attempts_by_team(|guess| guess.guess_successful);
        let mut team_stats: BTreeMap<TeamId, KnockoutTeam> = self
            .attempts_by_team(|_| true)
            .into_iter()
            .map(|(team, total_guesses)| {
                let successful_guesses = matched.get(&team).copied().unwrap_or(0);
                let stats =
                    KnockoutTeam { total_guesses, successful_guesses, eliminated_in_round: None };
                (team, stats)
            })
            .collect();
        let mut eliminations: BTreeMap<u32, Vec<TeamId>> = BTreeMap::new();
        for (round, team) in &self.eliminations {
            eliminations.entry(*round).or_default().push((*team).clone());
            let stats = team_stats.entry((*team).clone()).or_default();
            stats.eliminated_in_round.get_or_insert(*round);
        }
        let last_team = || {
            let mut remaining =
                team_stats.iter().filter(|(_, team)| team.eliminated_in_round.is_none());
            match (remaining.next(), remaining.next()) {
                (Some((team, _)), None) => Some(team.clone()),
                _ => None,
            }
        };
        KnockoutStatistics {
            rounds: self.rounds_ended.saturating_add(1),
            winning_team: self.winner(last_team),
            eliminations,
            team_stats,
        }
    }

    fn race(&self) -> RaceStatistics {
        let team_progress = self.attempts_by_team(|guess| guess.guess_successful);
        // In the first seconds of a race the rate would be meaningless.
        let seconds = self.seconds().max(60);
        let speed = |matches: u32| average(u64::from(matches) * 60, seconds).unwrap_or(0.0);
        RaceStatistics {
            team_speeds: team_progress.iter().map(|(id, n)| (id.clone(), speed(*n))).collect(),
            winning_team: self.winner(|| self.first_at_target()),
            match_completion_time: self.ended_at.map(|_| self.seconds()),
            team_progress,
        }
    }

    fn first_at_target(&self) -> Option<TeamId> {
        let target = race_target(&self.start.config);
        let mut matches: BTreeMap<&TeamId, u64> = BTreeMap::new();
        for guess in self.guesses.iter().filter(|guess| guess.guess_successful) {
            let reached = matches.entry(&guess.team_id).or_default();
            *reached += 1;
            if *reached >= target {
                return Some(guess.team_id.clone());
            }
        }
        None
    }
}

fn race_target(config: &Map<String, Value>) -> u64 {
    config
        .get("race_target")
        .and_then(Value::as_u64)
        .filter(|n| *n > 0)
        .unwrap_or(DEFAULT_RACE_TARGET)
}

fn saturated(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
