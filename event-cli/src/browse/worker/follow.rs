//! Follows the log.

use event_core::{BatchSize, EventStore, Filter, RecordedEvent, Result, StartFrom};
use futures_util::FutureExt as _;
use tokio::sync::mpsc::Sender;

use super::scope::selected;
use crate::browse::request::{EventFilter, Message, Ticket};
use crate::browse::rows::EventRow;

/// The events of before that are shown first.
const BEFORE: u32 = 100;
/// The events that are sent at a time.
const BATCH: usize = 200;

/// Sends the latest events, and then those that follow, until nobody takes them. While the view is slow, it reads no further.
pub(super) async fn follow(
    store: EventStore,
    filter: EventFilter,
    ticket: Ticket,
    messages: Sender<Message>,
) -> Result<()> {
    let head = store.head().await?;
    let (scoped, options) = selected(&store, filter.clone());
    let before = options.up_to(head).last(BatchSize::new(BEFORE).unwrap_or_default());
    let page = scoped.read_all(before.limit_bytes(4 << 20)).await?;
    let rows = page.iter().rev().map(EventRow::from).collect();
    if messages.send(Message::Followed(ticket, rows)).await.is_err() {
        return Ok(());
    }

    let mut events = scoped.subscribe(StartFrom::After(head), subscribed(filter)).await?;
    while let Some(event) = events.next().await {
        let mut rows = vec![EventRow::from(&event?)];
        while rows.len() < BATCH
            && let Some(Some(event)) = events.next().now_or_never()
        {
            rows.push(EventRow::from(&event?));
        }
        if messages.send(Message::Followed(ticket, rows)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn subscribed(filter: EventFilter) -> Filter {
    let mut events = Filter::all();
    if !filter.types.is_empty() {
        events = events.event_types(filter.types);
    }
    if let Some((_, stream)) = filter.stream {
        events = events.stream(stream);
    }
    if let Some(correlation) = filter.correlation {
        events = events.predicate("correlation", move |event: &RecordedEvent| {
            event.metadata().correlation_id().as_deref() == Some(&correlation)
        });
    }
    events
}
