//! Read models of games: [`GameStatistics`] of one game, [`Leaderboard`] and [`PlayerStatistics`] of many.
//!
//! All are pure folds over [`GameEvent`](crate::GameEvent). They accept any stored sequence of events: a game without a
//! start or an end is counted as far as its events allow.

mod accumulator;
mod game;
mod leaderboard;
mod player;
mod roster;

pub use self::game::{
    GameStatistics, KnockoutStatistics, KnockoutTeam, ModeStatistics, NoGameStarted,
    RaceStatistics, TwoPlayerStatistics,
};
pub use self::leaderboard::{Leaderboard, Rank, Standing};
pub use self::player::{PlayerRecord, PlayerStatistics};

/// Returns `sum / count`; none if `count` is zero.
#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds, far below 2^52")]
fn average(sum: u64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64)
}
