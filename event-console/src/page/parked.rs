//! What a subscription set aside: parked events with what an operator may do about them, and those that were given up.

use event_core::adapter::{DiscardedEvent, ParkedEvent};
use event_core::subscription::SubscriptionInfo;
use event_core::{BatchSize, EventId, Position};
use maud::{Markup, html};
use serde::{Deserialize, Deserializer};

use super::which::Which;
use crate::failure::Failure;
use crate::html::form::{button, token};
use crate::html::parts::{badge, nothing};
use crate::links::query;
use crate::text;
use crate::visit::Visit;

/// The events of a page.
const LIMIT: usize = 50;

/// Which page of each list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pages {
    /// Parked after this position.
    #[serde(deserialize_with = "number")]
    after: u64,
    /// Discarded after this position.
    #[serde(deserialize_with = "number")]
    given_up_after: u64,
}

/// A number of a query, where it comes as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Both lists.
pub(crate) async fn sections(
    visit: &Visit,
    which: &Which,
    info: &SubscriptionInfo,
    pages: &Pages,
) -> Result<Markup, Failure> {
    let limit = BatchSize::new(u32::try_from(LIMIT + 1).unwrap_or(u32::MAX)).unwrap_or_default();
    let list = |after| which.open(visit).parked().after(Position::new(after)).limit(limit);
    let mut parked = list(pages.after).await?;
    let mut given_up = list(pages.given_up_after).discarded().await?;
    let (more_parked, more_given_up) = (parked.len() > LIMIT, given_up.len() > LIMIT);
    parked.truncate(LIMIT);
    given_up.truncate(LIMIT);
    let acts = visit.shared.settings.allows_actions;
    let link = which.link(visit);
    let next = |name: &str, last: Option<Position>, place: &str| {
        let after = last.map(|position| position.get().to_string()).unwrap_or_default();
        format!("{link}{}{place}", query(&[(name, &after)]))
    };
    Ok(html! {
        section aria-labelledby="parked" {
            div.bar {
                h2 id="parked" { "Parked events" }
                @if acts && info.parked > 0 {
                    div.buttons {
                        (button(visit, &format!("{link}/replay"), &[], "Replay all"))
                        (discard(visit, which, None))
                    }
                }
            }
            @if parked.is_empty() { (nothing("No event is parked.")) }
            @else { ol.parked { @for event in &parked { (parked_row(visit, which, info, event)) } } }
            nav.pages aria-label="More parked events" {
                @if pages.after > 0 { a href={ (link) "#parked" } { "First page" } }
                @if more_parked { a rel="next" href=(next("after", parked.last().map(|it| it.position), "#parked")) { "Next page" } }
            }
        }
        @if !given_up.is_empty() || pages.given_up_after > 0 {
            section aria-labelledby="discarded" {
                h2 id="discarded" { "Discarded events" }
                ol.parked { @for event in &given_up { (discarded_row(visit, info, event)) } }
                nav.pages aria-label="More discarded events" {
                    @if pages.given_up_after > 0 { a href={ (link) "#discarded" } { "First page" } }
                    @if more_given_up {
                        a rel="next" href=(next("given_up_after", given_up.last().map(|it| it.parked.position), "#discarded")) { "Next page" }
                    }
                }
            }
        }
    })
}

fn parked_row(
    visit: &Visit,
    which: &Which,
    info: &SubscriptionInfo,
    event: &ParkedEvent,
) -> Markup {
    let position = event.position.get().to_string();
    html! {
        li {
            (place(visit, info, event.event_id, event.position))
            span.error { (text::shown(&event.error, 600)) }
            span.quiet { (text::count(u64::from(event.attempts), "attempt", "attempts")) " · " (text::short_time(event.parked_at)) }
            @if event.replay { div.buttons { (badge("warn", "to be handled again")) } }
            @else if visit.shared.settings.allows_actions {
                div.buttons {
                    (button(visit, &(which.link(visit) + "/replay"), &[("position", &position)], "Replay"))
                    (discard(visit, which, Some(&position)))
                }
            }
        }
    }
}

fn discarded_row(visit: &Visit, info: &SubscriptionInfo, event: &DiscardedEvent) -> Markup {
    html! {
        li {
            (place(visit, info, event.parked.event_id, event.parked.position))
            span.error {
                (text::shown(&event.parked.error, 300))
                span.reason { "Discarded: " (text::shown(&event.reason, 600)) }
            }
            span.quiet { (text::short_time(event.discarded_at)) }
        }
    }
}

/// The position, with a link to the event: only a tenant's subscription knows whose it is.
fn place(visit: &Visit, info: &SubscriptionInfo, event_id: EventId, position: Position) -> Markup {
    let link = if let Some(tenant) = &info.tenant {
        visit.links.event(tenant, event_id)
    } else {
        let before = position.get().saturating_add(1).to_string();
        visit.links.to("/events") + &query(&[("before", &before)])
    };
    html! { a.at href=(link) { span.hidden { "Event at position " } (text::number(position.get())) } }
}

/// A button that opens a form, which asks for the reason.
fn discard(visit: &Visit, which: &Which, position: Option<&str>) -> Markup {
    let id = format!("reason-{}", position.unwrap_or("all"));
    html! {
        details.ask {
            summary.danger { @match position { Some(_) => "Discard…" None => "Discard all…" } }
            form method="post" action={ (which.link(visit)) "/discard" } {
                (token(visit))
                @if let Some(position) = position { input type="hidden" name="position" value=(position); }
                label for=(id) { "Why, for those who ask later" }
                input id=(id) name="reason" required maxlength="2000" autocomplete="off";
                button.danger type="submit" { @match position { Some(_) => "Discard" None => "Discard all" } }
            }
        }
    }
}
