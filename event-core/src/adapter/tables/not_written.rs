//! [`NotWritten`]: why a batch of a projection was not written.

use crate::error::Error;

/// Why a batch was not written. Nothing of it is in the tables.
#[derive(Debug)]
pub struct NotWritten {
    /// The error.
    pub error: Error,
    /// Whose it is.
    pub cause: Cause,
    /// The statement that failed, where it is known.
    pub statement: Option<String>,
}

/// What kept a batch from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A limit of time: fewer events may succeed.
    TooSlow,
    /// The projection: its own error, or that of a statement of its own.
    Projection,
    /// The store.
    Store,
}

impl NotWritten {
    /// The error of a projection, with the statement that failed.
    pub const fn new(error: Error, cause: Cause, statement: Option<String>) -> Self {
        Self { error, cause, statement }
    }
}

impl<E: Into<Error>> From<E> for NotWritten {
    fn from(error: E) -> Self {
        Self::new(error.into(), Cause::Store, None)
    }
}
