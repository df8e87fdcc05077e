//! The command line: what is asked for, and the exit code it ends with.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use event_core::EventStore;

use crate::copy::copy;
use crate::failure::Failure;
use crate::place::{Use, open};
use crate::play::{Output, play};
use crate::show::{Show, show};
use crate::simulate::simulate;
use crate::stats::{Stats, stats};
use crate::watch::{Watch, watch};

/// Plays, shows and simulates games of GameBot on an event store.
#[derive(Debug, Parser)]
#[command(name = "gamebot", version, about)]
struct Cli {
    /// Where events are stored: `sqlite:path`, `postgres://user@host/database` or `memory:`, which is gone with the
    /// process. Without it games are stored in `./gamebot.db`, and those of `simulate` in memory.
    #[arg(long, global = true, value_name = "URL", env = "GAMEBOT_STORE", hide_env_values = true)]
    store: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a transcript: decides each line, stores its events, prints the game and the final board.
    Play {
        /// The transcript, one JSON object a line.
        file: PathBuf,
        /// Prints only the final board, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Recovers a game from the store and prints it.
    Show {
        /// The game's id.
        game: String,
        /// The guild; without it all guilds are searched.
        #[arg(long)]
        guild: Option<String>,
        /// Lists the events: version, position, type, time.
        #[arg(long, conflicts_with = "json")]
        events: bool,
        /// Shows the state at this version.
        #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
        at: Option<u64>,
        /// Prints the board as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows a game as it is played, until it is over.
    Watch {
        /// The game's id.
        game: String,
        /// The guild; with it, a game that has not begun is waited for.
        #[arg(long)]
        guild: Option<String>,
    },
    /// Prints the leaderboard and what each player did, or one game in figures.
    Stats {
        /// One game instead of all.
        game: Option<String>,
        /// Only what is played in this guild.
        #[arg(long)]
        guild: Option<String>,
        /// Lines of the leaderboard at most.
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copies everything into another store: ids, times, versions, order and states are kept. Copying again goes on.
    Copy {
        /// The store to copy; the one that the other commands use, unless told otherwise.
        #[arg(long, value_name = "URL")]
        from: Option<String>,
        /// The store to copy into: an empty one, or one that holds an earlier part of the same.
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Plays random games of all modes and reports games, events, events per second and conflicts.
    Simulate {
        /// How many games.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        games: u64,
        /// What fixes the games that are played.
        #[arg(long, value_name = "S")]
        seed: u64,
    },
}

/// Runs the command that the arguments name; the first of them is the program.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let failure = match Cli::try_parse_from(arguments) {
        Ok(cli) => execute(cli, &mut out).await.err(),
        // Help and version come as errors too, and are none.
        Err(asked) if !asked.use_stderr() => {
            return if asked.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Err(usage) => Some(Failure::usage(usage.to_string().trim_end())),
    };
    let _ = out.flush();
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            let prefix = if failure.code == 64 { "" } else { "gamebot: " };
            let _ = writeln!(std::io::stderr(), "{prefix}{failure}");
            ExitCode::from(failure.code)
        }
    }
}

async fn execute(cli: Cli, out: &mut impl Write) -> Result<(), Failure> {
    let purpose = match &cli.command {
        // What is waited for may be the first game of all.
        Command::Play { .. } | Command::Watch { guild: Some(_), .. } => Use::Writes,
        Command::Show { .. }
        | Command::Stats { .. }
        | Command::Watch { .. }
        | Command::Copy { .. } => Use::Reads,
        Command::Simulate { .. } => Use::Throws,
    };
    let from = match &cli.command {
        Command::Copy { from, .. } => from.as_ref(),
        _ => None,
    };
    let store = open(from.or(cli.store.as_ref()).map(String::as_str), purpose).await?;
    let done = match cli.command {
        Command::Play { file, json } => {
            let output = if json { Output::Json } else { Output::Story };
            play(&store, &file, output, out).await.map(drop)
        }
        Command::Show { game, guild, events, at, json } => {
            show(&store, &Show { game, guild, events, at, json }, out).await
        }
        Command::Watch { game, guild } => {
            let is_terminal = std::io::stdout().is_terminal();
            watch(&store, &Watch { game, guild, is_terminal }, out).await
        }
        Command::Stats { game, guild, top, json } => {
            stats(&store, &Stats { game, guild, top, json }, out).await
        }
        Command::Copy { to, .. } => copy_into(&store, &to, out).await,
        Command::Simulate { games, seed } => simulate(&store, games, seed, out).await.map(drop),
    };
    store.close().await;
    done
}

async fn copy_into(store: &EventStore, url: &str, out: &mut impl Write) -> Result<(), Failure> {
    let to = open(Some(url), Use::Writes).await?;
    let copied = copy(store, &to, out).await;
    to.close().await;
    copied
}
