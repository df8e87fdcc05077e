//! [`DecodeError`]: why stored data could not be decoded, one variant per cause.

use std::error::Error as _;

use crate::event::exact::is_lossy;
use crate::event::migration::MigrationError;
use crate::value::EventVersion;

/// Why stored data could not be decoded as an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No event of this type is registered.
    #[error("event type `{event_type}` is not registered{}", similar_types(known))]
    UnknownType {
        /// The stored type string.
        event_type: String,
        /// The registered type strings that are most similar.
        known: Vec<&'static str>,
    },
    /// The type is registered, this version of it is not.
    #[error("version {} of event type `{event_type}` is unknown; known are {}", version.get(), list(known))]
    UnknownVersion {
        /// The stored type string.
        event_type: String,
        /// The requested version.
        version: EventVersion,
        /// The known versions.
        known: Vec<EventVersion>,
    },
    /// The stored version is newer than this binary knows: deploy readers before writers.
    #[error(
        "event type `{event_type}` is stored as {found}, this binary knows it up to {known}; deploy readers that know {found} before writers"
    )]
    FromTheFuture {
        /// The stored type string.
        event_type: String,
        /// The stored version.
        found: EventVersion,
        /// The newest version that this binary knows.
        known: EventVersion,
    },
    /// Both versions are known, but no migration path connects them.
    #[error("event type `{event_type}` has no migration path from {from} to {to}")]
    NoPath {
        /// The type string.
        event_type: String,
        /// The source version.
        from: EventVersion,
        /// The target version.
        to: EventVersion,
    },
    /// The target version is lower than the source version; migrations only lead to higher versions.
    #[error("event type `{event_type}` cannot migrate down from {from} to {to}")]
    Downward {
        /// The type string.
        event_type: String,
        /// The source version.
        from: EventVersion,
        /// The target version, lower than the source.
        to: EventVersion,
    },
    /// One migration step failed; later steps did not run.
    #[error("migration of event type `{event_type}` from {from} to {to} failed")]
    Step {
        /// The type string.
        event_type: String,
        /// The source version of the step.
        from: EventVersion,
        /// The target version of the step.
        to: EventVersion,
        /// The error of the step.
        source: MigrationError,
    },
    /// The JSON does not have the shape of its version.
    #[error("the data of event type `{event_type}` {version} does not fit at `{path}`")]
    Payload {
        /// The type string.
        event_type: String,
        /// The version that it was parsed as.
        version: EventVersion,
        /// JSON path of the value that failed; `.` for the whole payload.
        path: String,
        /// The parser's error.
        source: serde_json::Error,
    },
}

impl DecodeError {
    /// Stable code for logs and the wire: `invalid_event_type` for an unknown type or version, otherwise
    /// `deserialization_failed`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownType { .. } | Self::UnknownVersion { .. } => "invalid_event_type",
            _ => "deserialization_failed",
        }
    }

    /// Whether the data has a number or a key that a JSON step would not keep.
    pub(crate) fn is_lossy(&self) -> bool {
        let source = match self {
            Self::Payload { source, .. } => Some(source),
            Self::Step { source, .. } => source.source().and_then(|it| it.downcast_ref()),
            _ => None,
        };
        source.is_some_and(is_lossy)
    }

    /// JSON path of the value that failed; `None` if the payload was not the cause.
    pub fn json_path(&self) -> Option<&str> {
        match self {
            Self::Payload { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// What an unknown type means where no type like it is known.
pub(crate) const NOT_LINKED: &str = "an event crate that is only in Cargo.toml is not linked: write `use the_event_crate as _;` in the application";

fn similar_types(known: &[&'static str]) -> String {
    match known {
        [] => format!("; {NOT_LINKED}"),
        names => format!("; the most similar types are `{}`", names.join("`, `")),
    }
}

fn list(versions: &[EventVersion]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
