//! [`Failure`]: what ends a command, and the exit code it ends with.

use std::fmt;

use event_core::error::with_causes;

/// A command that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code: 1 for a failure, 2 for a line of a transcript, 64 for wrong usage.
    pub code: u8,
    /// What to tell the user.
    pub message: String,
}

impl Failure {
    /// A failure of the store, a file, or a game that is not there.
    pub fn general(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// A line of a transcript that cannot be applied.
    pub fn line(file: &str, number: usize, message: impl fmt::Display) -> Self {
        Self { code: 2, message: format!("{file}:{number}: {message}") }
    }

    /// A command line that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 64, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<event_core::Error> for Failure {
    fn from(error: event_core::Error) -> Self {
        Self::general(with_causes(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::general(format!("could not write the output: {error}"))
    }
}
