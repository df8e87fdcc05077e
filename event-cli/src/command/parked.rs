//! `parked`: events that durable subscriptions set aside after failing.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use event_core::adapter::ParkedEvent;
use event_core::subscription::{DurableSubscription, SubscriptionInfo};
use event_core::{AllOptions, EventStore, Position, RecordedEvent, Scope};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::ask::confirm;
use crate::command::find::find;
use crate::failure::Failure;
use crate::output::pretty::pretty;
use crate::output::table::{Cell, cell};
use crate::output::text::{count, one_line};
use crate::output::{Column, Style, Table};
use crate::rows::time;
use crate::session::{Common, Session};

/// The arguments of `parked`.
#[derive(Debug, Args)]
pub struct Parked {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists parked events.
    List {
        /// Only those of this subscription.
        name: Option<String>,
        /// Those that were discarded instead, with the reasons.
        #[arg(long)]
        discarded: bool,
    },
    /// Shows a parked event: its error, and its data.
    Show {
        /// The name of the subscription.
        name: String,
        /// The position of the event.
        position: u64,
    },
    /// Marks parked events to be handled again.
    Replay {
        /// The name of the subscription.
        name: String,
        /// The position of the event.
        #[arg(required_unless_present = "all")]
        position: Option<u64>,
        /// All of them.
        #[arg(long, conflicts_with = "position")]
        all: bool,
    },
    /// Gives parked events up: they are kept with the reason, and never handled again. Asks first.
    Discard {
        /// The name of the subscription.
        name: String,
        /// The position of the event.
        #[arg(required_unless_present = "all")]
        position: Option<u64>,
        /// All of them.
        #[arg(long, conflicts_with = "position")]
        all: bool,
        /// Why, for those who ask later.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Does it without a question.
        #[arg(long, short)]
        yes: bool,
    },
}

impl Parked {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.reader(&self.common).await?;
        match self.action.unwrap_or(Action::List { name: None, discarded: false }) {
            Action::List { name, discarded } => {
                list(session, &store, name, discarded, self.common.json).await
            }
            Action::Show { name, position } => {
                let position = Position::new(position);
                let (subscription, info) = find(&store, &name).await?;
                let parked = one(&subscription, position).await?.ok_or_else(|| {
                    Failure::not_found(format!("{name} has no parked event at position {position}"))
                })?;
                let scope = match info.tenant {
                    Some(tenant) => store.with_scope(Scope::tenant(tenant)),
                    None => store.all_tenants(),
                };
                let event = event_at(&scope, position).await?;
                show(session, &name, &parked, event.as_ref(), self.common.json)
            }
            Action::Replay { name, position, .. } => {
                session.out.goes_on_unread();
                let (subscription, _) = find(&store, &name).await?;
                let marked = subscription.replay(position.map(Position::new)).await?;
                done(session, &name, marked, "marked to be handled again", self.common.json)
            }
            Action::Discard { name, position, reason, yes, .. } => {
                session.out.goes_on_unread();
                let (subscription, info) = find(&store, &name).await?;
                let which = position.map_or_else(
                    || count(info.parked, "parked event"),
                    |position| format!("the parked event at position {position}"),
                );
                confirm(yes, &format!("discard {which} of {}", one_line(&name)))?;
                let discarded = subscription.discard(position.map(Position::new), reason).await?;
                done(session, &name, discarded, "discarded", self.common.json)
            }
        }
    }
}

fn done(
    session: &mut Session,
    name: &str,
    events: u64,
    done: &str,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        return session.out.json(&json!({ "subscription": name, "events": events, "done": done }));
    }
    session.out.line(format!("{} of {} {done}", count(events, "event"), one_line(name)))
}

async fn one(
    subscription: &DurableSubscription,
    position: Position,
) -> Result<Option<ParkedEvent>, Failure> {
    Ok(subscription.parked().select(position).await?.pop())
}

async fn event_at(
    store: &EventStore,
    position: Position,
) -> Result<Option<RecordedEvent>, Failure> {
    let before = Position::new(position.get().saturating_sub(1));
    let page = store.read_all(AllOptions::new().after(before).up_to(position)).await?;
    Ok(page.into_iter().next())
}

/// The subscription of a name, or all.
async fn named_or_all(
    store: &EventStore,
    name: Option<String>,
) -> Result<Vec<(DurableSubscription, SubscriptionInfo)>, Failure> {
    if let Some(name) = name {
        return Ok(vec![find(store, &name).await?]);
    }
    let with_owner = store.subscriptions().await?.into_iter().map(|info| {
        let owner = match &info.tenant {
            Some(tenant) => store.with_scope(Scope::tenant(tenant.clone())),
            None => store.all_tenants(),
        };
        (owner.subscription(&info.name), info)
    });
    Ok(with_owner.collect())
}

