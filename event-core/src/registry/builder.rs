//! Builds a [`Registry`]: collects, sorts, resolves every way once, and reports every problem.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::event::{EdgeKind, Event, Migration, MigrationFn, MigrationGraph};
use crate::registry::problem::{RegistryError, RegistryErrors};
use crate::registry::{ExtraMigration, Registration, Registry, Route, TypeEntry};
use crate::value::EventVersion;

/// Collects events and migrations; see [`Registry::builder`].
#[derive(Debug, Default)]
pub struct RegistryBuilder {
    registrations: Vec<Registration>,
    migrations: Vec<ExtraMigration>,
    expected_crates: Vec<String>,
}

impl RegistryBuilder {
    /// Adds one event, with the history that it declares.
    #[must_use]
    pub fn event<E: Event>(self) -> Self {
        self.registration(Registration::of::<E>())
    }

    /// Adds one registration.
    #[must_use]
    pub fn registration(mut self, registration: Registration) -> Self {
        self.registrations.push(registration);
        self
    }

    /// Adds every event of a closed set, by ordinary references: no `inventory` needed.
    #[must_use]
    pub fn registrations(mut self, registrations: &[Registration]) -> Self {
        self.registrations.extend_from_slice(registrations);
        self
    }

    /// Adds everything that is linked into this binary.
    #[must_use]
    pub fn inventory(mut self) -> Self {
        self.registrations.extend(inventory::iter::<Registration>());
        self.migrations.extend(inventory::iter::<ExtraMigration>());
        self
    }

    /// Adds a JSON step.
    #[must_use]
    pub fn migration(
        mut self,
        event_type: &'static str,
        from: EventVersion,
        to: EventVersion,
        apply: MigrationFn,
    ) -> Self {
        let declared_by = "RegistryBuilder::with_migration";
        self.migrations.push(ExtraMigration { event_type, from, to, apply, declared_by });
        self
    }

    /// Says which crates must have registered something.
    #[must_use]
    pub fn expect_crates<C: Into<String>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        self.expected_crates.extend(names.into_iter().map(Into::into));
        self
    }

    /// Builds the registry.
    ///
    /// # Errors
    /// [`RegistryErrors`] with every problem, not only the first.
    pub fn build(self) -> Result<Registry, RegistryErrors> {
        let (registry, problems) = self.assemble();
        RegistryErrors::new(problems).map(|()| registry)
    }

    /// The registry of what holds together, and what does not.
    pub(super) fn assemble(self) -> (Registry, Vec<RegistryError>) {
        let mut problems = missing_crates(&self.expected_crates, &self.registrations);
        let drafts = collect(&self.registrations, self.migrations, &mut problems);
        let aliases = aliases(&drafts, &mut problems);
        let mut types = HashMap::with_capacity_and_hasher(drafts.len(), RandomState::default());
        for (name, draft) in drafts {
            types.extend(resolve(name, draft, &mut problems).map(|entry| (name, entry)));
        }
        (Registry { types, aliases }, problems)
    }
}

/// One event type while it is collected.
#[derive(Default)]
struct Draft {
    /// Rising.
    versions: Vec<Registration>,
    graph: MigrationGraph,
    seen: BTreeSet<(EventVersion, EventVersion, &'static str)>,
}

fn missing_crates(expected: &[String], registrations: &[Registration]) -> Vec<RegistryError> {
    // A package name may have hyphens where the crate name has underscores.
    let same = |a: &str, b: &str| a.replace('-', "_") == b.replace('-', "_");
    expected
        .iter()
        .filter(|name| !registrations.iter().any(|known| same(known.origin().krate, name)))
        .map(|name| RegistryError::MissingCrate { name: name.replace('-', "_") })
        .collect()
}

/// The former type strings; each belongs to one type, and is no type of today.
fn aliases(
    drafts: &BTreeMap<&'static str, Draft>,
    problems: &mut Vec<RegistryError>,
) -> BTreeMap<&'static str, &'static str> {
    let mut aliases: BTreeMap<&'static str, Registration> = BTreeMap::new();
    for registration in drafts.values().flat_map(|draft| &draft.versions) {
        for &alias in registration.aliases() {
            let of_today = drafts.get(alias).and_then(|draft| draft.versions.first());
            let taken = of_today.or_else(|| aliases.get(alias));
            match taken.filter(|other| other.event_type() != registration.event_type()) {
                Some(other) => problems.push(RegistryError::AliasTaken {
                    alias: alias.into(),
                    event_type: registration.event_type().into(),
                    origin: registration.origin(),
                    other: other.event_type().into(),
                    other_origin: other.origin(),
                }),
                None => {
                    aliases.insert(alias, *registration);
                }
            }
        }
    }
    aliases.into_iter().map(|(alias, now)| (alias, now.event_type())).collect()
}

fn collect(
    registrations: &[Registration],
    mut migrations: Vec<ExtraMigration>,
    problems: &mut Vec<RegistryError>,
) -> BTreeMap<&'static str, Draft> {
    // Link order is not stable: sort before anything depends on it.
    let mut registrations: Vec<&Registration> = registrations.iter().collect();
    registrations.sort_by_key(|r| (r.event_type(), r.version(), r.origin().file, r.origin().line));
    migrations.sort_by_key(|m| (m.event_type, m.from, m.to, m.declared_by));
    let mut drafts: BTreeMap<&'static str, Draft> = BTreeMap::new();
    for registration in registrations {
        let draft = drafts.entry(registration.event_type()).or_default();
        add_version(draft, *registration, problems);
    }
    for migration in migrations {
        let draft = drafts.entry(migration.event_type).or_default();
        add_edge(draft, migration.event_type, migration.edge(), problems);
    }
    drafts
}

