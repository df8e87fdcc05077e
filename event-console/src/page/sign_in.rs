//! Signing in with the token, and out.

use axum::Form;
use axum::extract::FromRequest;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::action::OwnForm;
use crate::failure::{Failure, GoTo, Refusal};
use crate::guard::{has_own_origin, set_session};
use crate::html::document::{Page, Place};
use crate::html::parts;
use crate::visit::Visit;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    token: String,
    #[serde(default)]
    to: String,
}

/// A form without fields.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// `GET /sign-in`
pub(crate) async fn get(visit: Visit) -> Page {
    let form = parts::sign_in(&visit.links, false, &visit.links.to("/"));
    Page::new(Place::None, "Sign in", maud::html! { h1 { "Sign in" } (form) })
}

/// `POST /sign-in`
pub(crate) async fn post(visit: Visit, request: Request) -> Result<Response, Failure> {
    if !has_own_origin(request.headers()) {
        return Err(Refusal::Origin.into());
    }
    let form = Form::<SignIn>::from_request(request, &()).await;
    let Form(SignIn { token, to }) = form.map_err(|_| Failure::from(Refusal::Token))?;
    let sessions = &visit.shared.sessions;
    let is_right =
        visit.shared.settings.token.as_ref().is_some_and(|it| sessions.is_equal(it, &token));
    if !is_right {
        tracing::warn!(target: "event_console::audit", action = "sign_in", outcome = "refused");
        let mut response = Failure::from(Refusal::Token).into_response();
        response.extensions_mut().insert(GoTo(to));
        return Ok(response);
    }
    tracing::info!(target: "event_console::audit", action = "sign_in", outcome = "done");
    let session = sessions.begin(true).map_err(|_| Failure::NotGuarded)?;
    let to = if is_within(&to, visit.links.root()) { to } else { visit.links.to("/") };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    set_session(&visit, &session, response.headers_mut());
    Ok(response)
}

/// `POST /sign-out`
pub(crate) async fn out(
    OwnForm { visit, form: Nothing {} }: OwnForm<Nothing>,
) -> Result<Response, Failure> {
    let session = visit.shared.sessions.begin(false).map_err(|_| Failure::NotGuarded)?;
    let mut response =
        (StatusCode::SEE_OTHER, [(LOCATION, visit.links.to("/sign-in"))]).into_response();
    set_session(&visit, &session, response.headers_mut());
    Ok(response)
}

/// Whether a path leads to a page of the console, and to no other site.
fn is_within(path: &str, root: &str) -> bool {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    path.starts_with(root) && path.starts_with('/') && !path.starts_with("//") && is_plain
}
