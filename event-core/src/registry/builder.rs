//! Builds a [`Registry`]: collects the registrations, resolves the migration paths, reports every problem.

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
    /// Adds one event with its history.
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

    /// Adds the registrations of a closed set; needs no `inventory`.
    #[must_use]
    pub fn registrations(mut self, registrations: &[Registration]) -> Self {
        self.registrations.extend_from_slice(registrations);
        self
    }

    /// Adds all events and migrations linked into this binary.
    #[must_use]
    pub fn inventory(mut self) -> Self {
        self.registrations.extend(inventory::iter::<Registration>());
        self.migrations.extend(inventory::iter::<ExtraMigration>());
        self
    }

    /// Adds a migration step on JSON.
    #[must_use]
    pub fn migration(
        mut self,
        event_type: &'static str,
        from: EventVersion,
        to: EventVersion,
        apply: MigrationFn,
    ) -> Self {
        let declared_by = "RegistryBuilder::migration";
        self.migrations.push(ExtraMigration { event_type, from, to, apply, declared_by });
        self
    }

    /// Requires each of these crates to have registered at least one event; `-` and `_` in their names are equal.
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

    /// Builds the registry from the valid registrations and collects the problems of the others.
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

/// One event type while its registrations are collected.
#[derive(Default)]
struct Draft {
    /// In ascending order.
    versions: Vec<Registration>,
    graph: MigrationGraph,
    /// The added edges, each with its declaration.
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

/// The former type strings, each with its current one. An alias belongs to one type and is not a registered type.
fn aliases(
    drafts: &BTreeMap<&'static str, Draft>,
    problems: &mut Vec<RegistryError>,
) -> BTreeMap<&'static str, &'static str> {
    let mut aliases: BTreeMap<&'static str, Registration> = BTreeMap::new();
    for registration in drafts.values().flat_map(|draft| &draft.versions) {
        for &alias in registration.aliases() {
            let registered = drafts.get(alias).and_then(|draft| draft.versions.first());
            let owner = registered.or_else(|| aliases.get(alias));
            match owner.filter(|other| other.event_type() != registration.event_type()) {
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
    aliases.into_iter().map(|(alias, owner)| (alias, owner.event_type())).collect()
}

fn collect(
    registrations: &[Registration],
    mut migrations: Vec<ExtraMigration>,
    problems: &mut Vec<RegistryError>,
) -> BTreeMap<&'static str, Draft> {
    // The link order is not stable: sort first, so that results and error messages are.
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
    // Registrations are sorted by version: a duplicate follows immediately.
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
    // Each struct lists the edges of its older versions, too.
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

/// Resolves the path from each version to the latest, so that decoding does not search.
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
        // Fast path for most types: one version without history.
        let routes = vec![(latest.version(), Route::OwnHistory)];
        return Some(TypeEntry { latest, versions: draft.versions, graph: draft.graph, routes });
    }
    let known = known_versions(&draft, latest);
    let own = own_history(&latest);
    let mut routes = Vec::with_capacity(known.len());
    for version in known {
        if version == latest.version() {
            routes.push((version, Route::OwnHistory));
            continue;
        }
        match draft.graph.path(version, latest.version()) {
            Some(path) if path.iter().all(|edge| edge.kind == EdgeKind::Chain) => {
                // Below its `since` the latest version decodes nothing, whatever the older ones know.
                if own.path(version, latest.version()).is_some() {
                    routes.push((version, Route::OwnHistory));
                }
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

/// The chain that the latest version itself decodes along.
fn own_history(latest: &Registration) -> MigrationGraph {
    let mut own = MigrationGraph::default();
    for edge in latest.edges().into_iter().filter(|edge| edge.kind == EdgeKind::Chain) {
        // An edge that is there twice is reported for the type.
        let _ = own.add(edge);
    }
    own
}

/// The registered versions, the source and target versions of migrations, and `since` if it is lower than all of them.
fn known_versions(draft: &Draft, latest: Registration) -> BTreeSet<EventVersion> {
    let mut known: BTreeSet<_> = draft.versions.iter().map(Registration::version).collect();
    known.extend(draft.graph.iter().flat_map(|edge| [edge.from, edge.to]));
    known.retain(|version| *version <= latest.version());
    // Versions from `since` on may be stored: one below the lowest known version has no migration and becomes a gap.
    let lowest = known.first().copied().unwrap_or(latest.version());
    let first = draft.versions.first().filter(|first| first.version() == lowest);
    let since = first.map_or(lowest.get(), Registration::since);
    known.extend((since..lowest.get()).take(1).filter_map(|n| EventVersion::try_from(n).ok()));
    known
}
