//! `show`: one event, as it is stored and as it reads now, with its causes and its effects.

use std::collections::HashSet;

use clap::Args;
use event_core::{
    AllOptions, BatchSize, Error, EventId, EventStore, Position, ReadOptions, RecordedEvent,
    StreamVersion,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::output::Style;
use crate::output::pretty::pretty;
use crate::progress::{Progress, share};
use crate::rows::{self, Form, Shown, time};
use crate::session::{Common, Session};

/// How long a chain of causes may be.
const MOST_CAUSES: usize = 100;
/// How many effects are listed.
const MOST_EFFECTS: usize = 1_000;

/// The arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The event: its id, its position, or its place in a stream, `order-1@3`.
    event: String,
    /// Does not look for effects, which reads the log from the event on.
    #[arg(long)]
    no_effects: bool,
    #[command(flatten)]
    common: Common,
}

impl Show {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.reader(&self.common).await?;
        let event = self.find(session, &store).await?;
        let causes = causes(&store, &event).await?;
        let effects = if self.no_effects { Vec::new() } else { effects(&store, &event).await? };
        if self.common.json {
            return print_json(session, &event, &causes, &effects);
        }
        print(session, &event, &causes, &effects)
    }

    async fn find(
        &self,
        session: &mut Session,
        store: &EventStore,
    ) -> Result<RecordedEvent, Failure> {
        let missing = || Failure::not_found(format!("there is no event {}", self.event));
        if let Some((name, version)) = self.event.rsplit_once('@')
            && let Ok(version) = version.parse::<u64>()
        {
            let (store, info) = session.stream(&self.common, name).await?;
            let one = BatchSize::new(1).map_err(Error::from)?;
            let options =
                ReadOptions::forward().from(StreamVersion::new(version.max(1))).limit(one);
            let page = store.read_stream(&info.stream_id, options).await?;
            let found = page.into_iter().next();
            return found.filter(|it| it.stream_version().get() == version).ok_or_else(missing);
        }
        if let Ok(position) = self.event.parse::<u64>() {
            let position = Position::new(position);
            let before = Position::new(position.get().saturating_sub(1));
            let options = AllOptions::new().after(before).up_to(position);
            let page = store.read_all(options).await?;
            return page.into_iter().next().ok_or_else(missing);
        }
        let id: EventId = self.event.parse().map_err(|_| {
            Failure::usage(format!(
                "{} is no event: write its id, its position, or its place in a stream, `order-1@3`",
                self.event
            ))
        })?;
        match store.read_event(id).await {
            Err(error @ Error::AmbiguousEvent { .. }) => {
                Err(Failure::from(error).hint("`--tenant TENANT` names one"))
            }
            found => found?.ok_or_else(missing),
        }
    }
}

/// What caused the event, the nearest first.
async fn causes(store: &EventStore, event: &RecordedEvent) -> Result<Vec<RecordedEvent>, Failure> {
    let mut chain: Vec<RecordedEvent> = Vec::new();
    let mut seen = HashSet::from([event.event_id()]);
    let store = &store.with_scope(event_core::Scope::tenant(event.tenant().clone()));
    loop {
        let last = chain.last().unwrap_or(event);
        let Some(id) = last.metadata().causation_id().and_then(|id| id.parse().ok()) else { break };
        // The cause may be a command, or stored elsewhere.
        let Some(cause) = store.read_event(id).await? else { break };
        if !seen.insert(id) || chain.len() == MOST_CAUSES {
            break;
        }
        chain.push(cause);
    }
    Ok(chain)
}

/// An effect, and how many steps it is from the event.
struct Effect {
    event: RecordedEvent,
    depth: usize,
}

/// What the event caused, directly or not, in the global order. An effect is stored after its cause.
async fn effects(store: &EventStore, event: &RecordedEvent) -> Result<Vec<Effect>, Failure> {
    let store = store.with_scope(event_core::Scope::tenant(event.tenant().clone()));
    let mut found: Vec<Effect> = Vec::new();
    let mut depths = std::collections::HashMap::from([(event.event_id().to_string(), 0_usize)]);
    let mut progress = Progress::of("events");
    let (start, end) = (event.position().get(), store.head().await?.get());
    let mut later = store.all_events(AllOptions::new().after(event.position()));
    let mut read = 0;
    while let Some(next) = later.next().await {
        let next = next?;
        read += 1;
        progress.at(read, share(next.position().get() - start, end.saturating_sub(start)));
        let Some(depth) = next.metadata().causation_id().and_then(|id| depths.get(&*id).copied())
        else {
            continue;
        };
        depths.insert(next.event_id().to_string(), depth + 1);
        found.push(Effect { event: next, depth: depth + 1 });
        if found.len() == MOST_EFFECTS {
            break;
        }
    }
    Ok(found)
}

