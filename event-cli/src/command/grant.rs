//! `grant`: lets a role of the database use the store.

use clap::Args;
use serde_json::json;

use crate::failure::Failure;
use crate::output::text::one_line;
use crate::session::Session;

/// The arguments of `grant`.
#[derive(Debug, Args)]
pub struct Grant {
    /// The role, which becomes one of an application: it reads, writes through the store's functions, and runs projections.
    role: String,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Grant {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.out.goes_on_unread();
        session.store().await?.grant(&self.role).await?;
        if self.json {
            return session.out.json(&json!({ "role": self.role, "done": "granted" }));
        }
        session.out.line(format!("{} may use the store", one_line(&self.role)))
    }
}
