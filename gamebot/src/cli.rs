//! The command line: parses the arguments, runs the command and returns its exit code.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use event_cli::{Host, Terminal, Unread};
use event_core::EventStore;
use game_events::GameMode;

use crate::copy::copy;
use crate::failure::Failure;
use crate::hot_seat::{HotSeat, hot_seat, is_terminal};
use crate::play::{Output, play};
use crate::show::{Show, show};
use crate::simulate::simulate;
use crate::stats::{Stats, stats};
use crate::store::{Access, DEFAULT_URL, open};
use crate::tool::Tool;
use crate::watch::{Watch, watch};

/// Plays, shows and simulates games of GameBot on an event store.
#[derive(Debug, Parser)]
#[command(name = "gamebot", version, about)]
struct Cli {
    /// The event store: `sqlite:path`, `postgres://user@host/database`, or `memory:`, which is lost when the process ends.
    /// The default is the file `./gamebot.db`; for `simulate` it is `memory:`.
    #[arg(long, global = true, value_name = "URL", env = "GAMEBOT_STORE", hide_env_values = true)]
    store: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a transcript: decides the events of each line, stores and prints them, then prints the final board.
    Play {
        /// The transcript, one JSON object per line.
        file: PathBuf,
        /// Prints only the final board, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Plays a new game of two people at this terminal, who take turns.
    New {
        /// The mode; one terminal is for `two_player`.
        #[arg(long)]
        mode: Mode,
        /// Id of the game; random without one.
        #[arg(long)]
        game: Option<String>,
        /// Guild of the game.
        #[arg(long, default_value = "hot-seat")]
        guild: String,
        /// The two players.
        #[arg(
            long,
            value_delimiter = ',',
            num_args = 1,
            value_name = "ANN,BOB",
            default_value = "ann,bob"
        )]
        players: Vec<String>,
        /// The number of rounds to win.
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
        rounds: u32,
        /// Seed of the words; random without one.
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
    },
    /// Recovers a game from the store and prints it.
    Show {
        /// Id of the game.
        game: String,
        /// Guild of the game; without it all guilds are searched.
        #[arg(long)]
        guild: Option<String>,
        /// Lists the events: stream version, position, type and time.
        #[arg(long, conflicts_with = "json")]
        events: bool,
        /// Shows the state at this stream version.
        #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
        at: Option<u64>,
        /// Prints the board as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Follows a game until it ends.
    Watch {
        /// Id of the game.
        game: String,
        /// Guild of the game; with it, the command also waits for the start of the game.
        #[arg(long)]
        guild: Option<String>,
    },
    /// Prints the leaderboard with the counters of each player, or the statistics of one game.
    Stats {
        /// Id of a game, to print its statistics instead of the leaderboard.
        game: Option<String>,
        /// Counts the games of this guild only.
        #[arg(long)]
        guild: Option<String>,
        /// Maximum number of rows of the leaderboard.
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copies everything into another store, keeping ids, times, versions, order and stream states. Repeat it to resume.
    Copy {
        /// The store to copy from; by default the one that the other commands use.
        #[arg(long, value_name = "URL")]
        from: Option<String>,
        /// The store to copy to: empty, or the result of an earlier copy.
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Plays random games of all modes and reports the number of games, events, events per second and conflicts.
    Simulate {
        /// Number of games.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        games: u64,
        /// Seed of the random number generator; equal seeds play equal games.
        #[arg(long, value_name = "S")]
        seed: u64,
    },
    /// The commands on the events of the store, also those whose names the games need: `gamebot store show EVENT`.
    Store {
        #[command(subcommand)]
        command: event_cli::Command,
    },
    #[command(flatten)]
    Tool(Tool),
}

/// A mode of the game as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Mode {
    TwoPlayer,
    Knockout,
    Race,
}

impl From<Mode> for GameMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::TwoPlayer => Self::TwoPlayer,
            Mode::Knockout => Self::Knockout,
            Mode::Race => Self::Race,
        }
    }
}

