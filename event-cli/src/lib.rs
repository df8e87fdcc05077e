//! The command line of an event store, as a library: any program that links its event crates becomes the tool of its operators.
//!
//! ```no_run
//! // use my_events as _; // a crate that is only in Cargo.toml is not linked
//!
//! fn main() -> std::process::ExitCode {
//!     event_cli::run()
//! }
//! ```
//!
//! The store is that of `--store URL` or of `EVENT_STORE`. `docs/cli.md` of the repository shows the commands, and has the table of
//! exit codes ([`Exit`]).
//!
//! # In a program with commands of its own
//!
//! [`Command`] is a `clap::Subcommand`: flatten it into the program's own, and run what was parsed on a [`Host`].
//!
//! ```
//! use clap::{CommandFactory as _, Parser};
//!
//! #[derive(Parser)]
//! #[command(name = "shop")]
//! struct Shop {
//!     #[arg(long, env = "SHOP_STORE")]
//!     store: Option<String>,
//!     #[command(subcommand)]
//!     command: ShopCommand,
//! }
//!
//! #[derive(clap::Subcommand)]
//! enum ShopCommand {
//!     /// Opens the shop.
//!     Open,
//!     #[command(flatten)]
//!     Events(event_cli::Command),
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let shop = Shop::parse_from(["shop", "--store", "memory:", "streams"]);
//! if let ShopCommand::Events(command) = shop.command {
//!     let host = event_cli::Host::new(Shop::command()).store(shop.store);
//!     command.run(host).await.unwrap();
//! }
//! # }
//! ```
//!
//! # Features
//!
//! All are on by default: `postgres` and `sqlite` link the backends, `browse` is the view on the terminal, `console` the command
//! `serve`.

mod ask;
#[cfg(feature = "browse")]
mod browse;
mod cli;
mod command;
mod failure;
mod follow;
mod host;
mod input;
mod interrupt;
mod lines;
mod moment;
mod output;
mod progress;
mod rows;
mod session;
mod terminal;

#[cfg(feature = "postgres")]
use event_postgres as _;
#[cfg(feature = "sqlite")]
use event_sqlite as _;

pub use crate::cli::{run, run_from, run_with};
pub use crate::command::Command;
pub use crate::failure::{Exit, Failure};
pub use crate::host::Host;
pub use crate::terminal::{Screen, Terminal, Unread};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
