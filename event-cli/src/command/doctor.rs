//! `doctor`: what costs safety or speed, what holds up whom, and the remedy of each.

use std::time::Duration;

use clap::Args;
use event_core::error::with_causes;
use event_core::health::Health;
use event_core::subscription::SubscriptionStatus;
use event_core::{Error, EventStore};
use serde_json::json;

use crate::command::finding::{Found, Severity};
use crate::command::settings;
use crate::failure::{Exit, Failure};
use crate::output::text::{argument, count, one_line};
use crate::output::{Output, Style};
use crate::session::Session;

/// A reader that is further behind, in seconds, is worth a word.
const BEHIND: u64 = 60;

/// The arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How many seconds a transaction may be open before it is worth a word.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    old_seconds: u64,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut all = Vec::new();
        let store = session.store().await?.all_tenants();
        schema(&session.url()?, &mut all).await?;
        let health = store.health().await?;
        of_health(&health, &mut all);
        settings::examine(&store, Duration::from_secs(self.old_seconds), &mut all).await?;
        census(&store, &mut all).await?;
        subscriptions(&store, &mut all).await?;
        projections(&store, &mut all).await?;
        if !self.json {
            let server = one_line(&health.server);
            session.out.line(format!("{server}, answers in {:.1?}", health.latency))?;
        }
        for found in &all {
            print(&mut session.out, found, self.json)?;
        }
        if all.is_empty() {
            if self.json {
                return session.out.json(&json!({ "sound": true }));
            }
            return session.out.styled(Style::Good, "nothing to mend");
        }
        let bad = all.iter().filter(|it| it.severity == Severity::Bad).count();
        if bad == 0 {
            return Ok(());
        }
        Err(Failure::new(Exit::Unsound, format!("{bad} of {} findings cost safety", all.len())))
    }
}

fn print(out: &mut Output, found: &Found, as_json: bool) -> Result<(), Failure> {
    let (name, style) = match found.severity {
        Severity::Bad => ("bad", Style::Bad),
        Severity::Warning => ("warning", Style::Warning),
    };
    if as_json {
        return out
            .json(&json!({ "severity": name, "finding": found.what, "remedy": found.remedy }));
    }
    out.paint(style, name)?;
    out.line(format!("  {}", one_line(&found.what)))?;
    out.styled(Style::Dim, &format!("  remedy: {}", one_line(&found.remedy)))
}

async fn schema(url: &str, all: &mut Vec<Found>) -> Result<(), Failure> {
    let pending = EventStore::connect(url).schema().await?.pending().await?;
    if !pending.is_empty() {
        let what = format!("{} not applied", count(pending.len() as u64, "schema migration"));
        all.push(Found::warning(what, "`migrate apply`, or `migrate sql` for an administrator"));
    }
    Ok(())
}

fn of_health(health: &Health, all: &mut Vec<Found>) {
    if health.read_only {
        all.push(Found::warning(
            "the store takes reads only",
            "a standby is meant to; otherwise name the primary in the URL, or let it take writes again",
        ));
    }
    if let Some(stall) = &health.stall {
        let pids: Vec<_> = stall.blockers.iter().filter_map(|it| it.pid).collect();
        let remedy = match pids.first() {
            Some(pid) => format!(
                "end the transaction in its program, or `SELECT pg_terminate_backend({pid})`"
            ),
            None if stall.blockers.is_empty() => "ask on the primary who it is".to_owned(),
            None => "`COMMIT PREPARED` or `ROLLBACK PREPARED` it".to_owned(),
        };
        all.push(Found::bad(stall.to_string(), remedy));
    }
    if let Some(pool) = health.pool.filter(|pool| pool.busy >= pool.size && pool.size > 1) {
        let what = format!("all {} connections are in use", pool.size);
        all.push(Found::warning(
            what,
            "raise `pool_size` in the URL, or find the calls that take long",
        ));
    }
    if let Some(change) = &health.log_change {
        all.push(Found::bad(change.to_string(), "reset what read it: subscriptions, projections"));
    }
}

async fn census(store: &EventStore, all: &mut Vec<Found>) -> Result<(), Failure> {
    for it in store.census().await?.unreadable {
        let what = format!(
            "{} {} is stored, and this program cannot read it",
            it.stored.event_type, it.stored.event_version
        );
        all.push(Found::warning(what, it.reason.to_string()));
    }
    Ok(())
}

async fn subscriptions(store: &EventStore, all: &mut Vec<Found>) -> Result<(), Failure> {
    for it in store.subscriptions().await? {
        let name = &it.name;
        if it.status == SubscriptionStatus::Stopped {
            let error = it.stopped.as_deref().unwrap_or_default();
            all.push(Found::bad(
                format!("subscription {name} stopped: {error}"),
                "mend what failed and start its program again",
            ));
        }
        if it.status == SubscriptionStatus::Paused {
            let remedy = format!("`subscriptions resume {}`", argument(name));
            all.push(Found::warning(format!("subscription {name} is paused"), remedy));
        }
        if it.parked > 0 {
            let remedy = format!(
                "`parked list {}`; then `parked replay` or `parked discard`",
                argument(name)
            );
            all.push(Found::warning(
                format!("subscription {name} has {}", count(it.parked, "parked event")),
                remedy,
            ));
        }
        if let Some(behind) = it.lag_time.filter(|it| it.as_secs() > BEHIND) {
            let state =
                if it.status == SubscriptionStatus::Idle { ", and nobody consumes it" } else { "" };
            all.push(Found::warning(
                format!("subscription {name} is {} s behind{state}", behind.as_secs()),
                "start its program; if it runs, give it more partitions or faster handlers",
            ));
        }
    }
    Ok(())
}

async fn projections(store: &EventStore, all: &mut Vec<Found>) -> Result<(), Failure> {
    let builds = match store.projections().await {
        Err(Error::Unsupported { .. }) => return Ok(()),
        Err(error) => {
            all.push(Found::warning(with_causes(&error), "grant the role what it lacks, `grant`"));
            return Ok(());
        }
        Ok(builds) => builds,
    };
    for it in &builds {
        let current = builds.iter().find(|other| other.name == it.name && other.is_current);
        if let Some(current) = current
            && current.build > it.build
        {
            let remedy = format!("`projections drop {} {}`", argument(&it.name), it.build);
            let what = format!("build {} of projection {} is left over", it.build, it.name);
            all.push(Found::warning(what, remedy));
        }
    }
    Ok(())
}
