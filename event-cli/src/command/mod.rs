//! [`Command`]: the commands, one file each. A new one is a file here, a variant, and a line in [`Command::dispatch`].

#[cfg(feature = "browse")]
mod browse;
mod events;
#[cfg(feature = "console")]
mod serve;
mod streams;
mod types;

use clap::Subcommand;

use crate::failure::Failure;
use crate::host::Host;
use crate::output::Output;
use crate::session::Session;

/// A command of the tool. Flatten it into the subcommands of a program.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Lists the events that this program knows: types, versions, migrations.
    Types(types::Types),
    /// Serves the web console, until it is stopped.
    #[cfg(feature = "console")]
    Serve(serve::Serve),
    /// Lists streams.
    Streams(streams::Streams),
    /// Prints the events of a stream.
    Events(events::Events),
    /// Shows the store on the whole terminal: streams, events, what arrives, subscriptions, projections.
    #[cfg(feature = "browse")]
    Browse(browse::Browse),
}

impl Command {
    /// Runs the command, which prints to standard output.
    ///
    /// # Errors
    /// [`Failure`], with the exit code and the message for standard error. That nobody reads the output any more is none.
    pub async fn run(self, host: Host) -> Result<(), Failure> {
        let mut session = Session::new(host, Output::stdout());
        let done = self.dispatch(&mut session).await;
        session.close().await;
        let flushed = session.out.flush();
        match done.and(flushed) {
            // Nobody reads the output any more: nothing failed.
            Err(failure) if failure.is_of_output() && session.out.is_closed() => Ok(()),
            done => done,
        }
    }

    async fn dispatch(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Types(command) => command.run(session),
            #[cfg(feature = "console")]
            Self::Serve(command) => command.run(session).await,
            Self::Streams(command) => command.run(session).await,
            Self::Events(command) => command.run(session).await,
            #[cfg(feature = "browse")]
            Self::Browse(command) => command.run(session).await,
        }
    }
}
