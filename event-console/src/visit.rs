//! [`Visit`]: a request that the guard let in, with what every page needs.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::failure::Failure;
use crate::links::Links;
use crate::session::Session;
use crate::shared::Shared;

/// A request that the guard let in.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) links: Links,
    pub(crate) session: Session,
}

impl Visit {
    /// The token of this session's forms.
    pub(crate) fn form_token(&self) -> String {
        self.shared.sessions.form_token(&self.session)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // The guard is around every route.
        parts.extensions.get().cloned().ok_or(Failure::NotGuarded)
    }
}
