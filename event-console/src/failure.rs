//! [`Failure`]: why there is no page. The guard turns it into one.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event_core::{Category, Error};

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The store returned an error.
    Store(Error),
    /// There is no such thing.
    NotFound(&'static str),
    /// What was sent is not valid.
    Invalid(String),
    /// The request is refused.
    Refused(Refusal),
    /// The store did not answer in time.
    TimedOut,
    /// The page was asked for without the guard.
    NotGuarded,
}

/// The page to go to after signing in, on the response that asks for the token again.
#[derive(Debug, Clone)]
pub(crate) struct GoTo(pub(crate) String);

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The console only reads.
    ReadOnly,
    /// The request comes from a page of another origin, or does not say where it comes from.
    Origin,
    /// The form is of another session, or of one before a restart.
    FormToken,
    /// The console is asked under a name that is not its own.
    Host,
    /// The request comes from another machine, and no token is set.
    Peer,
    /// The token is wrong.
    Token,
    /// There is no session.
    NoSession,
    /// Too many tails.
    Busy,
}

impl Refusal {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NoSession | Self::Token => StatusCode::UNAUTHORIZED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::ReadOnly | Self::Origin | Self::FormToken | Self::Peer => StatusCode::FORBIDDEN,
        }
    }

    /// Why, and what to do.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::ReadOnly => {
                "This console only shows. Start it with actions allowed (--allow-actions) to change something."
            }
            Self::Origin => {
                "The request does not come from a page of this console. Open the page here and use its button."
            }
            Self::FormToken => "The form is out of date. Reload the page and try again.",
            Self::Host => {
                "The console is not known under this host name. Add the name to the console's hosts, or use the address."
            }
            Self::Peer => "Other machines need a token, and this console has none.",
            Self::Token => "The token is wrong.",
            Self::NoSession => "Sign in with the console's token.",
            Self::Busy => "Too many pages follow this store. Close some and try again.",
        }
    }
}

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Store(error) => status_of(error),
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Refused(refusal) => refusal.status(),
            Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotGuarded => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the page may be there in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE && !matches!(self, Self::Refused(_))
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::StreamNotFound { .. } => StatusCode::NOT_FOUND,
        Error::StreamDeleted { .. } => StatusCode::GONE,
        Error::Unsupported { .. } => StatusCode::NOT_IMPLEMENTED,
        error => match error.category() {
            Category::Validation => StatusCode::BAD_REQUEST,
            Category::Concurrency => StatusCode::CONFLICT,
            _ if error.is_transient() || error.code() == "connection_error" => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Failure {
    /// The status, and the failure for the guard, which writes the page.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
