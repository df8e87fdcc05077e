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
//! - [`run`] parses the command line.

mod board;
mod cli;
mod copy;
mod decide;
mod failure;
mod game_state;
mod play;
mod show;
mod simulate;
mod stats;
mod store;
mod terminal;
mod transcript;
mod watch;

pub use crate::cli::run;
pub use crate::copy::copy;
pub use crate::decide::{Refused, decide};
pub use crate::failure::Failure;
pub use crate::game_state::{GameState, PendingWord};
pub use crate::play::{Output, Played, play};
pub use crate::show::{Show, show};
pub use crate::simulate::{Tally, simulate};
pub use crate::stats::{Stats, stats};
pub use crate::terminal::Terminal;
pub use crate::transcript::{Action, Line, Start};
pub use crate::watch::{Watch, watch};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod workspace_readme {}
