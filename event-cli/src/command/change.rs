//! `subscriptions change`: another filter, or another number of partitions.

use clap::Args;
use event_core::subscription::{ChangeReport, NewEventsFrom};
use event_core::{Error, EventStore, Filter, Position, StreamId};
use serde_json::json;

use crate::ask::confirm;
use crate::command::find::find;
use crate::failure::Failure;
use crate::output::text::one_line;
use crate::session::Session;

/// The arguments of `subscriptions change`.
#[derive(Debug, Args)]
pub(super) struct Change {
    /// The name of the subscription.
    name: String,
    /// The new filter: every event.
    #[arg(long, conflicts_with_all = ["category", "stream", "types"])]
    every_event: bool,
    /// The new filter: streams of this category.
    #[arg(long)]
    category: Option<String>,
    /// The new filter: this stream.
    #[arg(long)]
    stream: Option<String>,
    /// The new filter: events of this type; several are alternatives.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// The new number of partitions.
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,
    /// From where events are handled that match only now: `here`, `beginning`, or a position.
    #[arg(long, default_value = "here", value_parser = place)]
    new_events_from: NewEventsFrom,
    /// Says what it comes to, and changes nothing.
    #[arg(long)]
    preview: bool,
    /// Does it without a question.
    #[arg(long, short)]
    yes: bool,
}

fn place(text: &str) -> Result<NewEventsFrom, String> {
    match text {
        "here" => Ok(NewEventsFrom::Here),
        "beginning" => Ok(NewEventsFrom::Beginning),
        number => {
            let number =
                number.parse().map(|number| NewEventsFrom::Position(Position::new(number)));
            number.map_err(|_| "write `here`, `beginning`, or a position".to_owned())
        }
    }
}

impl Change {
    pub(super) async fn run(
        self,
        session: &mut Session,
        store: &EventStore,
        as_json: bool,
    ) -> Result<(), Failure> {
        let (subscription, _) = find(store, &self.name).await?;
        let mut change = subscription.change().new_events_from(self.new_events_from);
        if let Some(filter) = self.filter()? {
            change = change.filter(filter);
        }
        if let Some(partitions) = self.partitions {
            change = change.partitions(partitions);
        }
        let report = change.preview().await?;
        let name = one_line(&self.name);
        if self.preview || !report.changes {
            return print(session, &report, &self.name, false, as_json);
        }
        confirm(self.yes, &format!("change {name}: {}", in_words(&report)))?;
        let report = change.apply().await?;
        print(session, &report, &self.name, true, as_json)
    }

    fn filter(&self) -> Result<Option<Filter>, Failure> {
        let mut filter = Filter::all();
        if let Some(category) = &self.category {
            filter = filter.category(category);
        }
        if let Some(stream) = &self.stream {
            filter = filter.stream(StreamId::new(stream).map_err(Error::from)?);
        }
        if !self.types.is_empty() {
            filter = filter.event_types(&self.types);
        }
        let given = self.category.is_some() || self.stream.is_some() || !self.types.is_empty();
        Ok((given || self.every_event).then_some(filter))
    }
}

fn in_words(report: &ChangeReport) -> String {
    let ChangeReport { filter_before, filter, partitions_before, partitions, .. } = report;
    let more = if report.counted_all { "" } else { " or more" };
    format!(
        "filter from {} to {}, partitions from {partitions_before} to {partitions}, {}{more} events that match only now are handled",
        one_line(filter_before),
        one_line(filter),
        report.new_events
    )
}

fn print(
    session: &mut Session,
    report: &ChangeReport,
    name: &str,
    is_done: bool,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        return session.out.json(&json!({
            "subscription": name,
            "done": if is_done { "changed" } else { "previewed" },
            "changes": report.changes,
            "filter_before": report.filter_before,
            "filter": report.filter,
            "partitions_before": report.partitions_before,
            "partitions": report.partitions,
            "new_events": report.new_events,
            "counted_all": report.counted_all,
        }));
    }
    let done = match (is_done, report.changes) {
        (true, _) => "changed",
        (false, true) => "would change",
        (false, false) => "is so already",
    };
    session.out.line(format!("{} {done}: {}", one_line(name), in_words(report)))
}
