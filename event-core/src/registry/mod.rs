//! [`Registry`]: every (type, version) that this binary knows, with the migration path from each to the latest.
//!
//! Built from all linked events ([`Registry::global`]) or from an explicit list ([`Registry::builder`]). Immutable;
//! paths are resolved when it is built, and any inconsistency fails the build.

mod builder;
pub(crate) mod catalogue;
pub(crate) mod census;
#[cfg(not(feature = "derive"))]
mod link;
pub(crate) mod problem;
pub(crate) mod registration;
pub(crate) mod stored_version;

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use foldhash::fast::RandomState;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

pub use self::builder::RegistryBuilder;
pub use self::catalogue::{Catalogue, CatalogueMigration, CatalogueType, CatalogueVersion};
pub use self::census::{Census, Unreadable};
pub use self::problem::RegistryError;
pub(crate) use self::problem::RegistryErrors;
pub(crate) use self::registration::ExtraMigration;
pub use self::registration::Registration;
pub use self::stored_version::{SeenVersions, StoredVersion};
use crate::event::{AnyEvent, DecodeError, Migration, MigrationGraph, parse_exact};
use crate::value::EventVersion;

/// All event types and versions that this binary knows.
#[doc(alias = "translator")]
#[derive(Debug)]
pub struct Registry {
    types: HashMap<&'static str, TypeEntry, RandomState>,
    /// Former type strings, each with its current type string.
    aliases: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug)]
pub(crate) struct TypeEntry {
    latest: Registration,
    /// In ascending order.
    versions: Vec<Registration>,
    graph: MigrationGraph,
    /// One for each known version. A list, because there are few.
    routes: Vec<(EventVersion, Route)>,
}

/// How stored data of one version is decoded into the latest version.
#[derive(Debug)]
pub(crate) enum Route {
    /// Along the history that the latest version declares; typed steps need no JSON in between.
    OwnHistory,
    /// Migrated as JSON along a path of the graph, then decoded as the latest version.
    Steps(Vec<Migration>),
}

