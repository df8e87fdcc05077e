//! [`with_causes`]: an error and everything that led to it, for a place that shows one line.

use std::error::Error;

/// The error and its causes, one after the other on one line.
///
/// Errors here say what was being done, and keep the reason in `source()`; a log walks the chain, a terminal wants one
/// line.
///
/// ```
/// let error = event_core::MigrationError::caused_by("the data has the wrong shape", "no seat");
/// assert_eq!(event_core::error::with_causes(&error), "the data has the wrong shape: no seat");
/// ```
pub fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
