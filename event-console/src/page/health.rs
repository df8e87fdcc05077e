//! The health of the store: whether it answers, how fast, and what blocks its readers.

use event_core::health::{Blocker, Health};
use event_core::{Error, Result as StoreResult};
use maud::{Markup, html};

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, figure, nothing, notice};
use crate::text;
use crate::visit::Visit;

/// `GET /health`
pub(crate) async fn get(visit: Visit) -> Result<Page, Failure> {
    let store = &visit.shared.store;
    let health = store.health().await?;
    let pending = store.schema().pending().await;
    let body = html! {
        h1 { "Health" }
        (figures(&health))
        (blocked(&health))
        @if let Some(change) = &health.log_change {
            (notice("bad", &html! { strong { "The log was replaced. " } (change) " " (text::time(change.at)) }))
        }
        (schema(&health, pending.map(|pending| pending.len())))
        section aria-labelledby="console" {
            h2 id="console" { "This console" }
            dl.facts {
                dt { "Actions" } dd { @if visit.shared.settings.allows_actions { "allowed" } @else { "not allowed: it only shows" } }
                dt { "Followers" } dd { (visit.shared.tail.listeners()) " by " (text::count(visit.shared.tail.readers() as u64, "reader", "readers")) }
                dt { "Metrics" } dd { a href=(visit.links.to("/metrics")) { "Prometheus text" } }
                dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
            }
        }
    };
    Ok(Page::new(Place::Health, "Health", body))
}

fn figures(health: &Health) -> Markup {
    html! {
        dl.figures {
            (figure("State", &if health.read_only { badge("warn", "read only") } else { badge("good", "answers") }, &html! {}))
            (figure("Round trip", &html! { (text::duration(health.latency)) }, &html! {}))
            (figure("Server", &html! { (text::shown(&health.server, 60)) }, &html! {}))
            @if let Some(pool) = health.pool {
                (figure("Connections", &html! { (pool.busy) " busy" }, &html! { (pool.idle) " idle, at most " (pool.size) }))
            }
            @if let Some(bytes) = health.write_ahead_bytes {
                (figure("Write-ahead log", &html! { (text::bytes(usize::try_from(bytes).unwrap_or(usize::MAX))) }, &html! { "beside the file" }))
            }
        }
    }
}

fn blocked(health: &Health) -> Markup {
    html! {
        section aria-labelledby="readers" {
            h2 id="readers" { "Readers" }
            @match &health.stall {
                None => { (nothing("Nothing blocks them.")) }
                Some(stall) => {
                    (notice("warn", &html! {
                        "They wait at position " (text::number(stall.after.get())) " for " (text::duration(stall.waited))
                        "; events are stored up to " (text::number(stall.stored.get())) "."
                    }))
                    @if !stall.blockers.is_empty() { ul.plain { @for blocker in &stall.blockers { (who(blocker)) } } }
                }
            }
        }
    }
}

fn who(blocker: &Blocker) -> Markup {
    html! {
        li {
            @match blocker.pid { Some(pid) => { "Process " (pid) } None => "A prepared transaction" }
            ", " (text::shown(&blocker.application, 80)) ", role " (text::shown(&blocker.role, 80))
            ", " (text::shown(&blocker.state, 80)) ", " (text::duration(blocker.age)) " old"
            @if !blocker.query.is_empty() { br; code { (text::shown(&blocker.query, 300)) } }
        }
    }
}

fn schema(health: &Health, pending: StoreResult<usize>) -> Markup {
    html! {
        section aria-labelledby="schema" {
            h2 id="schema" { "Schema" }
            p {
                @match health.schema_version { Some(version) => { "Version " (version) ". " } None => "This backend has no schema. " }
                @match pending {
                    Ok(0) => { @if health.schema_version.is_some() { "No migration is pending." } }
                    Ok(count) => { (badge("warn", "pending")) " " (text::count(count as u64, "migration is", "migrations are")) " pending." }
                    Err(Error::Unsupported { .. }) => {}
                    Err(error) => { "Pending migrations are not known: " (text::shown(&error.to_string(), 300)) }
                }
            }
        }
    }
}