impl Registry {
    /// Returns the registry of all events linked into this binary; the first call builds it.
    ///
    /// An empty registry is not an error: tools that only move data need no events.
    ///
    /// # Errors
    /// [`RegistryErrors`] with every problem; each call returns the same result.
    pub fn global() -> Result<&'static Self, RegistryErrors> {
        static GLOBAL: OnceLock<Result<Registry, RegistryErrors>> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::builder().inventory().build()).as_ref().map_err(Clone::clone)
    }

    /// Builds a registry from an explicit list: for tests, plug-ins, and platforms without constructors before `main`.
    ///
    /// ```
    /// use event_core::{Event, EventVersion, Registry};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened;
    /// impl Event for Opened {
    ///     const TYPE: &'static str = "opened";
    ///     const VERSION: EventVersion = EventVersion::FIRST;
    /// }
    /// let registry = Registry::builder().event::<Opened>().build()?;
    /// assert_eq!(registry.latest("opened")?.version(), EventVersion::FIRST);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Checks the events linked into this binary.
    ///
    /// # Errors
    /// The [`RegistryErrors`] of [`Registry::global`].
    pub fn check() -> Result<(), RegistryErrors> {
        Self::global().map(|_| ())
    }

    /// Returns the registration of one version of a type.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`], [`DecodeError::FromTheFuture`] or [`DecodeError::UnknownVersion`].
    pub fn lookup(
        &self,
        event_type: &str,
        version: EventVersion,
    ) -> Result<&Registration, DecodeError> {
        let entry = self.entry(event_type)?;
        let found = entry.versions.iter().find(|known| known.version() == version);
        found.ok_or_else(|| entry.unknown(version))
    }

    /// Returns the registration of a type's highest version.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`].
    pub fn latest(&self, event_type: &str) -> Result<&Registration, DecodeError> {
        Ok(&self.entry(event_type)?.latest)
    }

    /// Iterates over all registrations, sorted by type, then version.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.types().into_iter().flat_map(|name| &self.types[name].versions)
    }

    /// Returns all type strings, sorted.
    pub fn types(&self) -> Vec<&'static str> {
        let mut types: Vec<_> = self.types.keys().copied().collect();
        types.sort_unstable();
        types
    }

    /// Returns the migration path between two versions of a type: the shortest one; of several, the one with the larger
    /// first step. Empty for equal versions.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`], [`DecodeError::UnknownVersion`], [`DecodeError::FromTheFuture`],
    /// [`DecodeError::Downward`] or [`DecodeError::NoPath`].
    pub fn path(
        &self,
        event_type: &str,
        from: EventVersion,
        to: EventVersion,
    ) -> Result<Vec<Migration>, DecodeError> {
        if from > to {
            return Err(DecodeError::Downward { event_type: event_type.into(), from, to });
        }
        let entry = self.entry(event_type)?;
        for version in [from, to] {
            if !entry.knows(version) {
                return Err(entry.unknown(version));
            }
        }
        entry.graph.path(from, to).ok_or_else(|| DecodeError::NoPath {
            event_type: event_type.into(),
            from,
            to,
        })
    }

    /// Migrates JSON from one version of a type to another, along [`Registry::path`].
    ///
    /// Equal versions return the data unchanged, even for an unknown type.
    ///
    /// # Errors
    /// As [`Registry::path`], and [`DecodeError::Step`] for a step that failed; later steps do not run.
    pub fn migrate(
        &self,
        event_type: &str,
        data: Value,
        from: EventVersion,
        to: EventVersion,
    ) -> Result<Value, DecodeError> {
        if from == to {
            return Ok(data);
        }
        run_steps(event_type, data, &self.path(event_type, from, to)?)
    }

    /// Decodes stored data into the latest version of its type, along the shortest path.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`], [`DecodeError::UnknownVersion`], [`DecodeError::FromTheFuture`],
    /// [`DecodeError::Step`] or [`DecodeError::Payload`].
    pub fn decode(
        &self,
        event_type: &str,
        version: EventVersion,
        data: &RawValue,
    ) -> Result<Box<dyn AnyEvent>, DecodeError> {
        let entry = self.entry(event_type)?;
        if version == entry.latest.version() {
            return entry.latest.decode(version, data);
        }
        match entry.routes.iter().find(|(known, _)| *known == version) {
            Some((_, Route::OwnHistory)) => entry.latest.decode(version, data),
            Some((_, Route::Steps(path))) => decode_shortest(entry, version, data, path),
            None => Err(entry.unknown(version)),
        }
    }

    /// Checks that stored data of a version can be migrated to the latest version of its type.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`], [`DecodeError::UnknownVersion`] or [`DecodeError::FromTheFuture`].
    pub fn reads(&self, event_type: &str, version: EventVersion) -> Result<(), DecodeError> {
        let entry = self.entry(event_type)?;
        if entry.knows(version) { Ok(()) } else { Err(entry.unknown(version)) }
    }

    /// Returns the current name of a type that may be given by an alias; an unknown type has only its own.
    pub(crate) fn current_name<'a>(&'a self, event_type: &'a str) -> &'a str {
        self.aliases.get(event_type).copied().unwrap_or(event_type)
    }

    /// Returns the type strings that events of a type may be stored under: the type string itself, then its aliases. The
    /// type may be given by an alias; an unknown type has only its own name.
    pub fn stored_names<'a>(&'a self, event_type: &'a str) -> impl Iterator<Item = &'a str> {
        let event_type = self.current_name(event_type);
        let aliases = self.aliases.iter().filter(move |(_, current)| **current == event_type);
        std::iter::once(event_type).chain(aliases.map(|(alias, _)| *alias))
    }

    /// Returns every path from a version of a type to its latest, the shortest first; at most 4 096.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`], [`DecodeError::UnknownVersion`] or [`DecodeError::FromTheFuture`].
    pub fn paths(
        &self,
        event_type: &str,
        from: EventVersion,
    ) -> Result<Vec<Vec<Migration>>, DecodeError> {
        let entry = self.entry(event_type)?;
        if !entry.knows(from) {
            return Err(entry.unknown(from));
        }
        Ok(entry.graph.paths(from, entry.latest.version()))
    }

    /// Decodes stored data into the latest version of its type along the given path.
    ///
    /// # Errors
    /// [`DecodeError::UnknownType`], [`DecodeError::Step`] or [`DecodeError::Payload`].
    pub fn decode_along(
        &self,
        event_type: &str,
        version: EventVersion,
        data: &RawValue,
        path: &[Migration],
    ) -> Result<Box<dyn AnyEvent>, DecodeError> {
        decode_along(self.entry(event_type)?, version, data, path)
    }

    /// The migrations of a type, by source version.
    pub(crate) fn edges(&self, event_type: &str) -> Vec<Migration> {
        self.types.get(event_type).map(|it| it.graph.iter().copied().collect()).unwrap_or_default()
    }

    fn entry(&self, event_type: &str) -> Result<&TypeEntry, DecodeError> {
        self.types
            .get(event_type)
            .or_else(|| self.renamed(event_type))
            .ok_or_else(|| self.unknown_type(event_type))
    }

    /// The type with this alias.
    #[cold]
    fn renamed(&self, alias: &str) -> Option<&TypeEntry> {
        self.types.get(self.aliases.get(alias)?)
    }

    #[cold]
    fn unknown_type(&self, event_type: &str) -> DecodeError {
        let mut known = self.types();
        // The three most similar ones.
        known.sort_by_key(|name| edit_distance(name, event_type));
        known.truncate(3);
        DecodeError::UnknownType { event_type: event_type.into(), known }
    }
}

