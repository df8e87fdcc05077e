//! The durable subscriptions: whether they are consumed, and how far they are behind.

use event_core::subscription::SubscriptionInfo;
use maud::{Markup, html};

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{nothing, subscription_status};
use crate::text;
use crate::visit::Visit;

/// `GET /subscriptions`
pub(crate) async fn get(visit: Visit) -> Result<Page, Failure> {
    let subscriptions = visit.shared.store.subscriptions().await?;
    let body = html! {
        h1 { "Subscriptions" }
        @if subscriptions.is_empty() {
            (nothing("No durable subscription is registered. Each is registered when its first consumer opens it."))
        } @else {
            table.stacks {
                caption.hidden { "Durable subscriptions" }
                thead { tr {
                    th scope="col" { "Subscription" } th scope="col" { "State" } th scope="col" { "Tenant" }
                    th.number scope="col" { "Position" } th.number scope="col" { "Lag" } th.number scope="col" { "Parked" }
                    th.number scope="col" { "Consumers" }
                } }
                tbody { @for it in &subscriptions { (row(&visit, it)) } }
            }
        }
    };
    Ok(Page::new(Place::Subscriptions, "Subscriptions", body))
}

fn row(visit: &Visit, it: &SubscriptionInfo) -> Markup {
    let link = visit.links.subscription(it.tenant.as_ref(), &it.name);
    html! {
        tr {
            th scope="row" { a href=(link) { (text::name(&it.name)) } }
            td data-label="State" { (subscription_status(it.status)) }
            td data-label="Tenant" { @match &it.tenant { Some(tenant) => { (text::name(tenant.as_str())) } None => { span.quiet { "all" } } } }
            td.number data-label="Position" { (text::number(it.position.get())) }
            td.number data-label="Lag" {
                (text::number(it.lag))
                @if let Some(time) = it.lag_time { span.quiet { " · " (text::duration(time)) } }
            }
            td.number data-label="Parked" {
                @if it.parked == 0 { "0" } @else { a href={ (link) "#parked" } { (text::number(it.parked)) } }
            }
            td.number data-label="Consumers" { (consumers(it)) " of " (text::count(it.partitions.len() as u64, "partition", "partitions")) }
        }
    }
}

fn consumers(it: &SubscriptionInfo) -> usize {
    it.partitions.iter().filter(|partition| partition.owner.is_some()).count()
}