/// A parked event; with the reason and the time if it was discarded.
struct Listed {
    parked: ParkedEvent,
    discarded: Option<(String, DateTime<Utc>)>,
}

/// The events after a position that are parked, or those that were discarded.
async fn page(
    subscription: &DurableSubscription,
    after: Position,
    discarded: bool,
) -> Result<Vec<Listed>, Failure> {
    let parked = subscription.parked().after(after);
    if !discarded {
        let parked = parked.await?.into_iter();
        return Ok(parked.map(|parked| Listed { parked, discarded: None }).collect());
    }
    let page = parked.discarded().await?.into_iter();
    let listed = page.map(|it| {
        let discarded = Some((it.reason.clone(), it.discarded_at));
        Listed { parked: it.parked, discarded }
    });
    Ok(listed.collect())
}

async fn list(
    session: &mut Session,
    store: &EventStore,
    name: Option<String>,
    discarded: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let columns: &[Column] = if discarded {
        &[Column::text("DISCARDED"), Column::cut("REASON")]
    } else {
        &[Column::number("ATTEMPTS"), Column::text("PARKED"), Column::text("STATE")]
    };
    let first = [Column::text("SUBSCRIPTION"), Column::number("POSITION")];
    let mut table = Table::new([&first, columns, &[Column::cut("ERROR")]].concat());
    for (subscription, info) in named_or_all(store, name).await? {
        if !discarded && info.parked == 0 {
            continue;
        }
        let mut after = Position::START;
        loop {
            let page = page(&subscription, after, discarded).await?;
            let Some(last) = page.last() else { break };
            after = last.parked.position;
            for listed in &page {
                if as_json {
                    session.out.json(&listed.json(&info.name))?;
                } else {
                    table.row(&mut session.out, listed.row(&info.name))?;
                }
            }
        }
    }
    table.flush(&mut session.out)
}

impl Listed {
    fn json<'l>(&'l self, name: &'l str) -> Line<'l> {
        let mut line = Line::of(name, &self.parked);
        if let Some((reason, at)) = &self.discarded {
            line.reason = Some(reason);
            line.discarded_at = Some(time(*at));
        }
        line
    }

    fn row(&self, name: &str) -> Vec<Cell> {
        let parked = &self.parked;
        let own = match &self.discarded {
            Some((reason, at)) => vec![cell(time(*at), Style::Dim), reason.as_str().into()],
            None => vec![
                parked.attempts.into(),
                cell(time(parked.parked_at), Style::Dim),
                if parked.replay { "replay" } else { "parked" }.into(),
            ],
        };
        let first = [cell(name, Style::Accent), parked.position.into()];
        first.into_iter().chain(own).chain([cell(&*parked.error, Style::Bad)]).collect()
    }
}

/// A parked event as an object of JSON, with its data as it is stored.
#[derive(Serialize)]
struct Line<'l> {
    subscription: &'l str,
    position: u64,
    id: String,
    partition: u32,
    attempts: u32,
    error: &'l str,
    parked_at: String,
    replay: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discarded_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'l str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    event_type: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'l RawValue>,
}

impl<'l> Line<'l> {
    fn of(name: &'l str, parked: &'l ParkedEvent) -> Self {
        Self {
            subscription: name,
            position: parked.position.get(),
            id: parked.event_id.to_string(),
            partition: parked.partition,
            attempts: parked.attempts,
            error: &parked.error,
            parked_at: time(parked.parked_at),
            replay: parked.replay,
            reason: None,
            discarded_at: None,
            stream: None,
            event_type: None,
            data: None,
        }
    }
}

fn show(
    session: &mut Session,
    name: &str,
    parked: &ParkedEvent,
    event: Option<&RecordedEvent>,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        let mut line = Line::of(name, parked);
        line.stream = event.map(|event| event.stream_id().as_str());
        line.event_type = event.map(RecordedEvent::event_type);
        line.data = event.map(RecordedEvent::data);
        return session.out.json(&line);
    }
    let out = &mut session.out;
    out.styled(Style::Accent, &format!("position {} of {}", parked.position, one_line(name)))?;
    out.line(format!("attempts  {}", parked.attempts))?;
    out.line(format!("parked    {}", time(parked.parked_at)))?;
    out.paint(Style::Dim, "error     ")?;
    out.styled(Style::Bad, &one_line(&parked.error))?;
    let Some(event) = event else {
        return out.styled(Style::Dim, "the event is not in the log any more");
    };
    let stream = one_line(event.stream_id().as_str());
    out.line(format!(
        "event     {} of {stream}@{}",
        one_line(event.event_type()),
        event.stream_version()
    ))?;
    out.line(pretty(event.data().get()))
}
