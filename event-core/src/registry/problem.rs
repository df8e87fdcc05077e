//! [`RegistryError`]: one inconsistency between registered events; [`RegistryErrors`]: all of them.

use std::fmt;

use crate::event::Origin;
use crate::value::EventVersion;

/// One problem of the events in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two different events have the same (type, version).
    #[error(
        "event type `{event_type}` {version} is registered twice: at {first} and at {second}; give one of them another type or version"
    )]
    Duplicate {
        /// The type string.
        event_type: String,
        /// The version.
        version: EventVersion,
        /// The definition of one event.
        first: Origin,
        /// The definition of the other.
        second: Origin,
    },
    /// Two migrations have the same source and target version.
    #[error(
        "event type `{event_type}` has two migrations from {from} to {to}: by `{first}` and by `{second}`; remove one"
    )]
    DuplicateEdge {
        /// The type string.
        event_type: String,
        /// The source version.
        from: EventVersion,
        /// The target version.
        to: EventVersion,
        /// Where one was declared.
        first: &'static str,
        /// Where the other was declared.
        second: &'static str,
    },
    /// The target version of a migration is not above its source version.
    #[error(
        "migration of event type `{event_type}` from {from} to {to}, by `{declared_by}`, closes a cycle; migrations must lead to a higher version"
    )]
    Cycle {
        /// The type string.
        event_type: String,
        /// The source version.
        from: EventVersion,
        /// The target version.
        to: EventVersion,
        /// Where it was declared.
        declared_by: &'static str,
    },
    /// The target version of a migration is above every registered version of the type.
    #[error("migration of event type `{event_type}` from {from} to {to}, by `{declared_by}`, leads to no registered event; register version {} or remove it", to.get())]
    Orphan {
        /// The type string.
        event_type: String,
        /// The source version.
        from: EventVersion,
        /// The target version.
        to: EventVersion,
        /// Where it was declared.
        declared_by: &'static str,
    },
    /// No migration path leads from a version to the latest.
    #[error(
        "event type `{event_type}` {version} cannot reach {latest} (at {origin}); add a migration, or `since = …` if it was never stored"
    )]
    Gap {
        /// The type string.
        event_type: String,
        /// The version without a path.
        version: EventVersion,
        /// The latest version.
        latest: EventVersion,
        /// The definition of the latest version.
        origin: Origin,
    },
    /// An alias is the type string, or an alias, of another event type.
    #[error(
        "alias `{alias}` of event type `{event_type}` (at {origin}) is taken by event type `{other}` (at {other_origin}); a stored type string must belong to one type"
    )]
    AliasTaken {
        /// The alias.
        alias: String,
        /// The type that declares it.
        event_type: String,
        /// The definition of that type.
        origin: Origin,
        /// The other type.
        other: String,
        /// The definition of the other type.
        other_origin: Origin,
    },
    /// A crate that the application expects registered no events.
    #[error(
        "crate `{name}` registered no events; write `use {name} as _;` in the application, a crate that is only in Cargo.toml is not linked"
    )]
    MissingCrate {
        /// The crate's name, with underscores.
        name: String,
    },
}

/// All problems of the events in a registry; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryErrors(Vec<RegistryError>);

impl RegistryErrors {
    pub(crate) fn new(problems: Vec<RegistryError>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Iterates over the problems.
    pub fn iter(&self) -> std::slice::Iter<'_, RegistryError> {
        self.0.iter()
    }

    /// Stable code for logs and the wire: `invalid_registry`.
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
        write!(f, "the registered events are inconsistent:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}

impl std::error::Error for RegistryErrors {}
