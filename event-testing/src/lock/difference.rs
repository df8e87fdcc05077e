//! [`Difference`]: a line of a shape that differs from the locked one.

use std::fmt;

/// A line of a shape that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path in the payload; empty for the payload itself.
    pub path: String,
    /// The locked form; `None` for a new key.
    pub locked: Option<String>,
    /// The form now; `None` for a removed key.
    pub now: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        match (&self.locked, &self.now) {
            (Some(locked), Some(now)) => write!(f, "~ {path}: {locked} → {now}"),
            (Some(locked), None) => write!(f, "- {path}: {locked}"),
            (None, Some(now)) => write!(f, "+ {path}: {now}"),
            (None, None) => Ok(()),
        }
    }
}
