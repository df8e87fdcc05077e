//! `projections`: the builds of projections in tables, and how far they are.

use clap::{Args, Subcommand};
use event_core::{Error, EventStore};
use serde_json::json;

use crate::ask::confirm;
use crate::failure::Failure;
use crate::output::table::cell;
use crate::output::text::one_line;
use crate::output::{Column, Style, Table};
use crate::rows::time;
use crate::session::Session;

/// The arguments of `projections`.
#[derive(Debug, Args)]
pub struct Projections {
    #[command(subcommand)]
    action: Option<Action>,
    /// Prints JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists every build: position, lag, which one readers read.
    List,
    /// Removes a build that is not current, with its tables. Asks first.
    Drop {
        /// The name of the projection.
        name: String,
        /// The number of the build.
        build: u32,
        /// Does it without a question.
        #[arg(long, short)]
        yes: bool,
    },
}

impl Projections {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.store().await?;
        match self.action {
            None | Some(Action::List) => list(session, &store, self.json).await,
            Some(Action::Drop { name, build, yes }) => {
                session.out.goes_on_unread();
                confirm(yes, &format!("drop build {build} of {}", one_line(&name)))?;
                if !drop_build(&store, &name, build).await? {
                    return Err(Failure::not_found(format!("{name} has no build {build}")));
                }
                if self.json {
                    return session
                        .out
                        .json(&json!({ "projection": name, "build": build, "done": "dropped" }));
                }
                session.out.line(format!("build {build} of {} dropped", one_line(&name)))
            }
        }
    }
}

async fn drop_build(store: &EventStore, name: &str, build: u32) -> Result<bool, Failure> {
    #[cfg(feature = "postgres")]
    if let Some(adapter) = store.backend::<event_postgres::PgAdapter>() {
        return Ok(adapter.drop_projection(name, build).await?);
    }
    #[cfg(feature = "sqlite")]
    if let Some(adapter) = store.backend::<event_sqlite::SqliteAdapter>() {
        return Ok(adapter.drop_projection(name, build).await?);
    }
    // A backend without tables says so.
    store.projections().await?;
    Err(Failure::general(format!(
        "this program cannot drop build {build} of {name}: its backend is not linked"
    )))
}

async fn list(session: &mut Session, store: &EventStore, as_json: bool) -> Result<(), Failure> {
    let builds = match store.projections().await {
        Err(error @ Error::Unsupported { .. }) => return Err(error.into()),
        builds => builds?,
    };
    let head = store.head().await?.get();
    let mut table = Table::new([
        Column::text("PROJECTION"),
        Column::number("BUILD"),
        Column::text("CURRENT"),
        Column::number("POSITION"),
        Column::number("LAG"),
        Column::number("EVENTS"),
        Column::text("LAST EVENT"),
        Column::cut("TABLES"),
        Column::cut("FILTER"),
    ]);
    for it in &builds {
        let lag = head.saturating_sub(it.position.get());
        if as_json {
            session.out.json(&json!({
                "projection": it.name,
                "build": it.build,
                "current": it.is_current,
                "position": it.position.get(),
                "lag": lag,
                "events": it.events,
                "last_event_at": it.last_event_at.map(time),
                "tables": it.schema,
                "filter": it.filter,
            }))?;
            continue;
        }
        table.row(
            &mut session.out,
            [
                cell(&it.name, Style::Accent),
                it.build.into(),
                if it.is_current { cell("yes", Style::Good) } else { "no".into() },
                it.position.into(),
                lag.into(),
                it.events.into(),
                cell(it.last_event_at.map(time).unwrap_or_default(), Style::Dim),
                it.schema.as_str().into(),
                it.filter.as_str().into(),
            ],
        )?;
    }
    table.flush(&mut session.out)
}
