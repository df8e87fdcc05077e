//! What can be wrong with a set of registrations, each with both sides named.

use std::fmt;

use crate::event::Origin;
use crate::value::EventVersion;

/// One thing that is wrong with the events of a binary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two different events claim one (type, version).
    #[error(
        "event type `{event_type}` {version} is registered twice: at {first} and at {second}; give one of them another type or version"
    )]
    Duplicate {
        /// The type string.
        event_type: String,
        /// The version.
        version: EventVersion,
        /// The first place.
        first: Origin,
        /// The second place.
        second: Origin,
    },
    /// Two migrations lead from one version to the same other.
    #[error(
        "event type `{event_type}` has two migrations from {from} to {to}: by `{first}` and by `{second}`; remove one"
    )]
    DuplicateEdge {
        /// The type string.
        event_type: String,
        /// The version both read.
        from: EventVersion,
        /// The version both give.
        to: EventVersion,
        /// Who declares the first.
        first: &'static str,
        /// Who declares the second.
        second: &'static str,
    },
    /// A migration that does not lead up: alone or with others it closes a circle.
    #[error(
        "migration of event type `{event_type}` from {from} to {to}, by `{declared_by}`, closes a cycle; migrations lead to higher versions"
    )]
    Cycle {
        /// The type string.
        event_type: String,
        /// The version it reads.
        from: EventVersion,
        /// The version it gives.
        to: EventVersion,
        /// Who declares it.
        declared_by: &'static str,
    },
    /// A migration for a type, or above a version, that no event has.
    #[error("migration of event type `{event_type}` from {from} to {to}, by `{declared_by}`, leads to no registered event; register version {} or remove it", to.get())]
    Orphan {
        /// The type string.
        event_type: String,
        /// The version it reads.
        from: EventVersion,
        /// The version it gives.
        to: EventVersion,
        /// Who declares it.
        declared_by: &'static str,
    },
    /// A version from which the latest cannot be reached.
    #[error(
        "event type `{event_type}` {version} cannot reach {latest} (at {origin}); add a migration, or `since = …` if it was never stored"
    )]
    Gap {
        /// The type string.
        event_type: String,
        /// The version that is stuck.
        version: EventVersion,
        /// The latest one.
        latest: EventVersion,
        /// Where the latest is written.
        origin: Origin,
    },
    /// A former type string that is in use, or that two types had.
    #[error(
        "alias `{alias}` of event type `{event_type}` (at {origin}) is taken by event type `{other}` (at {other_origin}); a stored name belongs to one type"
    )]
    AliasTaken {
        /// The former type string.
        alias: String,
        /// The type that states it.
        event_type: String,
        /// Where that is written.
        origin: Origin,
        /// The type that has the name.
        other: String,
        /// Where that is written.
        other_origin: Origin,
    },
    /// A crate that the application expects registered nothing.
    #[error(
        "crate `{name}` registered no events; write `use {name} as _;` in the application, a crate that is only in Cargo.toml is not linked"
    )]
    MissingCrate {
        /// The crate.
        name: String,
    },
}

/// Everything that is wrong with the events of a binary, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryErrors(Vec<RegistryError>);

impl RegistryErrors {
    pub(crate) fn new(problems: Vec<RegistryError>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Every problem.
    pub fn iter(&self) -> std::slice::Iter<'_, RegistryError> {
        self.0.iter()
    }

    /// Stable text for logs and wire: `invalid_registry`.
    pub const fn code(&self) -> &'static str {
        "invalid_registry"
    }
}

impl<'a> IntoIterator for &'a RegistryErrors {
    type Item = &'a RegistryError;
    type IntoIter = std::slice::Iter<'a, RegistryError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for RegistryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the registered events do not hold together:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}

impl std::error::Error for RegistryErrors {}
