//! [`Action`]: a form that may change something. That it is allowed, comes from a page of this console and carries the
//! token of its session is checked where it is read, so that no action can forget it.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, Refusal};
use crate::guard::has_own_origin;
use crate::visit::Visit;

/// The target of the audit's lines: one for each action, whether it was done or not.
pub(crate) const AUDIT: &str = "event_console::audit";

/// A form that may change something.
pub(crate) struct Action<F> {
    pub(crate) visit: Visit,
    pub(crate) form: F,
}

/// A form of the console that changes nothing in the store.
pub(crate) struct OwnForm<F> {
    pub(crate) visit: Visit,
    pub(crate) form: F,
}

/// The outcome of an action, for the audit.
pub(crate) fn outcome<T>(done: &Result<T, Failure>) -> &'static str {
    match done {
        Ok(_) => "done",
        Err(Failure::Store(error)) => error.code(),
        Err(_) => "refused",
    }
}

#[derive(Deserialize)]
struct WithToken<F> {
    #[serde(default)]
    form_token: String,
    #[serde(flatten)]
    form: F,
}

impl<S: Send + Sync, F: DeserializeOwned> FromRequest<S> for OwnForm<F> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, state).await?;
        if !has_own_origin(&parts.headers) {
            return Err(Refusal::Origin.into());
        }
        let request = Request::from_parts(parts, body);
        let form = Form::<WithToken<F>>::from_request(request, state).await;
        let Form(WithToken { form_token, form }) =
            form.map_err(|_| Failure::Invalid("the form is not complete".to_owned()))?;
        if !visit.shared.sessions.is_form_token(&visit.session, &form_token) {
            return Err(Refusal::FormToken.into());
        }
        Ok(Self { visit, form })
    }
}

impl<S: Send + Sync, F: DeserializeOwned> FromRequest<S> for Action<F> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let visit: Option<&Visit> = request.extensions().get();
        if !visit.is_some_and(|visit| visit.shared.settings.allows_actions) {
            return Err(Refusal::ReadOnly.into());
        }
        let OwnForm { visit, form } = OwnForm::from_request(request, state).await?;
        Ok(Self { visit, form })
    }
}
