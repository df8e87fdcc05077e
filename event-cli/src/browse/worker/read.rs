//! Reads a page for a list.

use std::collections::BTreeSet;

use event_core::{
    BatchSize, EventStore, ListOptions, Position, ReadOptions, RecordedEvent, Registry, Result,
    StreamId, StreamVersion,
};

use super::event;
use super::scope::{of_subscription, of_tenant, selected};
use crate::browse::request::{Answer, EventFilter, EventsOf, Request};
use crate::browse::rows::EventRow;

/// The rows of a page.
const PAGE: u32 = 100;
/// A page of large events is shorter.
const PAGE_BYTES: usize = 4 << 20;

/// Reads what is asked for.
pub(super) async fn read(store: &EventStore, request: Request) -> Result<Answer> {
    match request {
        Request::Streams(options) => streams(store, options).await,
        Request::Events { of: EventsOf::Stream(tenant, stream), from, is_backward } => {
            stream_events(&of_tenant(store, tenant), &stream, from, is_backward).await
        }
        Request::Events { of: EventsOf::All(filter), from, is_backward } => {
            all_events(store, filter, from, is_backward).await
        }
        Request::Event(key) => event::event(store, key).await,
        Request::Subscriptions => Ok(Answer::Subscriptions(store.subscriptions().await?)),
        Request::Parked { subscription, after } => {
            let store = of_subscription(store, &subscription);
            let page = store.subscription(subscription.name).parked().after(after).await?;
            let next = page.last().filter(|_| page.len() >= 1_000).map(|last| last.position);
            Ok(Answer::Parked(page, next))
        }
        Request::Projections => Ok(Answer::Projections(store.projections().await?)),
        Request::Types => types(store).await,
    }
}

fn page_size() -> BatchSize {
    BatchSize::new(PAGE).unwrap_or_default()
}

async fn streams(store: &EventStore, options: ListOptions) -> Result<Answer> {
    let page = store.list_streams(options.limit(page_size())).await?;
    let more = page.len() >= PAGE as usize;
    Ok(Answer::Streams(page, more))
}

async fn stream_events(
    store: &EventStore,
    stream: &StreamId,
    from: Option<u64>,
    is_backward: bool,
) -> Result<Answer> {
    let options = if is_backward { ReadOptions::backward() } else { ReadOptions::forward() };
    let from = from.map_or(StreamVersion::NONE, StreamVersion::new);
    let options = options.from(from).limit(page_size()).limit_bytes(PAGE_BYTES);
    let page = store.read_stream(stream, options).await?;
    let next = last_of(&page).and_then(|last| {
        let version = last.stream_version().get();
        if is_backward {
            version.checked_sub(1).filter(|it| *it > 0)
        } else {
            version.checked_add(1)
        }
    });
    Ok(Answer::Events(page.iter().map(EventRow::from).collect(), next))
}

async fn all_events(
    store: &EventStore,
    filter: EventFilter,
    from: Option<u64>,
    is_backward: bool,
) -> Result<Answer> {
    let (store, mut options) = selected(store, filter);
    options = match (is_backward, from.map(Position::new)) {
        (true, None) => options.backward(),
        (true, Some(from)) => options.backward().up_to(from),
        (false, None) => options,
        (false, Some(from)) => options.after(from),
    };
    let page = store.read_all(options.limit(page_size()).limit_bytes(PAGE_BYTES)).await?;
    let next = last_of(&page).and_then(|last| {
        let position = last.position().get();
        if is_backward { position.checked_sub(1).filter(|it| *it > 0) } else { Some(position) }
    });
    Ok(Answer::Events(page.iter().map(EventRow::from).collect(), next))
}

/// The last event of a page after which there may be more.
fn last_of(page: &[RecordedEvent]) -> Option<&RecordedEvent> {
    let bytes: usize = page.iter().map(RecordedEvent::size).sum();
    page.last().filter(|_| page.len() >= PAGE as usize || bytes >= PAGE_BYTES)
}

/// The types that this program knows, and those that the store ever held.
async fn types(store: &EventStore) -> Result<Answer> {
    let registry = Registry::global()?;
    let mut types: BTreeSet<String> = registry.types().into_iter().map(str::to_owned).collect();
    let census = store.census().await?;
    types.extend(census.readable.iter().map(|it| it.event_type.to_string()));
    types.extend(census.unreadable.iter().map(|it| it.stored.event_type.to_string()));
    Ok(Answer::Types(types.into_iter().collect()))
}
