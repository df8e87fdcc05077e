//! [`ExpectedVersion`]: the writer's claim about a stream, and the check that every adapter shares.

use std::fmt;

use crate::value::StreamVersion;

/// The version that the writer expects the stream to have; checked when the append commits.
///
/// ```
/// use event_core::{ExpectedVersion, StreamVersion};
///
/// let two = StreamVersion::new(2);
/// assert!(ExpectedVersion::Exact(two).check(two).is_ok());
/// assert_eq!(ExpectedVersion::NoStream.check(two).unwrap_err().actual, two);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpectedVersion {
    /// No claim: append at any version.
    Any,
    /// The stream must not exist.
    NoStream,
    /// The stream must exist.
    StreamExists,
    /// The stream must be at exactly this version; `Exact(0)` means no events yet, like `NoStream`.
    Exact(StreamVersion),
}

impl ExpectedVersion {
    /// Checks the claim against a stream at version `actual` (0: the stream does not exist).
    ///
    /// # Errors
    /// [`Conflict`] with the expected and the actual version when the claim does not hold.
    pub const fn check(self, actual: StreamVersion) -> Result<(), Conflict> {
        let holds = match self {
            Self::Any => true,
            Self::NoStream => actual.get() == 0,
            Self::StreamExists => actual.get() > 0,
            Self::Exact(expected) => expected.get() == actual.get(),
        };
        if holds { Ok(()) } else { Err(Conflict { expected: self, actual }) }
    }
}

impl From<StreamVersion> for ExpectedVersion {
    fn from(version: StreamVersion) -> Self {
        Self::Exact(version)
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::NoStream => f.write_str("no stream"),
            Self::StreamExists => f.write_str("an existing stream"),
            Self::Exact(version) => write!(f, "version {version}"),
        }
    }
}

/// A failed [`ExpectedVersion`] check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found version {actual}")]
pub struct Conflict {
    /// The version that the writer expected.
    pub expected: ExpectedVersion,
    /// The version of the stream at the time of the check; 0 if it does not exist.
    pub actual: StreamVersion,
}

impl Conflict {
    /// Stable code for logs and the wire: `wrong_expected_version`.
    pub const fn code(&self) -> &'static str {
        "wrong_expected_version"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_compares_each_claim_with_versions_0_to_2() {
        use ExpectedVersion::{Any, Exact, NoStream, StreamExists};
        let exact = |n| Exact(StreamVersion::new(n));
        for (claim, holds) in [
            (Any, [true, true, true]),
            (NoStream, [true, false, false]),
            (StreamExists, [false, true, true]),
            (exact(0), [true, false, false]),
            (exact(1), [false, true, false]),
            (exact(2), [false, false, true]),
        ] {
            for (actual, expected) in (0..).zip(holds) {
                let actual = StreamVersion::new(actual);
                assert_eq!(claim.check(actual).is_ok(), expected, "{claim} at {actual}");
                if let Err(conflict) = claim.check(actual) {
                    assert_eq!(conflict, Conflict { expected: claim, actual });
                }
            }
        }
    }
}
