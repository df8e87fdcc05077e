//! [`run`]: the whole program of somebody who has no commands of their own.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use tracing_subscriber::EnvFilter;

use crate::command::Command;
use crate::failure::{Exit, Failure};
use crate::host::Host;
use crate::terminal::Terminal;

/// Reads, writes, checks and mends an event store.
#[derive(Debug, Parser)]
#[command(name = "events", version, after_help = AFTER)]
struct Cli {
    /// The event store: `sqlite:path` or `postgres://user@host/database`.
    #[arg(long, global = true, value_name = "URL", env = "EVENT_STORE", hide_env_values = true)]
    store: Option<String>,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Exit codes: 0 done, 1 failed, 2 not sound, 3 refused, 4 not found, 5 not confirmed, 64 wrong usage, \
                     69 the store cannot be reached, 130 interrupted.";

/// Runs the command that the arguments of the process name, and returns its exit code.
///
/// The events that it knows are those of the crates that the program links.
pub fn run() -> ExitCode {
    run_with(|host| host)
}

/// As [`run`], with what the program adds to the commands: the code of its views, for `projections rebuild`.
pub fn run_with(add: impl FnOnce(Host) -> Host) -> ExitCode {
    start(std::env::args_os().collect(), add)
}

/// Runs the command that these arguments name, the first of which is the name of the program.
pub fn run_from(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    start(arguments.into_iter().collect(), |host| host)
}

fn start(arguments: Vec<OsString>, add: impl FnOnce(Host) -> Host) -> ExitCode {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_ansi(false)
        .with_writer(|| Terminal::new(std::io::stderr()));
    // The program may have a log of its own.
    let _ = log.try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(parse_and_run(arguments, add)),
        Err(error) => Err(Failure::general(format!("could not start: {error}"))),
    };
    done.map_or_else(|failure| report(&failure), |()| ExitCode::SUCCESS)
}

/// That of `RUST_LOG`, and always what was done in the web console.
fn filter() -> EnvFilter {
    let filter = EnvFilter::from_default_env();
    match "event_console=info".parse() {
        Ok(audit) => filter.add_directive(audit),
        Err(_) => filter,
    }
}

async fn parse_and_run(
    arguments: Vec<OsString>,
    add: impl FnOnce(Host) -> Host,
) -> Result<(), Failure> {
    let mut program = Cli::command();
    if let Some(name) = arguments.first().and_then(|path| Path::new(path).file_stem()) {
        let name = name.to_string_lossy().into_owned();
        program = program.bin_name(&name).name(name);
    }
    let matches = program.clone().try_get_matches_from(arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        // clap reports `--help` and `--version` as errors, too.
        Err(help) if !help.use_stderr() => {
            // Whoever reads it, as `head` does, may have read enough.
            let _ = help.print();
            return Ok(());
        }
        Err(usage) => return Err(Failure::usage(usage.to_string().trim_end())),
    };
    cli.command.run(add(Host::new(program).store(cli.store))).await
}

/// Prints why a command failed.
fn report(failure: &Failure) -> ExitCode {
    let prefix = if failure.exit() == Exit::Usage { "" } else { "error: " };
    if !failure.message().is_empty() {
        let _ = writeln!(Terminal::new(std::io::stderr()), "{prefix}{failure}");
    }
    ExitCode::from(failure.exit().code())
}
