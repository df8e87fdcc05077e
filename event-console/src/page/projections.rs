//! The projections: which build readers read, how far each is, and what an operator may do to it.

use axum::extract::{Path, Query};
use axum::response::Redirect;
use event_core::Error;
use event_core::health::ProjectionReport;
use maud::{Markup, html};
use serde::Deserialize;

use crate::action::{AUDIT, Action, outcome};
use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::form::{button, token};
use crate::html::parts::{badge, nothing, notice};
use crate::links::{name_of, query};
use crate::rebuilds::State;
use crate::text;
use crate::visit::Visit;

/// What was done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    done: String,
}

/// A form without fields.
#[derive(Debug, Deserialize)]
pub(crate) struct Nothing {}

/// `GET /projections`
pub(crate) async fn get(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Page, Failure> {
    let store = &visit.shared.store;
    let (reports, head) = match store.projections().await {
        Err(Error::Unsupported { .. }) => (None, 0),
        reports => (Some(reports?), store.head().await?.get()),
    };
    let acts = visit.shared.settings.allows_actions;
    let body = html! {
        h1 { "Projections" }
        (done(&wanted.done))
        @match reports {
            None => { (nothing("This backend keeps no projections.")) }
            Some(reports) if reports.is_empty() => {
                (nothing("No view or projection has a build in this store yet."))
                (without_build(&visit, &reports))
            }
            Some(reports) => {
                table.stacks {
                    caption.hidden { "Builds of projections" }
                    thead { tr {
                        th scope="col" { "Projection" } th.number scope="col" { "Build" } th scope="col" { "State" }
                        th.number scope="col" { "Position" } th.number scope="col" { "Lag" } th.number scope="col" { "Events" }
                        th scope="col" { "Last event" } th scope="col" { "Kept in" }
                        @if acts { th scope="col" { span.hidden { "Actions" } } }
                    } }
                    tbody { @for report in &reports { (row(&visit, &reports, report, head)) } }
                }
                (without_build(&visit, &reports))
            }
        }
    };
    Ok(Page::new(Place::Projections, "Projections", body))
}

fn done(done: &str) -> Markup {
    let text = match done {
        "switch" => "Readers read the build now. The previous one stays until it is dropped.",
        "drop" => "The build is dropped, with what it held.",
        "rebuild" => {
            "The projection is built anew, beside the build that readers read. They move over once it is whole."
        }
        _ => return html! {},
    };
    html! { div role="status" { (notice("good", &html! { (text) })) } }
}

fn row(visit: &Visit, all: &[ProjectionReport], report: &ProjectionReport, head: u64) -> Markup {
    let lag = head.saturating_sub(report.position.get());
    html! {
        tr {
            th scope="row" { (text::name(&report.name)) @if report.is_current { (last_rebuild(visit, &report.name)) } }
            td.number data-label="Build" { (report.build) }
            td data-label="State" { @if report.is_current { (badge("good", "current")) } @else { (badge("quiet", "not read")) } }
            td.number data-label="Position" { (text::number(report.position.get())) }
            td.number data-label="Lag" { (text::number(lag)) }
            td.number data-label="Events" { (text::number(report.events)) }
            td data-label="Last event" { @match report.last_event_at { Some(time) => { (text::short_time(time)) } None => "–" } }
            td data-label="Kept in" { code { (text::name(&report.schema)) } }
            @if visit.shared.settings.allows_actions { td { (actions(visit, all, report)) } }
        }
    }
}

fn actions(visit: &Visit, all: &[ProjectionReport], report: &ProjectionReport) -> Markup {
    let is_ahead = |it: &ProjectionReport| {
        it.name == report.name && it.is_current && it.position > report.position
    };
    // The store refuses a build that readers would go back with.
    let can_switch = !all.iter().any(is_ahead);
    let to = |action| visit.links.build(&report.name, report.build, action);
    html! {
        @if report.is_current && can_rebuild(visit, &report.name) {
            div.buttons.small { (button(visit, &visit.links.rebuild(&report.name), &[], "Rebuild")) }
        }
        @if !report.is_current {
            div.buttons.small {
                @if can_switch { (button(visit, &to("switch"), &[], "Switch")) }
                details.ask {
                    summary.danger { "Drop…" }
                    form method="post" action=(to("drop")) {
                        (token(visit))
                        p { "Build " (report.build) " of " (text::name(&report.name)) " is removed for good, with what it holds." }
                        button.danger type="submit" { "Drop" }
                    }
                }
            }
        }
    }
}

/// Whether there is the code for it, and it does not run already.
fn can_rebuild(visit: &Visit, name: &str) -> bool {
    let runs = matches!(visit.shared.rebuilds.of(name), Some(State::Runs(_)));
    visit.shared.settings.rebuilds.contains_key(name) && !runs
}

fn last_rebuild(visit: &Visit, name: &str) -> Markup {
    html! {
        @match visit.shared.rebuilds.of(name) {
            None => {}
            Some(State::Runs(since)) => { br; (badge("warn", "being rebuilt")) " " span.quiet { "since " (text::short_time(since)) } }
            Some(State::Done(events)) => { br; span.quiet { "rebuilt from " (text::count(events, "event", "events")) } }
            Some(State::Failed(why)) => { br; (badge("bad", "rebuild failed")) " " span.quiet { (text::shown(&why, 300)) } }
        }
    }
}

/// The projections that could be built and have no build yet.
fn without_build(visit: &Visit, reports: &[ProjectionReport]) -> Markup {
    let settings = &visit.shared.settings;
    let is_built = |name: &str| reports.iter().any(|report| report.name == name);
    let names: Vec<_> = settings.rebuilds.keys().filter(|name| !is_built(name)).collect();
    html! {
        @if settings.allows_actions && !names.is_empty() {
            section aria-labelledby="unbuilt" {
                h2 id="unbuilt" { "Not built yet" }
                ul.plain { @for name in names {
                    li.bar {
                        span { (text::name(name)) (last_rebuild(visit, name)) }
                        @if can_rebuild(visit, name) {
                            div.buttons.small { (button(visit, &visit.links.rebuild(name), &[], "Build")) }
                        }
                    }
                } }
            }
        }
    }
}

/// `POST /projections/{name}/rebuild`
pub(crate) async fn rebuild(
    Path(name): Path<String>,
    form: Action<Nothing>,
) -> Result<Redirect, Failure> {
    let (visit, name) = (form.visit, name_of(&name));
    let shared = &visit.shared;
    let done = match shared.settings.rebuilds.get(name) {
        None => Err(Failure::NotFound("code of the projection")),
        // One that runs already is what was asked for.
        Some(run) => Ok(shared.rebuilds.begin(name, shared.store.clone(), &**run)),
    };
    let projection = name.escape_debug();
    tracing::info!(target: AUDIT, action = "rebuild", %projection, outcome = outcome(&done));
    done?;
    Ok(Redirect::to(&(visit.links.to("/projections") + &query(&[("done", "rebuild")]))))
}

/// `POST /projections/{name}/{build}/{action}`
pub(crate) async fn act(
    Path((name, build, action)): Path<(String, u32, String)>,
    form: Action<Nothing>,
) -> Result<Redirect, Failure> {
    let (visit, name) = (form.visit, name_of(&name));
    let done = run(&visit, name, build, &action).await;
    let projection = name.escape_debug();
    tracing::info!(target: AUDIT, action, %projection, build, outcome = outcome(&done));
    let action = done?;
    Ok(Redirect::to(&(visit.links.to("/projections") + &query(&[("done", action)]))))
}

async fn run(visit: &Visit, name: &str, build: u32, action: &str) -> Result<&'static str, Failure> {
    let store = &visit.shared.store;
    match action {
        "switch" => {
            store.switch_projection(name, build).await?;
            Ok("switch")
        }
        "drop" if store.drop_projection(name, build).await? => Ok("drop"),
        "drop" => Err(Failure::NotFound("build")),
        _ => Err(Failure::NotFound("action")),
    }
}
