//! A stream as a timeline, the latest event first, page by page before a version.

use axum::extract::{Path, Query};
use event_core::adapter::Direction;
use event_core::{
    BatchSize, Error, ReadOptions, RecordedEvent, StreamId, StreamInfo, StreamVersion, Tenant,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, event_type, figure, nothing, stream_state, tail};
use crate::links::{name_of, query};
use crate::text;
use crate::visit::Visit;

/// The events of a page.
const LIMIT: u32 = 30;
/// The bytes of a page.
const LIMIT_BYTES: usize = 2 << 20;
/// The characters of an event's data that are shown.
const PREVIEW: usize = 240;

/// Which page is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// The first event of the page; the latest without it.
    from: Option<u64>,
    /// `oldest` for the oldest first.
    order: String,
}

/// `GET /stream/{tenant}/{stream}`
pub(crate) async fn get(
    visit: Visit,
    Path((tenant, stream)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Page, Failure> {
    let (tenant, stream_id) = names(&tenant, &stream)?;
    let store = visit.shared.store_of(Some(tenant.clone()));
    let info = store.stream_info(&stream_id).await?;
    let options = wanted.options();
    let events = match store.read_stream(&stream_id, options).await {
        Err(Error::StreamDeleted { .. }) => Vec::new(),
        events => events?,
    };
    let title = format!("Stream {}", text::plain_name(stream_id.as_str()));
    let address = visit.links.stream(&tenant, &stream_id);
    let is_oldest_first = options.get_direction() == Direction::Forward;
    let is_at_the_end = wanted.from.is_none() && !is_oldest_first;
    let body = html! {
        p.crumbs { a href=(visit.links.to("/streams")) { "Streams" } " / " (text::name(tenant.as_str())) }
        h1 { (text::name(stream_id.as_str())) }
        (figures(&visit, &info))
        section aria-labelledby="events" {
            div.bar {
                h2 id="events" { @if info.holds_links { "Links" } @else { "Events" } }
                @if is_at_the_end && !info.state.is_deleted() {
                    (tail(&(visit.links.to("/live") + &query(&[("tenant", tenant.as_str()), ("stream", stream_id.as_str())]))))
                }
                @if is_oldest_first { a href=(address) { "Latest first" } } @else {
                    a href=(address.clone() + &query(&[("order", "oldest")])) { "Oldest first" }
                }
            }
            @if events.is_empty() { (nothing("No event is here.")) }
            ol.timeline data-rows { @for event in &events { (entry(&visit, event)) } }
        }
        (pages(&address, &info, &events, is_oldest_first, is_at_the_end))
    };
    Ok(Page::new(Place::Streams, title, body))
}

/// The names of a path.
pub(super) fn names(tenant: &str, stream: &str) -> Result<(Tenant, StreamId), Failure> {
    let invalid = |reason: String| Failure::Invalid(reason);
    Ok((
        Tenant::new(name_of(tenant)).map_err(|error| invalid(error.to_string()))?,
        StreamId::new(name_of(stream)).map_err(|error| invalid(error.to_string()))?,
    ))
}

impl Wanted {
    fn options(&self) -> ReadOptions {
        let options = match &*self.order {
            "oldest" => ReadOptions::forward(),
            _ => ReadOptions::backward(),
        };
        let limit = BatchSize::new(LIMIT).unwrap_or_default();
        let from = StreamVersion::new(self.from.unwrap_or_default());
        options.from(from).limit(limit).limit_bytes(LIMIT_BYTES)
    }
}

fn figures(visit: &Visit, info: &StreamInfo) -> Markup {
    let category = info.stream_id.category();
    let category_page = visit.links.to("/streams")
        + &query(&[("category", category), ("tenant", info.tenant.as_str())]);
    html! {
        dl.figures {
            (figure(if info.holds_links { "Links" } else { "Events" }, &html! { (text::number(info.events())) }, &html! {
                @if info.first_version.get() > 1 { "from version " (text::number(info.first_version.get())) }
            }))
            (figure("Version", &html! { (text::number(info.version.get())) }, &html! { "of the last one" }))
            (figure("State", &stream_state(info.state), &html! {}))
            (figure("Category", &html! { a href=(category_page) { (text::name(category)) } }, &html! {}))
            (figure("Begun", &html! { (text::short_time(info.created_at)) }, &html! {}))
        }
    }
}

fn entry(visit: &Visit, event: &RecordedEvent) -> Markup {
    let data = event.data().get();
    let (preview, is_cut) = text::cut(data, PREVIEW);
    let address = visit.links.event(event.tenant(), event.event_id());
    html! {
        li {
            div.line {
                a.at href=(address) { "#" (event.stream_version()) }
                (event_type(&visit.links, event.event_type(), event.event_version()))
                span.when { (text::time(event.recorded_at())) }
            }
            @if let Some((stream_id, version)) = event.origin() {
                p.quiet { "Link to " a href=(visit.links.stream(event.tenant(), stream_id)) { (text::name(stream_id.as_str())) } " #" (version) }
            }
            @if let Some(damage) = event.damage() { p { (badge("bad", "damaged")) " " (text::shown(damage, 300)) } }
            code.preview { bdi { (preview) @if is_cut { "…" } } }
            @if is_cut { " " a.more href=(address) { "Show all " (text::bytes(data.len())) } }
        }
    }
}

fn pages(
    address: &str,
    info: &StreamInfo,
    events: &[RecordedEvent],
    is_oldest_first: bool,
    is_at_the_end: bool,
) -> Markup {
    let last = events.last().map(|event| event.stream_version().get());
    let order = if is_oldest_first { "oldest" } else { "" };
    let next = match last {
        Some(last) if is_oldest_first => (last < info.version.get()).then(|| last + 1),
        Some(last) => (last > info.first_version.get()).then(|| last - 1),
        None => None,
    };
    html! {
        nav.pages aria-label="More events" {
            @if !is_at_the_end { a href=(address.to_owned() + &query(&[("order", order)])) { "First page" } }
            @if let Some(next) = next {
                a rel="next" href=(address.to_owned() + &query(&[("from", &next.to_string()), ("order", order)])) {
                    @if is_oldest_first { "Later" } @else { "Earlier" } " events"
                }
            }
        }
    }
}
