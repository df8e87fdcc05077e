//! [`GameStatistics`]: one game in figures, those of every game and those of its mode.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::GameMode;
use crate::game::GameStarted;
use crate::game_event::GameEvent;
use crate::guess::GuessProcessed;
use crate::id::TeamId;
use crate::statistics::average;

/// Matches that win a race which has no end, unless its `race_target` says otherwise.
const RACE_TARGET: u64 = 10;

/// One game in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GameStatistics {
    /// From the start to the end, or to the latest event, in seconds.
    pub duration_seconds: u64,
    /// Attempts with both words said.
    pub total_guesses: u32,
    /// Players of the start.
    pub player_count: usize,
    /// Teams of the start.
    pub team_count: usize,
    /// The highest round; 1 before the first.
    pub rounds: u32,
    /// What only this mode has.
    pub mode: ModeStatistics,
}

/// What only one mode has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeStatistics {
    /// Of `two_player`.
    TwoPlayer(TwoPlayerStatistics),
    /// Of `knockout`.
    Knockout(KnockoutStatistics),
    /// Of `race`.
    Race(RaceStatistics),
}

/// What only `two_player` has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoPlayerStatistics {
    /// Attempts that matched.
    pub successful_guesses: u32,
    /// Attempts that did not.
    pub failed_guesses: u32,
    /// Matches by team.
    pub team_scores: BTreeMap<TeamId, u32>,
    /// Who won; while it is played, the team with the most matches.
    pub winning_team: Option<TeamId>,
    /// How long an attempt took, in milliseconds.
    pub average_guess_time: Option<f64>,
}

/// What only `knockout` has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnockoutStatistics {
    /// Rounds that ended, and the one after them.
    pub rounds: u32,
    /// Who went in which round, in the order they went.
    pub eliminations: BTreeMap<u32, Vec<TeamId>>,
    /// By team.
    pub team_stats: BTreeMap<TeamId, KnockoutTeam>,
    /// Who won; while it is played, the only team that is left.
    pub winning_team: Option<TeamId>,
}

/// A team of a knockout game.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct KnockoutTeam {
    /// The round it went in.
    pub eliminated_in_round: Option<u32>,
    /// Its attempts.
    pub total_guesses: u32,
    /// Those that matched.
    pub successful_guesses: u32,
}

/// What only `race` has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RaceStatistics {
    /// Matches by team.
    pub team_progress: BTreeMap<TeamId, u32>,
    /// Matches a minute by team; the first minute counts as a whole one.
    pub team_speeds: BTreeMap<TeamId, f64>,
    /// Who won; while it is played, the team that reached the target first.
    pub winning_team: Option<TeamId>,
    /// From the start to the end, in seconds; none while it is played.
    pub match_completion_time: Option<u64>,
}

/// Events without the start of a game: there is nothing to count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoGameStarted;

impl NoGameStarted {
    /// The seed's atom: `stats_calculation_error`.
    pub const fn code(&self) -> &'static str {
        "stats_calculation_error"
    }
}

impl std::fmt::Display for NoGameStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the events have no `game_started`; statistics need the game from its start")
    }
}

impl std::error::Error for NoGameStarted {}

impl GameStatistics {
    /// The figures of one game, from its events in their order.
    ///
    /// # Errors
    /// [`NoGameStarted`].
    pub fn of<'a>(events: impl IntoIterator<Item = &'a GameEvent>) -> Result<Self, NoGameStarted> {
        let mut game: Option<Game<'_>> = None;
        for event in events {
            match (&mut game, event) {
                (None, GameEvent::Started(start)) => game = Some(Game::new(start)),
                (None, _) => {}
                (Some(game), event) => game.take(event),
            }
        }
        game.map(Game::figures).ok_or(NoGameStarted)
    }
}

/// A game while it is counted.
struct Game<'a> {
    start: &'a GameStarted,
    last_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    winners: Option<&'a [TeamId]>,
    rounds: u32,
    rounds_ended: u32,
    guesses: Vec<&'a GuessProcessed>,
    eliminations: Vec<(u32, &'a TeamId)>,
}

impl<'a> Game<'a> {
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

    fn take(&mut self, event: &'a GameEvent) {
        let base = event.base();
        self.last_at = self.last_at.max(base.timestamp);
        self.rounds = self.rounds.max(base.round_number);
        match event {
            GameEvent::GuessProcessed(guess) => self.guesses.push(guess),
            GameEvent::TeamEliminated(out) => {
                self.eliminations.push((base.round_number, &out.team_id));
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

    fn figures(self) -> GameStatistics {
        let mode = match self.start.base.mode {
            GameMode::TwoPlayer => ModeStatistics::TwoPlayer(self.two_player()),
            GameMode::Knockout => ModeStatistics::Knockout(self.knockout()),
            GameMode::Race => ModeStatistics::Race(self.race()),
        };
        GameStatistics {
            duration_seconds: self.seconds(),
            total_guesses: count(self.guesses.len()),
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

    /// A number for each team of the start, from the attempts that match, or all.
    fn by_team(&self, counts: impl Fn(&GuessProcessed) -> bool) -> BTreeMap<TeamId, u32> {
        let mut teams: BTreeMap<_, _> =
            self.start.teams.keys().map(|team| (team.clone(), 0_u32)).collect();
        for guess in self.guesses.iter().filter(|guess| counts(guess)) {
            let count = teams.entry(guess.team_id.clone()).or_default();
            *count = count.saturating_add(1);
        }
        teams
    }

    /// The winner as the end of the game says; without an end, whom `otherwise` names.
    fn winner(&self, otherwise: impl FnOnce() -> Option<TeamId>) -> Option<TeamId> {
        match self.winners {
            Some(winners) => winners.first().cloned(),
            None => otherwise(),
        }
    }

    fn two_player(&self) -> TwoPlayerStatistics {
        let team_scores = self.by_team(|guess| guess.guess_successful);
        let successful = self.guesses.iter().filter(|guess| guess.guess_successful).count();
        let time = self.guesses.iter().fold(0_u64, |sum, it| sum.saturating_add(it.guess_duration));
        let best = || {
            let best = team_scores.iter().filter(|(_, score)| **score > 0);
            best.max_by_key(|(_, score)| **score).map(|(team, _)| team.clone())
        };
        TwoPlayerStatistics {
            successful_guesses: count(successful),
            failed_guesses: count(self.guesses.len() - successful),
            winning_team: self.winner(best),
            average_guess_time: average(time, self.guesses.len() as u64),
            team_scores,
        }
    }

    fn knockout(&self) -> KnockoutStatistics {
        let matched = self.by_team(|guess| guess.guess_successful);
        let mut team_stats: BTreeMap<TeamId, KnockoutTeam> = self
            .by_team(|_| true)
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
        let left = || {
            let mut left = team_stats.iter().filter(|(_, team)| team.eliminated_in_round.is_none());
            match (left.next(), left.next()) {
                (Some((team, _)), None) => Some(team.clone()),
                _ => None,
            }
        };
        KnockoutStatistics {
            rounds: self.rounds_ended.saturating_add(1),
            winning_team: self.winner(left),
            eliminations,
            team_stats,
        }
    }

    fn race(&self) -> RaceStatistics {
        let team_progress = self.by_team(|guess| guess.guess_successful);
        // A minute at least.
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
    config.get("race_target").and_then(Value::as_u64).filter(|n| *n > 0).unwrap_or(RACE_TARGET)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