fn add_version(draft: &mut Draft, new: Registration, problems: &mut Vec<RegistryError>) {
    // They come rising: what is there already is the last.
    match draft.versions.last().filter(|known| known.version() == new.version()) {
        Some(known) if known.same_origin(&new) => return,
        Some(known) => problems.push(RegistryError::Duplicate {
            event_type: new.event_type().into(),
            version: new.version(),
            first: known.origin(),
            second: new.origin(),
        }),
        None => {
            draft.versions.push(new);
        }
    }
    for edge in new.edges() {
        add_edge(draft, new.event_type(), edge, problems);
    }
}

fn add_edge(
    draft: &mut Draft,
    event_type: &str,
    edge: Migration,
    problems: &mut Vec<RegistryError>,
) {
    let Migration { from, to, declared_by, .. } = edge;
    // A struct's edges arrive once with itself and once with each struct above it.
    if edge.kind != EdgeKind::Extra && !draft.seen.insert((from, to, declared_by)) {
        return;
    }
    if from >= to {
        let event_type = event_type.into();
        problems.push(RegistryError::Cycle { event_type, from, to, declared_by });
    } else if let Err(first) = draft.graph.add(edge) {
        problems.push(RegistryError::DuplicateEdge {
            event_type: event_type.into(),
            from,
            to,
            first: first.declared_by,
            second: declared_by,
        });
    }
}

/// Resolves every way to the latest version; decoding never searches.
fn resolve(
    event_type: &'static str,
    draft: Draft,
    problems: &mut Vec<RegistryError>,
) -> Option<TypeEntry> {
    let highest = draft.versions.last().map(Registration::version);
    for edge in draft.graph.iter().filter(|edge| Some(edge.to) > highest) {
        problems.push(RegistryError::Orphan {
            event_type: event_type.into(),
            from: edge.from,
            to: edge.to,
            declared_by: edge.declared_by,
        });
    }
    let latest = *draft.versions.last()?;
    if draft.graph.is_empty()
        && draft.versions.len() == 1
        && latest.since() == latest.version().get()
    {
        // Most types: one version, no history.
        let routes = vec![(latest.version(), Route::OwnHistory)];
        return Some(TypeEntry { latest, versions: draft.versions, graph: draft.graph, routes });
    }
    let known = known_versions(&draft, latest);
    let mut routes = Vec::with_capacity(known.len());
    for version in known {
        if version == latest.version() {
            routes.push((version, Route::OwnHistory));
            continue;
        }
        match draft.graph.path(version, latest.version()) {
            Some(path) if path.iter().all(|edge| edge.kind == EdgeKind::Chain) => {
                routes.push((version, Route::OwnHistory));
            }
            Some(path) => routes.push((version, Route::Steps(path))),
            None => problems.push(RegistryError::Gap {
                event_type: event_type.into(),
                version,
                latest: latest.version(),
                origin: latest.origin(),
            }),
        }
    }
    Some(TypeEntry { latest, versions: draft.versions, graph: draft.graph, routes })
}

/// Registered versions, versions that an edge reads, and all that the histories promise to read.
fn known_versions(draft: &Draft, latest: Registration) -> BTreeSet<EventVersion> {
    let mut known: BTreeSet<_> = draft.versions.iter().map(Registration::version).collect();
    known.extend(draft.graph.iter().flat_map(|edge| [edge.from, edge.to]));
    known.retain(|version| *version <= latest.version());
    // `since` of the lowest version bounds what may be stored; a version below it that nobody reads is a gap.
    let lowest = known.first().copied().unwrap_or(latest.version());
    let first = draft.versions.first().filter(|first| first.version() == lowest);
    let since = first.map_or(lowest.get(), Registration::since);
    known.extend((since..lowest.get()).take(1).filter_map(|n| EventVersion::try_from(n).ok()));
    known
}
