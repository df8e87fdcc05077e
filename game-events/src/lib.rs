//! The events of GameBot, a game in which two team mates try to say the same word, and the session folded from them.
//!
//! It knows the event framework and no backend: what a game is stored in is the application's business.
//!
//! | Event type | Version | Rust |
//! |---|---|---|
//! | `game_started` | 1 | [`GameStarted`] |
//! | `round_started` | 1 | [`RoundStarted`] |
//! | `guess_processed` | 1 | [`GuessProcessed`] |
//! | `guess_abandoned` | 1 | [`GuessAbandoned`] |
//! | `team_eliminated` | 1 | [`TeamEliminated`] |
//! | `game_completed` | 1 | [`GameCompleted`] |
//! | `knockout_round_completed` | 1 | [`KnockoutRoundCompleted`] |
//! | `race_mode_time_expired` | 1 | [`RaceModeTimeExpired`] |
//!
//! All of them together are [`GameEvent`], a closed set; folded in order they are a [`GameSession`]. What many games make
//! together is in [`statistics`].

mod base;
mod game;
mod game_event;
mod guess;
mod id;
mod race;
mod recover;
mod round;
mod session;
pub mod statistics;
mod team;
#[cfg(feature = "testing")]
pub mod testing;

pub use crate::base::{EventBase, GameMode};
pub use crate::game::{GameCompleted, GameStarted, TeamScore};
pub use crate::game_event::GameEvent;
pub use crate::guess::{AbandonReason, GuessAbandoned, GuessProcessed, LastGuess, PlayerInfo};
pub use crate::id::{GameId, GuildId, PlayerId, TeamId};
pub use crate::race::{RaceModeTimeExpired, RaceResult};
pub use crate::recover::{game_stream, recover_session, topics};
pub use crate::round::{
    AdvancingTeam, EliminatedTeam, KnockoutRoundCompleted, RoundStarted, TeamState,
};
pub use crate::session::{GameSession, SessionStatus, TeamSession};
pub use crate::team::{EliminationReason, PlayerStats, TeamEliminated, TeamInfo};
