//! The tenants. Nothing lists them, so the page jumps through the list of streams, which is sorted by tenant: one question
//! for each tenant, whatever it holds.

use axum::extract::Query;
use event_core::{BatchSize, EventStore, ListOptions, StreamId, Tenant};
use maud::html;
use serde::Deserialize;

use super::streams::mark;
use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::nothing;
use crate::links::query;
use crate::text;
use crate::visit::Visit;

/// The tenants of a page.
const LIMIT: usize = 25;

/// Which page is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    after: String,
}

/// `GET /tenants`
pub(crate) async fn get(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Page, Failure> {
    let mut tenants = Vec::new();
    let mut after = match &*wanted.after {
        "" => None,
        name => Some(Tenant::new(name).map_err(|error| Failure::Invalid(error.to_string()))?),
    };
    while tenants.len() <= LIMIT {
        let Some(tenant) = next(&visit.shared.store, after).await? else { break };
        after = Some(tenant.clone());
        tenants.push(tenant);
    }
    let has_more = tenants.len() > LIMIT;
    tenants.truncate(LIMIT);
    let body = html! {
        h1 { "Tenants" }
        @if tenants.is_empty() { (nothing("No tenant has a stream.")) }
        ul.cards {
            @for tenant in &tenants {
                @let of = query(&[("tenant", tenant.as_str())]);
                li {
                    h2 { (text::name(tenant.as_str())) }
                    p {
                        a href=(visit.links.to("/streams") + &of) { "Streams" span.hidden { " of " (text::name(tenant.as_str())) } }
                        " · "
                        a href=(visit.links.to("/events") + &of) { "Latest events" span.hidden { " of " (text::name(tenant.as_str())) } }
                    }
                }
            }
        }
        nav.pages aria-label="More tenants" {
            @if !wanted.after.is_empty() { a href=(visit.links.to("/tenants")) { "First page" } }
            @if let (true, Some(last)) = (has_more, tenants.last()) {
                a rel="next" href=(visit.links.to("/tenants") + &query(&[("after", last.as_str())])) { "Next page" }
            }
        }
    };
    Ok(Page::new(Place::Tenants, "Tenants", body))
}

/// The tenant after one.
async fn next(store: &EventStore, after: Option<Tenant>) -> Result<Option<Tenant>, Failure> {
    let mut options = ListOptions::new().deleted().limit(BatchSize::new(1).unwrap_or_default());
    if let Some(tenant) = after {
        // No name of a stream sorts after it: the highest text, in bytes, of the 255 bytes that a name may have.
        let last = StreamId::new("\u{10ffff}".repeat(63) + "\u{ffff}");
        let last = last.map_err(|error| Failure::Invalid(error.to_string()))?;
        options = options.after(&mark(tenant, last));
    }
    let page = store.list_streams(options).await?;
    Ok(page.into_iter().next().map(|stream| stream.tenant))
}
