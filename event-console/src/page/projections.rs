//! The projections in tables: which build readers read, and how far each is.

use event_core::health::ProjectionReport;
use maud::{Markup, html};

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, nothing};
use crate::text;
use crate::visit::Visit;

/// `GET /projections`
pub(crate) async fn get(visit: Visit) -> Result<Page, Failure> {
    let store = &visit.shared.store;
    let (reports, head) = match store.projections().await {
        Err(event_core::Error::Unsupported { .. }) => (None, 0),
        reports => (Some(reports?), store.head().await?.get()),
    };
    let body = html! {
        h1 { "Projections" }
        @match reports {
            None => { (nothing("This backend keeps no projections in tables.")) }
            Some(reports) if reports.is_empty() => { (nothing("No projection has tables yet.")) }
            Some(reports) => {
                table.stacks {
                    caption.hidden { "Builds of projections" }
                    thead { tr {
                        th scope="col" { "Projection" } th.number scope="col" { "Build" } th scope="col" { "State" }
                        th.number scope="col" { "Position" } th.number scope="col" { "Lag" } th.number scope="col" { "Events" }
                        th scope="col" { "Last event" } th scope="col" { "Tables" }
                    } }
                    tbody { @for report in &reports { (row(report, head)) } }
                }
            }
        }
    };
    Ok(Page::new(Place::Projections, "Projections", body))
}

fn row(report: &ProjectionReport, head: u64) -> Markup {
    let lag = head.saturating_sub(report.position.get());
    html! {
        tr {
            th scope="row" { (text::name(&report.name)) }
            td.number data-label="Build" { (report.build) }
            td data-label="State" { @if report.is_current { (badge("good", "current")) } @else { (badge("quiet", "beside it")) } }
            td.number data-label="Position" { (text::number(report.position.get())) }
            td.number data-label="Lag" { (text::number(lag)) }
            td.number data-label="Events" { (text::number(report.events)) }
            td data-label="Last event" { @match report.last_event_at { Some(time) => { (text::time(time)) } None => "–" } }
            td data-label="Tables" { code { (text::name(&report.schema)) } }
        }
    }
}
