//! A durable subscription: its partitions, its parked events, and what an operator may do to it.

use axum::extract::{Path, Query};
use event_core::adapter::ParkedEvent;
use event_core::subscription::{DurableSubscription, SubscriptionInfo, SubscriptionStatus};
use event_core::{Position, Tenant};
use maud::{Markup, html};
use serde::Deserialize;

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, figure, nothing, notice, subscription_status};
use crate::links::{name_of, query};
use crate::text;
use crate::visit::Visit;

/// The parked events of a page.
const LIMIT: usize = 50;

/// Which page of parked events, and what was done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    after: u64,
    done: String,
}

/// The subscription of a path.
#[derive(Debug, Clone)]
pub(crate) struct Which {
    pub(crate) tenant: Option<Tenant>,
    pub(crate) name: String,
}

impl Which {
    pub(crate) fn all(name: &str) -> Self {
        Self { tenant: None, name: name_of(name).to_owned() }
    }

    pub(crate) fn of(tenant: &str, name: &str) -> Result<Self, Failure> {
        let tenant = Tenant::new(name_of(tenant));
        let tenant = tenant.map_err(|error| Failure::Invalid(error.to_string()))?;
        Ok(Self { tenant: Some(tenant), name: name_of(name).to_owned() })
    }

    pub(crate) fn open(&self, visit: &Visit) -> DurableSubscription {
        visit.shared.store_of(self.tenant.clone()).subscription(&*self.name)
    }

    pub(crate) fn link(&self, visit: &Visit) -> String {
        visit.links.subscription(self.tenant.as_ref(), &self.name)
    }
}

