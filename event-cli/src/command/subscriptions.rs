//! `subscriptions`: durable subscriptions, how far they are, and what an operator does to them.

use std::time::Duration;

use clap::{Args, Subcommand};
use event_core::subscription::{SubscriptionInfo, SubscriptionStatus};
use event_core::{EventStore, Position, StartFrom};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::ask::confirm;
use crate::command::change::Change;
use crate::command::find::{find, owner};
use crate::failure::Failure;
use crate::output::table::cell;
use crate::output::text::{count, one_line};
use crate::output::{Column, Style, Table};
use crate::session::{Common, Session};

/// How long the rate is measured.
const MEASURED: Duration = Duration::from_millis(500);

/// The arguments of `subscriptions`.
#[derive(Debug, Args)]
pub struct Subscriptions {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists them: state, position, lag, rate, parked events, last error.
    List {
        /// Does not wait to measure the rate.
        #[arg(long)]
        no_rate: bool,
    },
    /// Takes the partitions from the consumers, which wait until it is resumed.
    Pause {
        /// The name of the subscription.
        name: String,
    },
    /// Lets the consumers continue.
    Resume {
        /// The name of the subscription.
        name: String,
    },
    /// Sets the checkpoints: events are delivered again, or skipped. Asks first.
    Reset {
        /// The name of the subscription.
        name: String,
        /// `beginning`, `now`, or the position after which to start.
        #[arg(long, value_parser = start)]
        to: StartFrom,
        /// Does it without a question.
        #[arg(long, short)]
        yes: bool,
    },
    /// Changes the filter or the number of partitions, and keeps what was handled. Asks first.
    Change(Change),
    /// Deletes the subscription with its checkpoints and parked events. Asks first.
    Delete {
        /// The name of the subscription.
        name: String,
        /// Does it without a question.
        #[arg(long, short)]
        yes: bool,
    },
}

fn start(text: &str) -> Result<StartFrom, String> {
    match text {
        "beginning" => Ok(StartFrom::Beginning),
        "now" => Ok(StartFrom::Now),
        number => {
            let number = number.parse().map(|number| StartFrom::After(Position::new(number)));
            number.map_err(|_| "write `beginning`, `now`, or a position".to_owned())
        }
    }
}

impl Subscriptions {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.reader(&self.common).await?;
        let Some(action) = self.action else {
            return list(session, &store, self.common.json, true).await;
        };
        session.out.goes_on_unread();
        let (name, done) = match action {
            Action::List { no_rate } => {
                return list(session, &store, self.common.json, !no_rate).await;
            }
            Action::Pause { name } => {
                find(&store, &name).await?.0.pause().await?;
                (name, "paused")
            }
            Action::Resume { name } => {
                find(&store, &name).await?.0.resume().await?;
                (name, "resumed")
            }
            Action::Reset { name, to, yes } => {
                let (subscription, info) = find(&store, &name).await?;
                let question = format!(
                    "set the checkpoints of {}, which is at position {},",
                    one_line(&name),
                    info.position
                );
                confirm(yes, &question)?;
                subscription.reset(to).await?;
                (name, "reset")
            }
            Action::Change(change) => {
                return change.run(session, &store, self.common.json).await;
            }
            Action::Delete { name, yes } => {
                let (subscription, info) = find(&store, &name).await?;
                let parked = info.parked;
                confirm(
                    yes,
                    &format!(
                        "delete {} and its {}",
                        one_line(&name),
                        count(parked, "parked event")
                    ),
                )?;
                subscription.delete().await?;
                (name, "deleted")
            }
        };
        if self.common.json {
            return session.out.json(&json!({ "subscription": name, "done": done }));
        }
        session.out.line(format!("{} {done}", one_line(&name)))
    }
}

pub(super) const fn state(status: SubscriptionStatus) -> (&'static str, Style) {
    match status {
        SubscriptionStatus::Running => ("running", Style::Good),
        SubscriptionStatus::Idle => ("idle", Style::Plain),
        SubscriptionStatus::Paused => ("paused", Style::Warning),
        SubscriptionStatus::Stopped => ("stopped", Style::Bad),
        _ => ("other", Style::Plain),
    }
}

async fn list(
    session: &mut Session,
    store: &EventStore,
    as_json: bool,
    with_rate: bool,
) -> Result<(), Failure> {
    let mut all = store.subscriptions().await?;
    let (before, started) = (all.clone(), Instant::now());
    if with_rate && !all.is_empty() {
        sleep(MEASURED).await;
        all = store.subscriptions().await?;
    }
    let mut table = Table::new([
        Column::text("SUBSCRIPTION"),
        Column::text("TENANT"),
        Column::text("STATE"),
        Column::number("POSITION"),
        Column::number("LAG"),
        Column::number("BEHIND"),
        Column::number("RATE"),
        Column::number("PARKED"),
        Column::number("SKIPPED"),
        Column::cut("FILTER"),
        Column::cut("LAST ERROR"),
    ]);
    for info in &all {
        let earlier = before.iter().find(|it| it.name == info.name && it.tenant == info.tenant);
        let rate = earlier.filter(|_| with_rate).map(|it| rate(it, info, started.elapsed()));
        if as_json {
            session.out.json(&line(info, rate))?;
            continue;
        }
        let (state, style) = state(info.status);
        table.row(
            &mut session.out,
            [
                cell(&info.name, Style::Accent),
                owner(info).into(),
                cell(state, style),
                info.position.into(),
                info.lag.into(),
                info.lag_time.map(|it| format!("{} s", it.as_secs())).unwrap_or_default().into(),
                rate.map(|it| format!("{it:.0}/s")).unwrap_or_default().into(),
                cell(info.parked, if info.parked > 0 { Style::Warning } else { Style::Plain }),
                info.skipped.into(),
                info.filter.as_str().into(),
                cell(info.stopped.as_deref().unwrap_or_default(), Style::Bad),
            ],
        )?;
    }
    table.flush(&mut session.out)
}

/// Positions a second.
#[expect(clippy::cast_precision_loss, reason = "a rate is displayed, not computed with")]
fn rate(before: &SubscriptionInfo, now: &SubscriptionInfo, time: Duration) -> f64 {
    let moved = now.position.get().saturating_sub(before.position.get());
    moved as f64 / time.as_secs_f64().max(0.001)
}

fn line(info: &SubscriptionInfo, rate: Option<f64>) -> serde_json::Value {
    let partitions = info
        .partitions
        .iter()
        .map(|it| json!({ "position": it.position.get(), "owner": it.owner }));
    json!({
        "subscription": info.name,
        "tenant": info.tenant.as_ref().map(event_core::Tenant::as_str),
        "state": state(info.status).0,
        "position": info.position.get(),
        "lag": info.lag,
        "behind_seconds": info.lag_time.map(|it| it.as_secs_f64()),
        "rate": rate,
        "parked": info.parked,
        "skipped": info.skipped,
        "filter": info.filter,
        "last_error": info.stopped,
        "partitions": partitions.collect::<Vec<_>>(),
    })
}