/// The answer as an object of JSON. What is stored is no `Value` on its way: that has other numbers, other keys, and not
/// any depth.
#[derive(Serialize)]
struct Family {
    stored: Box<RawValue>,
    latest: Box<RawValue>,
    causes: Vec<Box<RawValue>>,
    effects: Vec<Box<RawValue>>,
}

fn print_json(
    session: &mut Session,
    event: &RecordedEvent,
    causes: &[RecordedEvent],
    effects: &[Effect],
) -> Result<(), Failure> {
    let raw = |json: String| {
        RawValue::from_string(json)
            .map_err(|error| Failure::general(format!("could not write JSON: {error}")))
    };
    let list = |events: Vec<&RecordedEvent>| {
        let events = events.into_iter().map(|it| raw(rows::json(it, Form::Stored)?));
        events.collect::<Result<Vec<_>, Failure>>()
    };
    let family = Family {
        stored: raw(rows::json(event, Form::Stored)?)?,
        latest: raw(rows::json(event, Form::Latest)?)?,
        causes: list(causes.iter().collect())?,
        effects: list(effects.iter().map(|it| &it.event).collect())?,
    };
    session.out.json(&family)
}

fn print(
    session: &mut Session,
    event: &RecordedEvent,
    causes: &[RecordedEvent],
    effects: &[Effect],
) -> Result<(), Failure> {
    let out = &mut session.out;
    out.styled(Style::Accent, &format!("{} {}", event.event_type(), event.event_version()))?;
    let mut field = |name: &str, value: &str| {
        out.paint(Style::Dim, &format!("{name:<9} "))?;
        out.line(crate::output::text::one_line(value))
    };
    field("id", &event.event_id().to_string())?;
    field("stream", event.stream_id().as_str())?;
    field("version", &event.stream_version().to_string())?;
    field("position", &event.position().to_string())?;
    field("tenant", event.tenant().as_str())?;
    field("recorded", &time(event.recorded_at()))?;
    if let Some((stream, version)) = event.origin() {
        field("linked", &format!("{} {version}", stream.as_str()))?;
    }
    out.styled(Style::Title, "\nmetadata")?;
    out.line(pretty(event.metadata().as_json()))?;
    out.styled(Style::Title, "\ndata as stored")?;
    out.line(pretty(event.data().get()))?;
    let latest = Shown::of(event, Form::Latest);
    if let Some(error) = &latest.error {
        out.styled(Style::Bad, &format!("\nit cannot be read: {error}"))?;
    } else if latest.version != event.event_version() || latest.data.get() != event.data().get() {
        out.styled(
            Style::Title,
            &format!("\ndata as this program reads it: {} {}", latest.event_type, latest.version),
        )?;
        out.line(pretty(latest.data.get()))?;
    }
    if !causes.is_empty() {
        out.styled(Style::Title, "\ncauses, the nearest first")?;
        for cause in causes {
            out.line(format!("  {}", line_of(cause)))?;
        }
    }
    if !effects.is_empty() {
        out.styled(Style::Title, "\neffects")?;
        for effect in effects {
            out.line(format!("{}{}", "  ".repeat(effect.depth.min(20)), line_of(&effect.event)))?;
        }
        if effects.len() == MOST_EFFECTS {
            out.styled(Style::Dim, "  and others")?;
        }
    }
    Ok(())
}

fn line_of(event: &RecordedEvent) -> String {
    let stream = crate::output::text::one_line(event.stream_id().as_str());
    let (version, position) = (event.stream_version(), event.position());
    let event_type = crate::output::text::one_line(event.event_type());
    format!(
        "{position}  {event_type} {}  {stream}@{version}  {}",
        event.event_version(),
        event.event_id()
    )
}
