//! The guard around every route: whom the console answers, under which name, and with which headers.

mod headers;
mod place;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE as COOKIE_HEADER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(crate) use self::place::{base_of, has_own_origin};
use self::place::{is_known_host, is_near};
use crate::failure::{Failure, GoTo, Refusal};
use crate::html::document::{Page, document, failure_document};
use crate::session::{COOKIE, Session};
use crate::shared::Shared;
use crate::visit::Visit;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets a request in, or refuses it; and makes a document of the page that it gets.
pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let links = base_of(&shared.settings, &request);
    let path = links.to(request.uri().path());
    let known = session(&shared, request.headers());
    let has_bearer = has_bearer(&shared, request.headers());
    let (session, is_new) = match known {
        Some(session) => (session, false),
        None => match shared.sessions.begin(has_bearer) {
            Ok(session) => (session, !has_bearer),
            Err(error) => {
                tracing::error!(target: "event_console", %error, "no session");
                return Failure::NotGuarded.into_response();
            }
        },
    };
    let visit = Visit { shared: Arc::clone(&shared), links, session };
    let admitted = admit(&visit, has_bearer, &request);
    let response = if let Err(refusal) = admitted {
        Failure::from(refusal).into_response()
    } else {
        request.extensions_mut().insert(visit.clone());
        let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
        answer.unwrap_or_else(|_| Failure::TimedOut.into_response())
    };
    let mut response = rendered(&visit, response, &path);
    headers::add(response.headers_mut());
    let is_html = !response.headers().contains_key(CACHE_CONTROL);
    if is_html {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_new && is_html && !response.headers().contains_key(SET_COOKIE) {
        set_session(&visit, &visit.session, response.headers_mut());
    }
    response
}

/// Puts the session into the browser's cookie.
pub(crate) fn set_session(visit: &Visit, session: &Session, headers: &mut HeaderMap) {
    let cookie = format!(
        "{COOKIE}={}; HttpOnly; SameSite=Strict; Path={}",
        session.cookie,
        visit.links.root()
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.insert(SET_COOKIE, cookie);
    }
}

/// Whether the console answers.
fn admit(visit: &Visit, has_bearer: bool, request: &Request) -> Result<(), Refusal> {
    let settings = &visit.shared.settings;
    if !is_known_host(settings, request) {
        return Err(Refusal::Host);
    }
    if settings.token.is_none() {
        return if is_near(request) { Ok(()) } else { Err(Refusal::Peer) };
    }
    let path = request.uri().path();
    let is_open = path == "/sign-in" || path.starts_with("/assets/");
    if is_open || has_bearer || visit.session.is_signed_in {
        Ok(())
    } else {
        Err(Refusal::NoSession)
    }
}

/// The session of the request's cookie.
fn session(shared: &Shared, headers: &HeaderMap) -> Option<Session> {
    let cookies = headers.get_all(COOKIE_HEADER).iter().filter_map(|it| it.to_str().ok());
    let mut values = cookies.flat_map(|it| it.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    });
    // A cookie of another console on this machine may come first.
    values.find_map(|value| shared.sessions.read(value))
}

/// Whether the request carries the token itself, as a scraper's does.
fn has_bearer(shared: &Shared, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let given = given.and_then(|it| it.strip_prefix("Bearer "));
    match (&shared.settings.token, given) {
        (Some(token), Some(given)) => shared.sessions.is_equal(token, given.trim()),
        _ => false,
    }
}

fn rendered(visit: &Visit, response: Response, path: &str) -> Response {
    let status = response.status();
    if let Some(failure) = response.extensions().get::<Arc<Failure>>() {
        let path = response.extensions().get::<GoTo>().map_or(path, |GoTo(to)| to);
        let mut page = (status, failure_document(visit, failure, path)).into_response();
        if failure.is_passing() {
            page.headers_mut().insert("retry-after", HeaderValue::from_static("5"));
        }
        return page;
    }
    match response.extensions().get::<Arc<Page>>() {
        Some(page) => {
            let mut rendered = document(visit, page).into_response();
            for (name, value) in response.headers() {
                if name == SET_COOKIE {
                    rendered.headers_mut().append(name, value.clone());
                }
            }
            rendered
        }
        None => response,
    }
}
