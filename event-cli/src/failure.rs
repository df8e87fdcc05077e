//! [`Failure`]: why a command failed, with its exit code.

use std::fmt;

use event_core::Error;
use event_core::error::{SubscriptionError, with_causes};
use event_core::value::Printable;

/// The exit codes of the commands; 0 is success, also when the reader of the output went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// 1: a failure of the store, or of a file.
    Failed,
    /// 2: what was checked is not sound: `check`, `verify`, `doctor`, `migrate pending --check`, a copy that differs.
    Unsound,
    /// 3: the store or the registry refused what was to be written; nothing was written.
    Refused,
    /// 4: there is no such stream, event, subscription, projection or file of a store.
    NotFound,
    /// 5: the question was not answered with yes, or could not be asked.
    Unconfirmed,
    /// 64: wrong usage of the command line.
    Usage,
    /// 130: interrupted by the user.
    Interrupted,
    /// 69: the store cannot be reached.
    Unavailable,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Unsound => 2,
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::Unconfirmed => 5,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Interrupted => 130,
        }
    }
}

/// The error of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
    is_of_output: bool,
}

impl Failure {
    /// A failure with a message, which may quote arguments, files and stored text. An empty one is not printed.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        let message = Printable(&message.to_string()).to_string();
        Self { exit, message, is_of_output: false }
    }

    /// A failure of a file or of the machine.
    pub fn general(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Wrong usage of the command line.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something that does not exist.
    pub fn not_found(message: impl fmt::Display) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// The message for the user, without anything that a terminal would obey.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether only the output failed.
    pub const fn is_of_output(&self) -> bool {
        self.is_of_output
    }

    /// The same failure with more to say, on a line of its own.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.message = format!("{}\n{}", self.message, Printable(&hint.to_string()));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(exit_of(&error), with_causes(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let failure = Self::general(format!("could not write the output: {error}"));
        Self { is_of_output: true, ..failure }
    }
}

const fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Connection { .. } | Error::Overloaded { .. } => Exit::Unavailable,
        Error::StreamNotFound { .. }
        | Error::EventsNotFound { .. }
        | Error::Subscription(
            SubscriptionError::NotFound { .. } | SubscriptionError::NotParked { .. },
        ) => Exit::NotFound,
        Error::InvalidUrl { .. }
        | Error::InvalidStreamId(_)
        | Error::InvalidTenant(_)
        | Error::AmbiguousStream { .. }
        | Error::AmbiguousEvent { .. } => Exit::Usage,
        Error::InvalidEventData { .. }
        | Error::Serialization { .. }
        | Error::WrongExpectedVersion { .. }
        | Error::StreamArchived { .. }
        | Error::StreamDeleted { .. }
        | Error::StreamLimitReached { .. }
        | Error::EventIdConflict { .. }
        | Error::MixedStream { .. }
        | Error::InvalidImport { .. }
        | Error::InvalidLine { .. }
        | Error::Forbidden { .. } => Exit::Refused,
        _ => Exit::Failed,
    }
}
