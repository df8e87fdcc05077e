//! [`GameStatistics`]: the statistics of one game, common ones and those of its mode.
//!
//! `accumulator` computes them from the game's events.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::id::TeamId;

/// The statistics of one game.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GameStatistics {
    /// Seconds from the start of the game to its end, or to the latest event of a game in progress.
    pub duration_seconds: u64,
    /// Number of attempts in which both players submitted a word.
    pub total_guesses: u32,
    /// Number of players in `game_started`.
    pub player_count: usize,
    /// Number of teams in `game_started`.
    pub team_count: usize,
    /// Highest round number; 1 before the first round.
    pub rounds: u32,
    /// Statistics of the game's mode.
    pub mode: ModeStatistics,
}

/// The statistics of one mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeStatistics {
    /// Statistics of a `two_player` game.
    TwoPlayer(TwoPlayerStatistics),
    /// Statistics of a `knockout` game.
    Knockout(KnockoutStatistics),
    /// Statistics of a `race` game.
    Race(RaceStatistics),
}

/// Statistics of a `two_player` game.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoPlayerStatistics {
    /// Number of attempts that matched.
    pub successful_guesses: u32,
    /// Number of attempts that did not match.
    pub failed_guesses: u32,
    /// Number of matches of each team.
    pub team_scores: BTreeMap<TeamId, u32>,
    /// The winner; in a game in progress, the team with the most matches.
    pub winning_team: Option<TeamId>,
    /// Average milliseconds of an attempt; none without an attempt.
    pub average_guess_time: Option<f64>,
}

/// Statistics of a `knockout` game.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnockoutStatistics {
    /// Number of completed rounds plus one.
    pub rounds: u32,
    /// Teams eliminated in each round, in the order of their elimination.
    pub eliminations: BTreeMap<u32, Vec<TeamId>>,
    /// Statistics of each team.
    pub team_stats: BTreeMap<TeamId, KnockoutTeam>,
    /// The winner; in a game in progress, the only team that is left.
    pub winning_team: Option<TeamId>,
}

/// Statistics of a team in a knockout game.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct KnockoutTeam {
    /// Round of the elimination; none if the team was not eliminated.
    pub eliminated_in_round: Option<u32>,
    /// Number of attempts in which both players submitted a word.
    pub total_guesses: u32,
    /// Number of those attempts that matched.
    pub successful_guesses: u32,
}

/// Statistics of a `race` game.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RaceStatistics {
    /// Number of matches of each team.
    pub team_progress: BTreeMap<TeamId, u32>,
    /// Matches per minute of each team; a duration below one minute is counted as one minute.
    pub team_speeds: BTreeMap<TeamId, f64>,
    /// The winner; in a game in progress, the first team to reach the config's `race_target` (10 by default).
    pub winning_team: Option<TeamId>,
    /// Seconds from the start of the game to its end; none for a game in progress.
    pub match_completion_time: Option<u64>,
}

/// The events contain no `game_started`, without which statistics cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoGameStarted;

impl NoGameStarted {
    /// Returns the stable error code `stats_calculation_error`.
    pub const fn code(&self) -> &'static str {
        "stats_calculation_error"
    }
}

impl std::fmt::Display for NoGameStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("could not compute statistics: the events contain no `game_started`")
    }
}

impl std::error::Error for NoGameStarted {}