/// `GET /subscriptions/all/{name}`
pub(crate) async fn of_all(
    visit: Visit,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Page, Failure> {
    page(&visit, &Which::all(&name), &wanted).await
}

/// `GET /subscriptions/of/{tenant}/{name}`
pub(crate) async fn of_tenant(
    visit: Visit,
    Path((tenant, name)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Page, Failure> {
    page(&visit, &Which::of(&tenant, &name)?, &wanted).await
}

async fn page(visit: &Visit, which: &Which, wanted: &Wanted) -> Result<Page, Failure> {
    let all = visit.shared.store_of(which.tenant.clone()).subscriptions().await?;
    let found = all.into_iter().find(|it| it.name == which.name && it.tenant == which.tenant);
    let info = found.ok_or(Failure::NotFound("subscription"))?;
    let mut parked = which.open(visit).parked().after(Position::new(wanted.after)).await?;
    let has_more = parked.len() > LIMIT;
    parked.truncate(LIMIT);
    let link = which.link(visit);
    let body = html! {
        p.crumbs { a href=(visit.links.to("/subscriptions")) { "Subscriptions" } }
        h1 { (text::name(&info.name)) " " (subscription_status(info.status)) }
        (done(&wanted.done))
        @if let Some(why) = &info.stopped { (notice("bad", &html! { strong { "Its last consumer stopped. " } (text::shown(why, 1_000)) })) }
        (figures(&info))
        @if visit.shared.settings.allows_actions { (actions(visit, which, &info)) }
        (partitions(&info))
        section aria-labelledby="parked" {
            div.bar {
                h2 id="parked" { "Parked events" }
                @if visit.shared.settings.allows_actions && info.parked > 0 { (button(visit, which, "replay", &[], "Replay all")) }
            }
            @if parked.is_empty() { (nothing("No event is parked.")) } @else { (parked_list(visit, which, &info, &parked)) }
            nav.pages aria-label="More parked events" {
                @if wanted.after > 0 { a href={ (link) "#parked" } { "First page" } }
                @if let (true, Some(last)) = (has_more, parked.last()) {
                    a rel="next" href={ (link) (query(&[("after", &last.position.get().to_string())])) "#parked" } { "Next page" }
                }
            }
        }
    };
    Ok(Page::new(Place::Subscriptions, text::plain_name(&info.name), body))
}

/// What the last action did. Words of the address are only compared.
fn done(done: &str) -> Markup {
    let text = match done {
        "pause" => "The subscription is paused. Its consumers lose their partitions.",
        "resume" => "The subscription is resumed. Its consumers take partitions again.",
        "reset" => "The checkpoints are set.",
        "replay" => "Marked to be handled again. A running consumer takes it within seconds.",
        "discard" => "The parked event is discarded.",
        _ => return html! {},
    };
    html! { div role="status" { (notice("good", &html! { (text) })) } }
}

fn figures(info: &SubscriptionInfo) -> Markup {
    html! {
        dl.figures {
            (figure("Position", &html! { (text::number(info.position.get())) }, &html! { "of its slowest partition" }))
            (figure("Lag", &html! { (text::number(info.lag)) }, &html! {
                @match info.lag_time { Some(time) => { (text::duration(time)) " behind" } None => "caught up" }
            }))
            (figure("Parked", &html! { (text::number(info.parked)) }, &html! { "failed and set aside" }))
            (figure("Skipped", &html! { (text::number(info.skipped)) }, &html! { "by its policies" }))
        }
        dl.facts {
            dt { "Tenant" } dd { @match &info.tenant { Some(tenant) => { (text::name(tenant.as_str())) } None => "all tenants" } }
            dt { "Filter" } dd { (text::shown(&info.filter, 400)) }
        }
    }
}

fn actions(visit: &Visit, which: &Which, info: &SubscriptionInfo) -> Markup {
    let is_paused = info.status == SubscriptionStatus::Paused;
    let reset = which.link(visit) + "/reset";
    html! {
        section.actions aria-label="Actions" {
            @if is_paused { (button(visit, which, "resume", &[], "Resume")) } @else { (button(visit, which, "pause", &[], "Pause")) }
            details {
                summary { "Reset…" }
                form method="post" action=(reset) {
                    (token(visit))
                    fieldset {
                        legend { "Set every checkpoint to" }
                        div.check { input type="radio" id="to-beginning" name="to" value="beginning" required; label for="to-beginning" { "the beginning: everything is delivered again" } }
                        div.check { input type="radio" id="to-now" name="to" value="now"; label for="to-now" { "the end: what lies between is skipped" } }
                        div.check { input type="radio" id="to-after" name="to" value="after"; label for="to-after" { "after a position" } }
                        div { label for="position" { "Position" } input id="position" name="position" inputmode="numeric" pattern="[0-9]*" autocomplete="off"; }
                    }
                    button.danger type="submit" { "Reset" }
                }
            }
        }
    }
}

/// A form with one button.
fn button(
    visit: &Visit,
    which: &Which,
    action: &str,
    fields: &[(&str, &str)],
    label: &str,
) -> Markup {
    html! {
        form.one method="post" action={ (which.link(visit)) "/" (action) } {
            (token(visit))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { (label) }
        }
    }
}

fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name="form_token" value=(visit.form_token()); }
}

fn partitions(info: &SubscriptionInfo) -> Markup {
    html! {
        section aria-labelledby="partitions" {
            h2 id="partitions" { "Partitions" }
            table.stacks {
                caption.hidden { "Partitions and their consumers" }
                thead { tr { th scope="col" { "Partition" } th.number scope="col" { "Position" } th scope="col" { "Consumer" } } }
                tbody { @for (number, partition) in info.partitions.iter().enumerate() {
                    tr {
                        th scope="row" { (number) }
                        td.number data-label="Position" { (text::number(partition.position.get())) }
                        td data-label="Consumer" { @match &partition.owner { Some(owner) => { (text::name(owner)) } None => { (badge("quiet", "free")) } } }
                    }
                } }
            }
        }
    }
}

fn parked_list(
    visit: &Visit,
    which: &Which,
    info: &SubscriptionInfo,
    parked: &[ParkedEvent],
) -> Markup {
    html! {
        ol.parked { @for event in parked {
            li {
                div.line {
                    @match &info.tenant {
                        Some(tenant) => { a.at href=(visit.links.event(tenant, event.event_id)) { "Position " (text::number(event.position.get())) } }
                        None => { a.at href=(visit.links.to("/events") + &query(&[("before", &(event.position.get() + 1).to_string())])) { "Position " (text::number(event.position.get())) } }
                    }
                    span { (text::count(u64::from(event.attempts), "attempt", "attempts")) }
                    @if event.replay { (badge("warn", "to be handled again")) }
                    span.when { (text::time(event.parked_at)) }
                }
                p.error { (text::shown(&event.error, 600)) }
                @if visit.shared.settings.allows_actions && !event.replay {
                    div.buttons { (button(visit, which, "replay", &[("position", &event.position.get().to_string())], "Replay")) }
                }
            }
        } }
    }
}
