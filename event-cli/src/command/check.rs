//! `check`: whether this program may be deployed: its registry, its locks, and what the store holds.

use std::path::PathBuf;

use clap::Args;
use event_core::error::with_causes;
use event_core::{Error, EventStore, EventVersion, Registry};
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::output::table::cell;
use crate::output::{Column, Style, Table};
use crate::session::Session;

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// A lock of shapes, `events.lock`, of a crate that this program links; may be repeated.
    #[arg(long, value_name = "FILE")]
    lock: Vec<PathBuf>,
    /// Checks the program alone, without a store.
    #[arg(long)]
    no_store: bool,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// A line of the answer.
struct Checked {
    what: &'static str,
    subject: String,
    /// What is wrong; `None` if nothing is.
    problem: Option<String>,
    note: &'static str,
}

impl Checked {
    fn good(what: &'static str, subject: impl Into<String>, note: &'static str) -> Self {
        Self { what, subject: subject.into(), problem: None, note }
    }

    fn bad(what: &'static str, subject: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what, subject: subject.into(), problem: Some(problem.into()), note: "" }
    }
}

impl Check {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut all = Vec::new();
        match Registry::global() {
            Ok(registry) => {
                let count = registry.iter().count();
                all.push(Checked::good("registry", format!("{count} versions"), "consistent"));
                for path in &self.lock {
                    lock(registry, path, &mut all)?;
                }
                if !self.no_store {
                    schema(session, &mut all).await?;
                    census(session, &mut all).await?;
                }
            }
            // Every problem is a line of it. Nothing else can be said then.
            Err(errors) => all.push(Checked::bad("registry", "events", errors.to_string())),
        }
        let mut table =
            Table::new([Column::text("CHECK"), Column::text("SUBJECT"), Column::cut("ANSWER")]);
        for it in &all {
            let answer = it.problem.as_deref().unwrap_or(it.note);
            if self.json {
                let ok = it.problem.is_none();
                let line =
                    json!({ "check": it.what, "subject": it.subject, "ok": ok, "answer": answer });
                session.out.json(&line)?;
                continue;
            }
            let style = if it.problem.is_some() { Style::Bad } else { Style::Good };
            table.row(
                &mut session.out,
                [it.what.into(), it.subject.as_str().into(), cell(answer, style)],
            )?;
        }
        table.flush(&mut session.out)?;
        let problems = all.iter().filter(|it| it.problem.is_some()).count();
        if problems == 0 {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Unsound,
            format!("{problems} problems: do not deploy this program on this store"),
        ))
    }
}

/// The blocks of a lock that this program does not read, or reads as another shape.
fn lock(registry: &Registry, path: &PathBuf, all: &mut Vec<Checked>) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::general(format!("could not read {}: {error}", path.display())))?;
    let mut blocks = 0;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some("event"), Some(name), Some(version), Some(hash)) = (
            words.next().filter(|_| !line.starts_with(' ')),
            words.next(),
            words.next(),
            words.next(),
        ) else {
            continue;
        };
        let version = version.strip_prefix('v').and_then(|it| it.parse::<i64>().ok());
        let Some(version) = version.and_then(|it| EventVersion::try_from(it).ok()) else {
            all.push(Checked::bad("lock", name, format!("`{line}` cannot be read")));
            continue;
        };
        blocks += 1;
        let subject = format!("{name} {version}");
        if let Err(error) = registry.reads(name, version) {
            all.push(Checked::bad("lock", subject, error.to_string()));
        } else if let Ok(known) = registry.lookup(name, version)
            && format!("{:016x}", known.shape().fingerprint()) != hash
        {
            all.push(Checked::bad("lock", subject, "the shape in this program is another one"));
        }
    }
    if !text.trim_end().ends_with("end") {
        all.push(Checked::bad(
            "lock",
            path.display().to_string(),
            "the file is cut: its last line is not `end`",
        ));
    }
    all.push(Checked::good("lock", format!("{blocks} versions"), "read"));
    Ok(())
}

async fn schema(session: &Session, all: &mut Vec<Checked>) -> Result<(), Failure> {
    let url = session.url()?;
    match EventStore::connect(&url).schema().await?.pending().await {
        Ok(pending) if pending.is_empty() => {
            all.push(Checked::good("schema", "migrations", "all applied"));
        }
        Ok(pending) => {
            for migration in pending {
                all.push(Checked::bad(
                    "schema",
                    migration.name,
                    "not applied; `migrate apply` does it",
                ));
            }
        }
        Err(error @ Error::IncompatibleSchema { .. }) => {
            all.push(Checked::bad("schema", "version", with_causes(&error)));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn census(session: &mut Session, all: &mut Vec<Checked>) -> Result<(), Failure> {
    let store = match session.store().await {
        Ok(store) => store,
        // The schema says why.
        Err(_) if all.iter().any(|it| it.what == "schema" && it.problem.is_some()) => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let census = store.census().await?;
    for it in &census.unreadable {
        let subject = format!("{} {}", it.stored.event_type, it.stored.event_version);
        all.push(Checked::bad("census", subject, it.reason.to_string()));
    }
    for it in &census.readable {
        let subject = format!("{} {}", it.event_type, it.event_version);
        all.push(Checked::good("census", subject, "stored, readable"));
    }
    for it in &census.unused {
        let subject = format!("{} {}", it.event_type(), it.version());
        all.push(Checked::good("census", subject, "never stored"));
    }
    Ok(())
}
