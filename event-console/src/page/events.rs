//! All events, the latest first, page by page before a position, with filters that the store has.

use axum::extract::Query;
use event_core::{AllOptions, BatchSize, Position, RecordedEvent, Tenant};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{event_rows, nothing, tail};
use crate::links::query;
use crate::text;
use crate::visit::Visit;

/// The events of a page.
const LIMIT: u32 = 50;

/// Which events are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    #[serde(rename = "type")]
    event_type: String,
    category: String,
    tenant: String,
    /// Only events before this position.
    before: Option<u64>,
}

/// `GET /events`
pub(crate) async fn get(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Page, Failure> {
    let tenant = match &*wanted.tenant {
        "" => None,
        name => Some(Tenant::new(name).map_err(|error| Failure::Invalid(error.to_string()))?),
    };
    let store = visit.shared.store_of(tenant.clone());
    let events = store.read_all(wanted.options()).await?;
    let body = html! {
        h1 { "Events" }
        (wanted.form(&visit))
        @if wanted.before.is_none() { (tail(&(visit.links.to("/live") + &wanted.query(None)))) }
        @if events.is_empty() { (nothing("No event is here.")) }
        (event_rows(&visit.links, &events, tenant.is_none()))
        nav.pages aria-label="More events" {
            @if wanted.before.is_some() {
                a href=(visit.links.to("/events") + &wanted.query(None)) { "Latest" }
            }
            @if let (true, Some(last)) = (events.len() == LIMIT as usize, events.last()) {
                a rel="next" href=(visit.links.to("/events") + &wanted.query(Some(last))) { "Earlier events" }
            }
        }
    };
    Ok(Page::new(Place::Events, "Events", body))
}

impl Wanted {
    fn options(&self) -> AllOptions {
        let limit = BatchSize::new(LIMIT).unwrap_or_default();
        let mut options = AllOptions::new().last(limit);
        if !self.event_type.is_empty() {
            options = options.event_types([&*self.event_type]);
        }
        if !self.category.is_empty() {
            options = options.category(&self.category);
        }
        if let Some(before) = self.before {
            options = options.up_to(Position::new(before.saturating_sub(1)));
        }
        options
    }

    fn query(&self, last: Option<&RecordedEvent>) -> String {
        let before = last.map(|last| last.position().get().to_string()).unwrap_or_default();
        query(&[
            ("type", &self.event_type),
            ("category", &self.category),
            ("tenant", &self.tenant),
            ("before", &before),
        ])
    }

    fn form(&self, visit: &Visit) -> Markup {
        html! {
            form.filter role="search" method="get" action=(visit.links.to("/events")) {
                div { label for="type" { "Type" }
                    input id="type" name="type" type="search" list="types" value=(self.event_type) autocomplete="off" spellcheck="false"; }
                datalist id="types" { @for name in known_types() { option value=(name) {} } }
                div { label for="category" { "Category of streams" }
                    input id="category" name="category" type="search" value=(self.category) autocomplete="off" spellcheck="false"; }
                div { label for="tenant" { "Tenant" }
                    input id="tenant" name="tenant" type="search" value=(self.tenant) autocomplete="off" spellcheck="false"; }
                button type="submit" { "Filter" }
            }
            @if let Some(before) = self.before { p.quiet { "Before position " (text::number(before)) "." } }
        }
    }
}

fn known_types() -> Vec<&'static str> {
    event_core::Registry::global().map(event_core::Registry::types).unwrap_or_default()
}