/// Runs the command given by `arguments`, the first of which is the name of the program.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => match cli.command {
            // They write their output themselves.
            Command::Store { command } | Command::Tool(Tool(command)) => {
                let store = cli.store.unwrap_or_else(|| DEFAULT_URL.to_owned());
                let host = Host::new(Cli::command()).store(Some(store));
                let done = command.run(host).await;
                done.map_or_else(|failure| report(&failure.into()), |()| ExitCode::SUCCESS)
            }
            _ => play_and_print(cli).await,
        },
        // clap reports `--help` and `--version` as errors, too.
        Err(help) if !help.use_stderr() => {
            // Whoever reads it, as `head` does, may have read enough.
            let _ = help.print();
            ExitCode::SUCCESS
        }
        Err(usage) => report(&Failure::usage(usage.to_string().trim_end())),
    }
}

/// Runs a command of the games.
async fn play_and_print(cli: Cli) -> ExitCode {
    let mut out = Terminal::new(std::io::stdout().lock());
    let failure = execute(cli, &mut out).await.err();
    let _ = out.flush();
    match failure {
        None => ExitCode::SUCCESS,
        // Nobody reads the output any more: nothing failed.
        Some(failure) if failure.is_of_output && out.is_closed() => ExitCode::SUCCESS,
        Some(failure) => report(&failure),
    }
}

/// Prints why a command failed.
fn report(failure: &Failure) -> ExitCode {
    let prefix = if failure.code == 64 { "" } else { "gamebot: " };
    if !failure.message.is_empty() {
        let _ = writeln!(Terminal::new(std::io::stderr()), "{prefix}{failure}");
    }
    ExitCode::from(failure.code)
}

async fn execute<W: Write>(cli: Cli, out: &mut Terminal<W>) -> Result<(), Failure> {
    if let Command::Play { .. }
    | Command::New { .. }
    | Command::Copy { .. }
    | Command::Simulate { .. } = cli.command
    {
        out.when_unread(Unread::GoesOn);
    }
    let access = match &cli.command {
        // The watched game may be the first one: the store is created if it is missing.
        Command::Play { .. } | Command::New { .. } | Command::Watch { guild: Some(_), .. } => {
            Access::ReadWrite
        }
        Command::Show { .. }
        | Command::Stats { .. }
        | Command::Watch { .. }
        | Command::Copy { .. }
        | Command::Store { .. }
        | Command::Tool(_) => Access::ReadOnly,
        Command::Simulate { .. } => Access::Temporary,
    };
    let from = match &cli.command {
        Command::Copy { from, .. } => from.as_ref(),
        _ => None,
    };
    let store = open(from.or(cli.store.as_ref()).map(String::as_str), access).await?;
    let result = match cli.command {
        Command::Play { file, json } => {
            let output = if json { Output::Json } else { Output::Text };
            play(&store, &file, output, out).await.map(drop)
        }
        Command::New { mode, game, guild, players, rounds, seed } => {
            let players = players.try_into().map_err(|_| {
                Failure::usage("error: `--players` are two names, `--players ann,bob`")
            });
            let is_terminal = is_terminal();
            match players {
                Ok(players) => {
                    let mode = mode.into();
                    let args = HotSeat { mode, game, guild, players, rounds, seed, is_terminal };
                    let mut input = std::io::stdin().lock();
                    hot_seat(&store, &args, &mut input, out).await.map(drop)
                }
                Err(failure) => Err(failure),
            }
        }
        Command::Show { game, guild, events, at, json } => {
            show(&store, &Show { game, guild, events, at, json }, out).await
        }
        Command::Watch { game, guild } => {
            let is_terminal = std::io::stdout().is_terminal();
            watch(&store, &Watch { game, guild, is_terminal }, &mut out.screen()).await
        }
        Command::Stats { game, guild, top, json } => {
            stats(&store, &Stats { game, guild, top, json }, out).await
        }
        Command::Copy { to, .. } => copy_into(&store, &to, out).await,
        Command::Simulate { games, seed } => simulate(&store, games, seed, out).await.map(drop),
        // They are run elsewhere.
        Command::Store { .. } | Command::Tool(_) => Ok(()),
    };
    store.close().await;
    result
}

async fn copy_into(store: &EventStore, url: &str, out: &mut impl Write) -> Result<(), Failure> {
    let to = open(Some(url), Access::ReadWrite).await?;
    let result = copy(store, &to, out).await;
    to.close().await;
    result
}
