//! [`TeamSession`]: the state of one team within a game's session.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_core::Shape;
use serde::{Deserialize, Serialize};

use crate::id::PlayerId;
use crate::team::{EliminationReason, PlayerStats};

/// The state of one team.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Shape)]
pub struct TeamSession {
    /// Players of the team, in the order of `game_started`.
    pub players: Vec<PlayerId>,
    /// Points of the team.
    pub score: i64,
    /// Number of rounds the team matched.
    pub matches: u32,
    /// Number of completed attempts: matched, failed or abandoned.
    pub total_guesses: u32,
    /// Number of the team's latest round, 0 before the first.
    pub round: u32,
    /// True while the latest round is open for this team.
    pub round_open: bool,
    /// Start of the latest round.
    pub round_started_at: Option<DateTime<Utc>>,
    /// The word pair of the next attempt.
    pub words: Vec<String>,
    /// Number of attempts completed in the latest round.
    pub round_guesses: u32,
    /// True if the team matched in the latest round.
    pub matched: bool,
    /// Time of the team's last match.
    pub last_match_at: Option<DateTime<Utc>>,
    /// Reason of the elimination; none while the team is active.
    pub eliminated: Option<EliminationReason>,
    /// Round of the elimination; none while the team is active.
    pub eliminated_in_round: Option<u32>,
    /// Counters of each player. The averages are not maintained here: [`TeamSession::stats`] computes them.
    pub player_stats: BTreeMap<PlayerId, PlayerStats>,
}

impl TeamSession {
    /// Returns true until the team is eliminated.
    pub const fn is_active(&self) -> bool {
        self.eliminated.is_none()
    }

    /// Returns the attempts per match; 0.0 without a match.
    pub fn average_guesses(&self) -> f64 {
        average(self.total_guesses, self.matches)
    }

    /// Returns the statistics of each player, averages included.
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
