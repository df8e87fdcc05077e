//! Plays transcripts of GameBot games on an event store, and shows, follows, counts, simulates and copies the games. The
//! crate is the `gamebot` program as functions, and the worked example of an application on `event-core`.
//!
//! # Play and recover
//!
//! ```
//! use std::path::Path;
//!
//! use event_core::{EventStore, Scope, Tenant};
//! use game_events::{SessionStatus, TeamId, recover_session};
//! use gamebot::{Output, play};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = EventStore::in_memory()?;
//! let mut output = Vec::new();
//! let played = play(&store, Path::new("games/two_player.jsonl"), Output::Text, &mut output).await?;
//! assert_eq!(played.stored, 11);
//! assert!(String::from_utf8(output)?.ends_with("red wins\n"));
//!
//! // The game is stored in the tenant of its guild; its session can be recovered from the events.
//! let guild = store.with_scope(Scope::tenant(Tenant::new("98")?));
//! let recovered = recover_session(&guild, &played.session.game_id).await?;
//! assert_eq!(recovered.state, played.session);
//! assert_eq!(recovered.state.status, SessionStatus::Completed);
//! assert_eq!(recovered.state.winners, [TeamId::from("red")]);
//! # Ok(()) }
//! ```
//!
//! # Contents
//!
//! - [`decide`] holds the rules: a pure function from a [`GameState`] and a [`Line`] of a transcript to events.
//! - [`play`], [`show`], [`watch`], [`stats`], [`simulate`] and [`copy`] are the commands. They use the store only through
//!   [`EventStore`](event_core::EventStore) and return a [`Failure`] with the exit code.
//! - [`hot_seat`] plays a game of two people at one terminal.
//! - The commands of `event-cli` are commands of the program, too; `gamebot store` has those whose names the games need.
//! - [`run`] parses the command line.

mod board;
mod cli;
mod copy;
mod decide;
mod failure;
mod game_state;
mod hot_seat;
mod play;
mod show;
mod simulate;
mod stats;
mod store;
mod tool;
mod transcript;
mod watch;

pub use crate::cli::run;
pub use crate::copy::copy;
pub use crate::decide::{Refused, decide};
pub use crate::failure::Failure;
pub use crate::game_state::{GameState, PendingWord};
pub use crate::hot_seat::{HotSeat, hot_seat};
pub use crate::play::{Output, Played, play};
pub use crate::show::{Show, show};
pub use crate::simulate::{Tally, simulate};
pub use crate::stats::{Stats, stats};
pub use crate::transcript::{Action, Line, Start};
pub use crate::watch::{Watch, watch};
pub use event_cli::Terminal;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod workspace_readme {}
