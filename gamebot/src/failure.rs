//! [`Failure`]: the error of a command, with its exit code.

use std::fmt;

use event_core::error::with_causes;
use event_core::value::Printable;

/// The error of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Exit code: 2 for a rejected line of a transcript, 64 for wrong usage, 1 for anything else; those of
    /// [`event_cli::Exit`] for its commands.
    pub code: u8,
    /// Message for the user.
    pub message: String,
    /// Whether only the output failed.
    pub(crate) is_of_output: bool,
}

impl Failure {
    /// A failure of the store or a file, or a game that does not exist.
    pub fn general(message: impl Into<String>) -> Self {
        Self::new(1, &message.into())
    }

    /// A line of a transcript that was rejected.
    pub fn line(file: &str, number: usize, message: impl fmt::Display) -> Self {
        Self::new(2, &format!("{file}:{number}: {message}"))
    }

    /// Wrong usage of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(64, &message.into())
    }

    /// The message may quote arguments, files and stored text.
    fn new(code: u8, message: &str) -> Self {
        Self { code, message: Printable(message).to_string(), is_of_output: false }
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

impl From<event_cli::Failure> for Failure {
    fn from(failure: event_cli::Failure) -> Self {
        let is_of_output = failure.is_of_output();
        Self { is_of_output, ..Self::new(failure.exit().code(), failure.message()) }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let failure = Self::general(format!("could not write the output: {error}"));
        Self { is_of_output: true, ..failure }
    }
}
