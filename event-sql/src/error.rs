//! Errors that both SQL backends make alike. What a driver's error means is each backend's own table.

use event_core::Error;
use event_core::error::BoxError;

/// Why a statement returned no rows.
#[derive(Debug)]
pub enum Failure {
    /// An event id of the append is stored already.
    IdTaken,
    /// A lock was not granted in time: nothing was stored.
    Blocked(Error),
    /// The server ended the statement at the limit of time, or because an operator asked for it: nothing was stored.
    TooSlow(Error),
    /// Anything else.
    Store(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) | Failure::Blocked(error) | Failure::TooSlow(error) => error,
            // Only appends write ids, and they handle this failure themselves.
            Failure::IdTaken => Self::adapter("write an event id", "it is in use"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The error for a statement that must return a row and returned none.
pub fn no_answer(operation: &'static str) -> Error {
    Error::adapter(operation, "no answer")
}

/// The error for a call on a store that is closed.
pub fn closed(operation: &'static str) -> Error {
    Error::adapter(operation, "the store is closed")
}

/// The error that an application's own statements returned: a driver's error `E` by its code, so that a transient one
/// is known as such; anything else unchanged.
pub fn of_application<E>(
    operation: &'static str,
    error: BoxError,
    by_code: impl FnOnce(E) -> Error,
) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    match error.downcast::<E>() {
        Ok(error) => by_code(*error),
        Err(error) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::adapter(operation, error),
        },
    }
}
