//! [`Command`]: the commands, one file each. A new one is a file here, a variant, and a line in [`Command::dispatch`].

mod all;
mod append;
#[cfg(feature = "browse")]
mod browse;
mod change;
mod check;
mod copy;
mod doctor;
mod documents;
mod events;
mod export;
mod find;
mod finding;
mod grant;
mod import;
mod lifecycle;
mod migrate;
mod parked;
mod projections;
mod schema;
#[cfg(feature = "console")]
mod serve;
mod settings;
mod show;
mod stats;
mod streams;
mod subscriptions;
mod types;
mod verify;

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
    /// Checks whether this program may be deployed: its events, its locks, and what the store holds.
    Check(check::Check),
    /// Prints the payloads of the events for programs in other languages.
    #[command(
        about = "Prints the payloads of the events as JSON Schema, AsyncAPI, Mermaid or Markdown"
    )]
    Schema(schema::Schema),
    /// Shows or applies the pending migrations of the store's schema.
    Migrate(migrate::Migrations),
    /// Lists streams.
    Streams(streams::Streams),
    /// Prints the events of a stream.
    Events(events::Events),
    /// Shows one event, with its causes and its effects.
    Show(show::Show),
    /// Prints the events of all streams, in the global order.
    All(all::All),
    /// Appends events that are given as JSON.
    Append(append::Append),
    /// Lists durable subscriptions; pauses, resumes, resets, changes and deletes them.
    Subscriptions(subscriptions::Subscriptions),
    /// Lists, shows, replays and discards the events that subscriptions parked.
    Parked(parked::Parked),
    /// Lists the builds of projections; switches, rebuilds and drops them.
    Projections(projections::Projections),
    /// Makes a stream read-only.
    Archive(lifecycle::Archive),
    /// Removes the first events of a stream for good.
    Truncate(lifecycle::Truncate),
    /// Deletes a stream.
    Delete(lifecycle::Delete),
    /// Writes streams as lines of JSON.
    Export(export::Export),
    /// Reads what `export` wrote.
    Import(import::Import),
    /// Copies everything into another store. Repeat it to continue.
    Copy(copy::Copy),
    /// Copies the whole store into a new file, while it is in use.
    Backup(copy::Backup),
    /// Reads everything and looks for damage.
    Verify(verify::Verify),
    /// Counts events and bytes by type, tenant and day.
    Stats(stats::Stats),
    /// Looks for what costs safety or speed, and names the remedy.
    Doctor(doctor::Doctor),
    /// Lets a role of the database use the store.
    Grant(grant::Grant),
    /// Shows the store on the whole terminal: streams, events, what arrives, subscriptions, projections.
    #[cfg(feature = "browse")]
    Browse(browse::Browse),
    /// Serves the web console, until it is stopped.
    #[cfg(feature = "console")]
    Serve(serve::Serve),
    /// Prints the completions of a shell.
    Completions(documents::Completions),
    /// Prints the man page of the program, or writes those of all commands.
    Man(documents::Man),
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
            Self::Check(command) => command.run(session).await,
            Self::Schema(command) => command.run(session),
            Self::Migrate(command) => command.run(session).await,
            Self::Streams(command) => command.run(session).await,
            Self::Events(command) => command.run(session).await,
            #[cfg(feature = "browse")]
            Self::Browse(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::All(command) => command.run(session).await,
            Self::Append(command) => command.run(session).await,
            Self::Subscriptions(command) => command.run(session).await,
            Self::Parked(command) => command.run(session).await,
            Self::Projections(command) => command.run(session).await,
            Self::Archive(command) => command.run(session).await,
            Self::Truncate(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
            Self::Export(command) => command.run(session).await,
            Self::Import(command) => command.run(session).await,
            Self::Copy(command) => command.run(session).await,
            Self::Backup(command) => command.run(session).await,
            Self::Verify(command) => command.run(session).await,
            Self::Stats(command) => command.run(session).await,
            Self::Doctor(command) => command.run(session).await,
            Self::Grant(command) => command.run(session).await,
            Self::Completions(command) => command.run(session),
            Self::Man(command) => command.run(session),
        }
    }
}
