//! A durable subscription: its partitions, its parked events, and what an operator may do to it.

use axum::extract::{Path, Query};
use event_core::subscription::{SubscriptionInfo, SubscriptionStatus};
use maud::{Markup, html};
use serde::Deserialize;

use super::parked;
use super::which::Which;
use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::form::{button, token};
use crate::html::parts::{badge, figure, notice, subscription_status};
use crate::text;
use crate::visit::Visit;

/// Which pages of parked events, and what was done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    #[serde(flatten)]
    pages: parked::Pages,
    done: String,
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
    let parked = parked::sections(visit, which, &info, &wanted.pages).await?;
    let body = html! {
        p.crumbs { a href=(visit.links.to("/subscriptions")) { "Subscriptions" } }
        h1 { (text::name(&info.name)) " " (subscription_status(info.status)) }
        (done(&wanted.done))
        @if let Some(why) = &info.stopped { (notice("bad", &html! { strong { "Its last consumer stopped. " } (text::shown(why, 1_000)) })) }
        (figures(&info))
        @if visit.shared.settings.allows_actions { (actions(visit, which, &info)) }
        (partitions(&info))
        (parked)
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
        "discard" => "Given up: kept with the reason, and never handled again.",
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
            @if is_paused { (button(visit, &(which.link(visit) + "/resume"), &[], "Resume")) } @else { (button(visit, &(which.link(visit) + "/pause"), &[], "Pause")) }
            details {
                summary.danger { "Reset…" }
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
