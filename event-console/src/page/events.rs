//! All events, the latest first, page by page before a position, with filters that the store has.

use axum::extract::Query;
use event_core::{AllOptions, Tenant};
use maud::{Markup, html};
use serde::Deserialize;

use super::look::Look;
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
    /// How many times longer than usual the page may look for events.
    farther: Option<u32>,
}

/// The most that a page looks farther.
const FARTHEST: u32 = 64;

/// `GET /events`
pub(crate) async fn get(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Page, Failure> {
    let tenant = match &*wanted.tenant {
        "" => None,
        name => Some(Tenant::new(name).map_err(|error| Failure::Invalid(error.to_string()))?),
    };
    let store = visit.shared.store_of(tenant.clone());
    let farther = wanted.farther.unwrap_or(1).clamp(1, FARTHEST);
    let look = Look::of(&store, &wanted.options(), wanted.before, (LIMIT, farther)).await?;
    let events = &look.events;
    let body = html! {
        h1 { "Events" }
        (wanted.form(&visit))
        @if wanted.before.is_none() { (tail(&(visit.links.to("/live") + &wanted.query(None, 1)))) }
        @if events.is_empty() && look.down_to == 0 { (nothing("No event is here.")) }
        (event_rows(&visit.links, events, tenant.is_none()))
        @if look.down_to > 0 && (!look.is_full || events.len() < LIMIT as usize) {
            p.quiet { "Everything after position " (text::number(look.down_to)) " was looked at." }
        }
        nav.pages aria-label="More events" {
            @if wanted.before.is_some() {
                a href=(visit.links.to("/events") + &wanted.query(None, 1)) { "Latest" }
            }
            @if look.down_to > 0 {
                @if look.is_full {
                    a rel="next" href=(visit.links.to("/events") + &wanted.query(Some(look.down_to), 1)) { "Earlier events" }
                } @else {
                    a rel="next" href=(visit.links.to("/events") + &wanted.query(Some(look.down_to), (farther * 4).min(FARTHEST))) { "Look farther" }
                }
            }
        }
    };
    Ok(Page::new(Place::Events, "Events", body))
}

impl Wanted {
    fn options(&self) -> AllOptions {
        let mut options = AllOptions::new();
        if !self.event_type.is_empty() {
            options = options.event_types([&*self.event_type]);
        }
        if !self.category.is_empty() {
            options = options.category(&self.category);
        }
        options
    }

    /// The address of the events up to a position, all of which was not looked at yet.
    fn query(&self, up_to: Option<u64>, farther: u32) -> String {
        let before = up_to.map(|it| it.saturating_add(1).to_string()).unwrap_or_default();
        let farther = if farther > 1 { farther.to_string() } else { String::new() };
        query(&[
            ("type", &self.event_type),
            ("category", &self.category),
            ("tenant", &self.tenant),
            ("before", &before),
            ("farther", &farther),
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
