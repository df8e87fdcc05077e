//! `all`: the events of all streams, in the global order.

use chrono::{DateTime, Utc};
use clap::Args;
use event_core::{AllOptions, BatchSize, Error, EventStore, Filter, Position, StartFrom, StreamId};

use crate::failure::Failure;
use crate::follow::{Followed, after, follow};
use crate::moment::moment;
use crate::rows::{Form, Rows};
use crate::session::{Common, Session, scoped};

/// The arguments of `all`.
#[derive(Debug, Args)]
pub struct All {
    /// Only events of this type, under each name that it was stored under; several are alternatives.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only streams of a category, which is the text before the first `-` of their name.
    #[arg(long)]
    category: Option<String>,
    /// Only this stream.
    #[arg(long)]
    stream: Option<String>,
    /// Only events recorded at or after this time: `2026-11-29`, `2026-11-29T08:00`, or how long ago, `2h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Only events recorded before this time.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "follow")]
    until: Option<DateTime<Utc>>,
    /// Only events with this correlation id.
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Only events after this position.
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// The newest event first.
    #[arg(long, conflicts_with = "follow")]
    backward: bool,
    /// At most this many events.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The form of the events.
    #[arg(long = "as", value_name = "FORM", default_value = "stored")]
    form: Form,
    /// Follows the events that are committed from now on.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    common: Common,
}

impl All {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let tenant = self.common.tenant()?;
        let store = scoped(&session.store().await?, tenant.clone());
        let stream = self.stream.as_deref().map(StreamId::new).transpose().map_err(Error::from)?;
        let mut rows = Rows::new(self.common.json, self.form, false);
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut options = self.options(stream.as_ref());
        let mut from = StartFrom::Beginning;
        if self.follow {
            // What is committed while this reads is left to the subscription.
            let head = store.head().await?;
            options = options.up_to(head);
            from = self.start(&store, head).await?;
        }
        let mut events = store.all_events(options);
        while left > 0
            && let Some(event) = events.next().await
        {
            rows.event(&mut session.out, &event?)?;
            left -= 1;
        }
        rows.flush(&mut session.out)?;
        if !self.follow {
            return Ok(());
        }
        let followed = Followed { tenant, filter: self.filter(stream), from, left };
        follow(session, store, followed, &mut rows).await
    }

    /// Where following begins: after the last event up to the end of the log, whatever the filter makes of it.
    async fn start(&self, store: &EventStore, head: Position) -> Result<StartFrom, Error> {
        if let Some(position) = self.after.map(Position::new).filter(|position| *position > head) {
            return Ok(StartFrom::After(position));
        }
        let last = AllOptions::new().up_to(head).last(BatchSize::new(1)?);
        Ok(store.read_all(last).await?.first().map_or(StartFrom::Beginning, after))
    }

    fn options(&self, stream: Option<&StreamId>) -> AllOptions {
        let mut options = AllOptions::new();
        if let Some(after) = self.after {
            options = options.after(Position::new(after));
        }
        if let Some(stream) = stream {
            options = options.stream(stream.clone());
        }
        if !self.types.is_empty() {
            options = options.event_types(&self.types);
        }
        if let Some(category) = &self.category {
            options = options.category(category);
        }
        if let Some(since) = self.since {
            options = options.recorded_from(since);
        }
        if let Some(until) = self.until {
            options = options.recorded_before(until);
        }
        if let Some(correlation) = &self.correlation {
            options = options.correlation_id(correlation);
        }
        if self.backward { options.backward() } else { options }
    }

    fn filter(&self, stream: Option<StreamId>) -> Filter {
        let mut filter = Filter::all();
        if let Some(stream) = stream {
            filter = filter.stream(stream);
        }
        if !self.types.is_empty() {
            filter = filter.event_types(&self.types);
        }
        if let Some(category) = &self.category {
            filter = filter.category(category);
        }
        if let Some(correlation) = self.correlation.clone() {
            let has = move |event: &event_core::RecordedEvent| {
                event.metadata().correlation_id().is_some_and(|id| *id == *correlation)
            };
            filter = filter.predicate("correlation", has);
        }
        filter
    }
}
