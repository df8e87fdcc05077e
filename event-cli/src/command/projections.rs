//! `projections`: the builds of views and of projections in tables, how far they are, and what is done about them.

use clap::{Args, Subcommand};
use event_core::{Error, EventStore};
use serde_json::json;

use crate::ask::confirm;
use crate::failure::Failure;
use crate::output::table::cell;
use crate::output::text::{count, one_line};
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
    /// Lets readers read another build, which has caught up. The build that they read now stays.
    Switch {
        /// The name of the projection.
        name: String,
        /// The number of the build.
        build: u32,
    },
    /// Makes a new build from all events and lets readers read it. Needs a program that has the projection's code.
    Rebuild {
        /// The name of the projection.
        name: String,
    },
    /// Removes a build that is not current, with what it holds. Asks first.
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
            Some(Action::Switch { name, build }) => {
                session.out.goes_on_unread();
                known(&store, &name, build).await?;
                store.switch_projection(&name, build).await?;
                done(session, &name, build, "switched", self.json)
            }
            Some(Action::Rebuild { name }) => rebuild(session, &store, &name, self.json).await,
            Some(Action::Drop { name, build, yes }) => {
                session.out.goes_on_unread();
                confirm(yes, &format!("drop build {build} of {}", one_line(&name)))?;
                if !store.drop_projection(&name, build).await? {
                    return Err(missing(&name, build));
                }
                done(session, &name, build, "dropped", self.json)
            }
        }
    }
}

fn done(
    session: &mut Session,
    name: &str,
    build: u32,
    done: &str,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        let line = json!({ "projection": name, "build": build, "done": done });
        return session.out.json(&line);
    }
    let name = one_line(name);
    session.out.line(match done {
        "switched" => format!("readers of {name} read build {build} now"),
        done => format!("build {build} of {name} {done}"),
    })
}

fn missing(name: &str, build: u32) -> Failure {
    Failure::not_found(format!("{} has no build {build}", one_line(name)))
}

async fn known(store: &EventStore, name: &str, build: u32) -> Result<(), Failure> {
    let builds = store.projections().await?;
    let is_known = builds.iter().any(|it| it.name == name && it.build == build);
    if is_known { Ok(()) } else { Err(missing(name, build)) }
}

async fn rebuild(
    session: &mut Session,
    store: &EventStore,
    name: &str,
    as_json: bool,
) -> Result<(), Failure> {
    let Some(run) = session.host.rebuilds.get(name).cloned() else {
        let failure = Failure::general(format!(
            "this program does not have the code of the projection {}",
            one_line(name)
        ));
        return Err(failure.hint(
            "a program that has it gives it to the command line: `event_cli::run_with(|host| host.view::<V>())`",
        ));
    };
    session.out.goes_on_unread();
    let events = run(store.clone()).await?;
    if as_json {
        let line = json!({ "projection": name, "events": events, "done": "rebuilt" });
        return session.out.json(&line);
    }
    session.out.line(format!("{} is rebuilt from {}", one_line(name), count(events, "event")))
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
