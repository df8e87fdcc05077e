//! The list of streams, page by page after a name: a page costs the same at the beginning and at the end.

use axum::extract::Query;
use event_core::adapter::StreamState;
use event_core::{BatchSize, ListOptions, StreamId, StreamInfo, StreamVersion, Tenant};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, nothing, stream_state};
use crate::links::query;
use crate::text;
use crate::visit::Visit;

/// The streams of a page.
const LIMIT: u32 = 50;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    prefix: String,
    category: String,
    tenant: String,
    deleted: String,
    /// Tenant and name of the last stream of the page before.
    after_tenant: String,
    after: String,
}

/// `GET /streams`
pub(crate) async fn get(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Page, Failure> {
    let tenant = tenant(&wanted.tenant)?;
    let store = visit.shared.store_of(tenant.clone());
    // One more tells whether there is a next page.
    let mut streams = store.list_streams(wanted.options(LIMIT + 1)?).await?;
    let has_more = streams.len() > LIMIT as usize;
    streams.truncate(LIMIT as usize);
    let body = html! {
        h1 { "Streams" }
        (wanted.form(&visit))
        @if streams.is_empty() {
            (nothing(if wanted.is_filtered() { "No stream has this name." } else { "No stream is stored yet." }))
        } @else {
            (table(&visit, &streams, tenant.is_none()))
        }
        nav.pages aria-label="More streams" {
            @if !wanted.after.is_empty() {
                a href=(visit.links.to("/streams") + &wanted.query(None)) { "First page" }
            }
            @if let (true, Some(last)) = (has_more, streams.last()) {
                a rel="next" href=(visit.links.to("/streams") + &wanted.query(Some(last))) { "Next page" }
            }
        }
    };
    Ok(Page::new(Place::Streams, "Streams", body))
}

fn tenant(name: &str) -> Result<Option<Tenant>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    Tenant::new(name).map(Some).map_err(|error| Failure::Invalid(error.to_string()))
}

impl Wanted {
    fn options(&self, limit: u32) -> Result<ListOptions, Failure> {
        let mut options = ListOptions::new().limit(BatchSize::new(limit).unwrap_or_default());
        if !self.prefix.is_empty() {
            options = options.prefix(&self.prefix);
        }
        if !self.category.is_empty() {
            options = options.category(&self.category);
        }
        if !self.deleted.is_empty() {
            options = options.deleted();
        }
        if !self.after.is_empty() {
            let invalid = |error: String| Failure::Invalid(error);
            let tenant = Tenant::new(&*self.after_tenant).map_err(|it| invalid(it.to_string()))?;
            let stream_id = StreamId::new(&*self.after).map_err(|it| invalid(it.to_string()))?;
            options = options.after(&mark(tenant, stream_id));
        }
        Ok(options)
    }

    fn is_filtered(&self) -> bool {
        !(self.prefix.is_empty() && self.category.is_empty() && self.tenant.is_empty())
    }

    fn query(&self, after: Option<&StreamInfo>) -> String {
        let (after_tenant, after) =
            after.map_or(("", ""), |it| (it.tenant.as_str(), it.stream_id.as_str()));
        query(&[
            ("prefix", &self.prefix),
            ("category", &self.category),
            ("tenant", &self.tenant),
            ("deleted", &self.deleted),
            ("after_tenant", after_tenant),
            ("after", after),
        ])
    }

    fn form(&self, visit: &Visit) -> Markup {
        html! {
            form.filter role="search" method="get" action=(visit.links.to("/streams")) {
                div { label for="prefix" { "Name starts with" }
                    input id="prefix" name="prefix" type="search" value=(self.prefix) autocomplete="off" spellcheck="false"; }
                div { label for="category" { "Category" }
                    input id="category" name="category" type="search" value=(self.category) autocomplete="off" spellcheck="false"; }
                div { label for="tenant" { "Tenant" }
                    input id="tenant" name="tenant" type="search" value=(self.tenant) autocomplete="off" spellcheck="false"; }
                div.check { input id="deleted" name="deleted" type="checkbox" value="1" checked[!self.deleted.is_empty()];
                    label for="deleted" { "Include deleted streams" } }
                button type="submit" { "Filter" }
            }
        }
    }
}

/// The place in the list after a name. Only the name counts in this order.
pub(super) fn mark(tenant: Tenant, stream_id: StreamId) -> StreamInfo {
    StreamInfo {
        tenant,
        stream_id,
        version: StreamVersion::NONE,
        first_version: StreamVersion::NONE,
        state: StreamState::Active,
        created_at: chrono::DateTime::UNIX_EPOCH,
        holds_links: false,
    }
}

fn table(visit: &Visit, streams: &[StreamInfo], shows_tenant: bool) -> Markup {
    html! {
        table.stacks {
            caption.hidden { "Streams, by tenant and name" }
            thead { tr {
                th scope="col" { "Stream" }
                @if shows_tenant { th scope="col" { "Tenant" } }
                th.number scope="col" { "Events" }
                th.number scope="col" { "Version" }
                th scope="col" { "State" }
                th scope="col" { "Begun" }
            } }
            tbody {
                @for stream in streams {
                    tr {
                        th scope="row" { a href=(visit.links.stream(&stream.tenant, &stream.stream_id)) { (text::name(stream.stream_id.as_str())) } }
                        @if shows_tenant { td data-label="Tenant" { (text::name(stream.tenant.as_str())) } }
                        td.number data-label="Events" { (text::number(stream.events())) }
                        td.number data-label="Version" { (text::number(stream.version.get())) }
                        td data-label="State" { (stream_state(stream.state)) @if stream.holds_links { " " (badge("quiet", "links")) } }
                        td data-label="Begun" { (text::time(stream.created_at)) }
                    }
                }
            }
        }
    }
}
