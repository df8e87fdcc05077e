//! [`Page`]: the content of a page. The guard puts the document around it: navigation, the state of the store, the script.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use event_core::error::with_causes;
use maud::{DOCTYPE, Markup, html};

use crate::failure::{Failure, Refusal};
use crate::html::parts::{notice, sign_in};
use crate::text;
use crate::visit::Visit;

/// The content of a page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) place: Place,
    pub(crate) title: String,
    pub(crate) body: Markup,
}

/// The entry of the navigation that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Streams,
    Events,
    Types,
    Subscriptions,
    Projections,
    Tenants,
    Health,
    None,
}

const NAVIGATION: [(Place, &str, &str); 8] = [
    (Place::Overview, "/", "Overview"),
    (Place::Streams, "/streams", "Streams"),
    (Place::Events, "/events", "Events"),
    (Place::Types, "/types", "Types"),
    (Place::Subscriptions, "/subscriptions", "Subscriptions"),
    (Place::Projections, "/projections", "Projections"),
    (Place::Tenants, "/tenants", "Tenants"),
    (Place::Health, "/health", "Health"),
];

impl Page {
    pub(crate) fn new(place: Place, title: impl Into<String>, body: Markup) -> Self {
        Self { place, title: title.into(), body }
    }
}

impl IntoResponse for Page {
    /// An empty response with the page for the guard, which puts the document around it.
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The document of a page.
pub(crate) fn document(visit: &Visit, page: &Page) -> Markup {
    around(visit, page.place, &page.title, false, &page.body)
}

/// The document of a failure.
pub(crate) fn failure_document(visit: &Visit, failure: &Failure, path: &str) -> Markup {
    let status = failure.status();
    let title = match failure {
        Failure::Refused(Refusal::NoSession | Refusal::Token) => "Sign in",
        Failure::Refused(_) => "Refused",
        Failure::NotFound(_) => "Not found",
        _ if failure.is_passing() => "The store does not answer",
        _ => match status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::GONE => "Deleted",
            _ => "Refused",
        },
    };
    let body = html! {
        h1 { (title) }
        @match failure {
            Failure::Refused(refusal @ (Refusal::NoSession | Refusal::Token)) => {
                p { (Refusal::NoSession.reason()) }
                (sign_in(&visit.links, *refusal == Refusal::Token, path))
            }
            Failure::Refused(refusal) => { (notice("bad", &html! { (refusal.reason()) })) }
            Failure::NotFound(what) => { (notice("warn", &html! { "There is no such " (what) "." })) }
            Failure::Invalid(reason) => { (notice("bad", &html! { (text::shown(reason, 500)) })) }
            Failure::Store(error) => {
                (notice("bad", &html! {
                    p { (text::shown(&with_causes(error), 1_000)) }
                    p { "Code " code { (error.code()) } "." }
                }))
            }
            Failure::TimedOut => { (notice("bad", &html! { "The store did not answer in time." })) }
            Failure::NotGuarded => { (notice("bad", &html! { "This page cannot be shown." })) }
        }
        @if failure.is_passing() {
            p { "This page asks again every few seconds, until the store is back." }
        }
        @if !matches!(failure, Failure::Refused(Refusal::NoSession | Refusal::Token)) {
            p.quiet { "Status " (status.as_u16()) "." }
        }
    };
    around(visit, Place::None, title, failure.is_passing(), &body)
}

fn around(visit: &Visit, place: Place, title: &str, asks_again: bool, body: &Markup) -> Markup {
    let links = &visit.links;
    let away = visit.shared.sampler.away();
    let has_session = visit.shared.settings.token.is_some() && visit.session.is_signed_in;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if asks_again { meta http-equiv="refresh" content="5"; }
                title { (title) " · Event console" }
                link rel="icon" href=(links.to("/assets/icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(links.to("/assets/console.css"));
                script src=(links.to("/assets/console.js")) defer {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                header.top {
                    a.brand href=(links.to("/")) { "Event console" }
                    nav aria-label="Pages" {
                        ul {
                            @for (entry, path, name) in NAVIGATION {
                                li {
                                    @let current = (entry == place).then_some("page");
                                    a href=(links.to(path)) aria-current=[current] { (name) }
                                }
                            }
                        }
                    }
                    @if has_session {
                        form.leave method="post" action=(links.to("/sign-out")) {
                            input type="hidden" name="form_token" value=(visit.form_token());
                            button.plain type="submit" { "Sign out" }
                        }
                    }
                }
                main id="content" tabindex="-1" {
                    div id="store-state" role="status" aria-live="polite" { @if let Some((code, since)) = away { (away_notice(code, since)) } }
                    (body)
                }
            }
        }
    }
}

fn away_notice(code: &str, since: DateTime<Utc>) -> Markup {
    notice(
        "bad",
        &html! {
            "The store does not answer (" code { (code) } "). The last answer is of " (text::time(since))
            ". It is asked again every few seconds."
        },
    )
}
