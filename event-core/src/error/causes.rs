//! [`with_causes`]: an error and its chain of causes on one line.

use std::error::Error;

use crate::value::Printable;

/// Formats an error and its causes, separated by `: `. Control characters are escaped: causes may quote stored text.
///
/// The errors of this crate describe the failed operation and keep the cause in `source()`. Use this function where no
/// reporter walks the chain: in a terminal, or in a log message.
///
/// ```
/// let error = event_core::MigrationError::caused_by("the data has the wrong shape", "no seat");
/// assert_eq!(event_core::error::with_causes(&error), "the data has the wrong shape: no seat");
/// ```
pub fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    Printable(&message).to_string()
}