impl TypeEntry {
    fn knows(&self, version: EventVersion) -> bool {
        self.routes.iter().any(|(known, _)| *known == version)
    }

    #[cold]
    fn unknown(&self, version: EventVersion) -> DecodeError {
        let event_type = self.latest.event_type().to_owned();
        if version > self.latest.version() {
            let known = self.latest.version();
            return DecodeError::FromTheFuture { event_type, found: version, known };
        }
        let known = self.routes.iter().map(|(known, _)| *known).collect();
        DecodeError::UnknownVersion { event_type, version, known }
    }
}

/// Decodes along the shortest path; where a JSON step would not keep the data, along the type's own history, so that the
/// answer is that of the typed decoder.
fn decode_shortest(
    entry: &TypeEntry,
    version: EventVersion,
    data: &RawValue,
    path: &[Migration],
) -> Result<Box<dyn AnyEvent>, DecodeError> {
    match decode_along(entry, version, data, path) {
        Err(lossy) if lossy.is_lossy() => match entry.latest.decode(version, data) {
            Err(DecodeError::UnknownVersion { .. }) => Err(lossy),
            own => own,
        },
        decoded => decoded,
    }
}

fn decode_along(
    entry: &TypeEntry,
    version: EventVersion,
    data: &RawValue,
    path: &[Migration],
) -> Result<Box<dyn AnyEvent>, DecodeError> {
    let event_type = entry.latest.event_type();
    let payload_error = |source| DecodeError::Payload {
        event_type: event_type.into(),
        version,
        path: ".".into(),
        source,
    };
    let value = parse_exact(data.get()).map_err(payload_error)?;
    let raw = to_raw_value(&run_steps(event_type, value, path)?).map_err(payload_error)?;
    entry.latest.decode(entry.latest.version(), &raw)
}

fn run_steps(event_type: &str, mut data: Value, path: &[Migration]) -> Result<Value, DecodeError> {
    for step in path {
        data = step.apply(data).map_err(|source| DecodeError::Step {
            event_type: event_type.into(),
            from: step.from(),
            to: step.to(),
            source,
        })?;
    }
    Ok(data)
}

/// The Levenshtein distance between two type strings.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let replace = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
