//! The events of GameBot, a word-matching game, as versioned event types on `event-core`, and the state and statistics
//! folded from them. The crate knows no storage backend: the application chooses one when it connects its `EventStore`.
//!
//! A team of two players gets a pair of words; both submit one word, and the attempt is a match if the words agree.
//! Each game is one stream, `game-<game_id>`, in the tenant of its guild.
//!
//! # Append and recover
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use event_core::{EventStore, ExpectedVersion, Scope, Tenant};
//! use game_events::{
//!     EventBase, GameEvent, GameMode, GameStarted, RoundStarted, TeamState, game_stream,
//!     recover_session,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> event_core::Result<()> {
//! let store = EventStore::in_memory()?.with_scope(Scope::tenant(Tenant::new("guild-98")?));
//! let base = EventBase {
//!     game_id: "g-1".into(),
//!     guild_id: "guild-98".into(),
//!     mode: GameMode::TwoPlayer,
//!     round_number: 1,
//!     timestamp: chrono::DateTime::UNIX_EPOCH,
//!     metadata: ["source_id", "correlation_id"].map(|key| (key.into(), "g-1".into())).into_iter().collect(),
//! };
//! let started = GameStarted {
//!     base: base.clone(),
//!     teams: BTreeMap::from([("red".into(), vec!["ann".into(), "bob".into()])]),
//!     team_ids: vec!["red".into()],
//!     player_ids: vec!["ann".into(), "bob".into()],
//!     roles: BTreeMap::new(),
//!     config: serde_json::Map::new(),
//!     started_at: base.timestamp,
//! };
//! let words = vec!["sun".to_owned(), "sea".to_owned()];
//! let state = TeamState { team_id: "red".into(), words, ..TeamState::default() };
//! let round = RoundStarted { base, team_states: BTreeMap::from([("red".into(), state)]) };
//!
//! let game_id = started.base.game_id.clone();
//! let events = [GameEvent::from(started), GameEvent::from(round)];
//! store.append(&game_stream(&game_id)?, ExpectedVersion::NoStream, events).await?;
//!
//! let recovered = recover_session(&store, &game_id).await?;
//! assert_eq!(recovered.version.get(), 2);
//! assert!(recovered.state.teams["red"].round_open);
//! assert_eq!(recovered.state.teams["red"].words, ["sun", "sea"]);
//! # Ok(()) }
//! ```
//!
//! # Contents
//!
//! | Event type | Version | Struct |
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
//! - [`GameEvent`] is the closed set of these events, [`EventBase`] holds the fields that all of them have.
//! - [`GameSession`] is the aggregate of one game; [`recover_session`] rebuilds it, [`GameSession::may_follow`] checks the
//!   next event.
//! - [`statistics`] holds the read models: statistics of a game, a leaderboard, counters of each player.
//! - [`topics`] routes events to the listeners of a broadcast.
//! - `testing` (feature of the same name) generates random valid events and holds a stored payload of every version.

mod base;
mod game;
mod game_event;
mod game_stream;
mod guess;
mod id;
mod race;
mod round;
mod session;
pub mod statistics;
mod team;
#[cfg(feature = "testing")]
pub mod testing;

pub use crate::base::{EventBase, GameMode};
pub use crate::game::{GameCompleted, GameStarted, TeamScore};
pub use crate::game_event::GameEvent;
pub use crate::game_stream::{game_stream, recover_session, topics};
pub use crate::guess::{AbandonReason, GuessAbandoned, GuessProcessed, LastGuess, PlayerInfo};
pub use crate::id::{GameId, GuildId, PlayerId, TeamId};
pub use crate::race::{RaceModeTimeExpired, RaceResult};
pub use crate::round::{
    AdvancingTeam, EliminatedTeam, KnockoutRoundCompleted, RoundStarted, TeamState,
};
pub use crate::session::{GameSession, SessionStatus, TeamSession};
pub use crate::team::{EliminationReason, PlayerStats, TeamEliminated, TeamInfo};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
