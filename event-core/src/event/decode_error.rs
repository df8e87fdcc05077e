//! [`DecodeError`]: every reason why stored data does not become an event, kept apart.

use crate::event::MigrationError;
use crate::value::EventVersion;

/// Why stored data did not become an event. Each cause is apart from the others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No event of this type is registered.
    #[error("no event type `{event_type}` is registered{}", near_names(known))]
    UnknownType {
        /// The stored type string.
        event_type: String,
        /// The registered names most like it.
        known: Vec<&'static str>,
    },
    /// The type is known, this version of it is not.
    #[error("version {} of event type `{event_type}` is unknown; known are {}", version.get(), list(known))]
    UnknownVersion {
        /// The stored type string.
        event_type: String,
        /// The version asked for.
        version: EventVersion,
        /// The versions that are known.
        known: Vec<EventVersion>,
    },
    /// The version is newer than this binary: deploy readers before writers.
    #[error(
        "event type `{event_type}` is stored as {found}, this binary knows it up to {known}; deploy a binary that knows {found} before anything writes it"
    )]
    FromTheFuture {
        /// The stored type string.
        event_type: String,
        /// The stored version.
        found: EventVersion,
        /// The newest version this binary knows.
        known: EventVersion,
    },
    /// Both versions are known, no migrations lead from one to the other.
    #[error("no migrations lead from {from} to {to} of event type `{event_type}`")]
    NoPath {
        /// The type string.
        event_type: String,
        /// Where the way would start.
        from: EventVersion,
        /// Where it would end.
        to: EventVersion,
    },
    /// Migrations only go up.
    #[error("event type `{event_type}` cannot migrate down from {from} to {to}")]
    Downward {
        /// The type string.
        event_type: String,
        /// The higher version.
        from: EventVersion,
        /// The lower version.
        to: EventVersion,
    },
    /// One step refused the payload; later steps were not run.
    #[error("migration of event type `{event_type}` from {from} to {to} failed")]
    Step {
        /// The type string.
        event_type: String,
        /// The version this step reads.
        from: EventVersion,
        /// The version this step gives.
        to: EventVersion,
        /// What the step said.
        source: MigrationError,
    },
    /// The JSON has not the shape of its version.
    #[error("the data of event type `{event_type}` {version} does not fit at `{path}`")]
    Payload {
        /// The type string.
        event_type: String,
        /// The version it was read as.
        version: EventVersion,
        /// JSON path of the place that failed, `.` for the whole.
        path: String,
        /// The parser's words.
        source: serde_json::Error,
    },
}

impl DecodeError {
    /// The seed's atom: `invalid_event_type` for an unknown type or version, else `deserialization_failed`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownType { .. } | Self::UnknownVersion { .. } => "invalid_event_type",
            _ => "deserialization_failed",
        }
    }

    /// JSON path of the place that failed, where the data itself was at fault.
    pub fn json_path(&self) -> Option<&str> {
        match self {
            Self::Payload { path, .. } => Some(path),
            _ => None,
        }
    }
}

fn near_names(known: &[&'static str]) -> String {
    match known {
        [] => "; an event crate that is only in Cargo.toml is not linked: write `use the_event_crate as _;`".into(),
        names => format!("; the nearest are `{}`", names.join("`, `")),
    }
}

fn list(versions: &[EventVersion]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
