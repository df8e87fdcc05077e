//! `migrate`: the migrations of the store's schema, shown, as a script, or applied.

use clap::{Args, Subcommand};
use event_core::EventStore;
use event_core::adapter::SchemaMigration;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::session::Session;

/// The arguments of `migrate`.
#[derive(Debug, Args)]
pub struct Migrations {
    #[command(subcommand)]
    action: Option<Action>,
    /// Prints JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Lists the migrations that are not applied.
    Pending {
        /// Fails with exit code 2 if there is one.
        #[arg(long)]
        check: bool,
    },
    /// Prints a script for `psql` or `sqlite3` that applies them, for an administrator.
    Sql,
    /// Applies them, all or none.
    Apply,
}

impl Migrations {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let url = session.url()?;
        let schema = EventStore::connect(&url).schema().await?;
        match self.action.unwrap_or(Action::Pending { check: false }) {
            Action::Sql => {
                let script = schema.sql().await?;
                if self.json {
                    return session.out.json(&json!({ "sql": script }));
                }
                // Of our own making, and to be run: nothing in it may change.
                session.out.raw(script.as_bytes())
            }
            Action::Pending { check } => {
                let pending = schema.pending().await?;
                self.list(session, &pending, "pending")?;
                if check && !pending.is_empty() {
                    let message = format!("{} migrations are pending", pending.len());
                    return Err(Failure::new(Exit::Unsound, message));
                }
                Ok(())
            }
            Action::Apply => {
                session.out.goes_on_unread();
                let applied = schema.apply().await?;
                self.list(session, &applied, "applied")
            }
        }
    }

    fn list(
        &self,
        session: &mut Session,
        migrations: &[SchemaMigration],
        done: &str,
    ) -> Result<(), Failure> {
        for it in migrations {
            if self.json {
                session
                    .out
                    .json(&json!({ "version": it.version, "name": it.name, "state": done }))?;
            } else {
                session.out.line(format!("{done} {}", it.name))?;
            }
        }
        if migrations.is_empty() && !self.json {
            session.out.line("nothing is pending")?;
        }
        Ok(())
    }
}
