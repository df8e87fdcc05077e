//! GameBot without Discord: plays transcripts of games on an event store, shows games recovered from it, simulates
//! random ones.
//!
//! The rules are pure: [`decide`] takes a [`Table`] and a [`Line`] and gives events. Everything that reads a file or
//! a store is around it.

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
pub use crate::transcript::{Action, Line, Start};
pub use crate::watch::{Watch, watch};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
