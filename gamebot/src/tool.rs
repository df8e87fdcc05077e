//! The commands of `event-cli` beside those of the games, which have the first claim to a name.

use clap::error::Error;
use clap::{ArgMatches, Command, FromArgMatches, Subcommand};

/// The names that the games need.
const OWN: [&str; 3] = ["show", "stats", "copy"];

/// A command of `event-cli` whose name is free.
#[derive(Debug)]
pub(crate) struct Tool(pub(crate) event_cli::Command);

impl Subcommand for Tool {
    fn augment_subcommands(mut program: Command) -> Command {
        let all = event_cli::Command::augment_subcommands(Command::new("all"));
        for command in all.get_subcommands().filter(|it| !OWN.contains(&it.get_name())) {
            program = program.subcommand(command.clone());
        }
        program
    }

    fn augment_subcommands_for_update(program: Command) -> Command {
        Self::augment_subcommands(program)
    }

    fn has_subcommand(name: &str) -> bool {
        !OWN.contains(&name) && event_cli::Command::has_subcommand(name)
    }
}

impl FromArgMatches for Tool {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        event_cli::Command::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
