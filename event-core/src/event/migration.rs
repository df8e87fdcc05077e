//! Migrations: a [`Migration`] is one edge between two versions of an event type; the graph finds paths along them.
//!
//! A migration turns the JSON of one version into the JSON of a higher one. It runs when an event is read: stored
//! bytes never change.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::value::EventVersion;

/// A JSON step: takes the data of one version, returns the data of a higher one.
pub type MigrationFn = fn(Value) -> Result<Value, MigrationError>;

/// Why a migration step failed for a payload.
///
/// ```
/// use event_core::MigrationError;
///
/// fn add_seat(mut data: serde_json::Value) -> Result<serde_json::Value, MigrationError> {
///     let object = data.as_object_mut().ok_or("expected an object")?;
///     object.insert("seat".into(), 1.into());
///     Ok(data)
/// }
/// assert_eq!(add_seat(7.into()).unwrap_err().to_string(), "expected an object");
/// ```
#[derive(Debug)]
pub struct MigrationError {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl MigrationError {
    /// Creates an error with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Creates an error with a message and its cause.
    pub fn caused_by(
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }

    /// Stable code for logs and the wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for MigrationError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<&str> for MigrationError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for MigrationError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<serde_json::Error> for MigrationError {
    fn from(source: serde_json::Error) -> Self {
        Self::caused_by("the data has the wrong shape", source)
    }
}

/// Runs a step of the event's author; a panic becomes an error with the panic's message.
pub(crate) fn catch_panic<T>(
    step: impl FnOnce() -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        Err(MigrationError::new(format!("the step panicked: {message}")))
    })
}

/// One edge of the migration graph: turns data of version `from` into data of version `to`.
#[doc(alias = "upcaster")]
#[doc(alias = "translator")]
#[derive(Clone, Copy)]
pub struct Migration {
    pub(crate) from: EventVersion,
    pub(crate) to: EventVersion,
    pub(crate) apply: MigrationFn,
    pub(crate) declared_by: &'static str,
    pub(crate) kind: EdgeKind,
}

/// Where a migration was declared; decides which decoders use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// In the history of an event: used by its typed decoder and by the graph.
    Chain,
    /// With `also_from`: a shortcut, used by the graph only.
    Also,
    /// With `migration!` or on the registry's builder: used by the graph only.
    Extra,
}

impl Migration {
    /// The source version.
    pub const fn from(&self) -> EventVersion {
        self.from
    }

    /// The target version.
    pub const fn to(&self) -> EventVersion {
        self.to
    }

    /// Where it was declared: the Rust type of the target version, or the module of a `migration!` call.
    pub const fn declared_by(&self) -> &'static str {
        self.declared_by
    }

    /// Migrates one payload.
    ///
    /// # Errors
    /// The error that the step returned, or one with the message of its panic.
    pub fn apply(&self, data: Value) -> Result<Value, MigrationError> {
        catch_panic(|| (self.apply)(data))
    }
}

impl fmt::Debug for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Migration({} → {}, {})", self.from, self.to, self.declared_by)
    }
}

/// The migrations of one event type.
#[derive(Debug, Clone, Default)]
pub(crate) struct MigrationGraph {
    /// By source version; the targets in descending order, in which `path` tries equally short paths.
    edges: BTreeMap<EventVersion, Vec<Migration>>,
}

impl MigrationGraph {
    /// Adds an edge; `Err` holds an existing edge between the same versions.
    pub(crate) fn add(&mut self, edge: Migration) -> Result<(), Migration> {
        let targets = self.edges.entry(edge.from).or_default();
        match targets.binary_search_by(|known| edge.to.cmp(&known.to)) {
            Ok(index) => Err(targets[index]),
            Err(index) => {
                targets.insert(index, edge);
                Ok(())
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.edges.values().flatten()
    }

    /// Returns every path, the shortest first, up to [`MAX_PATHS`](Self::MAX_PATHS) of them.
    pub(crate) fn paths(&self, from: EventVersion, to: EventVersion) -> Vec<Vec<Migration>> {
        let mut paths = Vec::new();
        let mut queue = VecDeque::from([(from, Vec::new())]);
        while let Some((version, path)) = queue.pop_front() {
            if version == to {
                paths.push(path);
                continue;
            }
            for edge in self.edges.get(&version).into_iter().flatten() {
                if queue.len() + paths.len() < Self::MAX_PATHS {
                    let mut longer: Vec<Migration> = path.clone();
                    longer.push(*edge);
                    queue.push_back((edge.to, longer));
                }
            }
        }
        paths
    }

    /// Bounds the time and memory of `paths`; far above the number in a hand-written history.
    const MAX_PATHS: usize = 4_096;

    /// Returns the shortest path; of several, the one with the larger first step.
    ///
    /// Searches breadth first and tries higher targets first, so the first path found is the result, independent of
    /// the order of registration.
    pub(crate) fn path(&self, from: EventVersion, to: EventVersion) -> Option<Vec<Migration>> {
        let mut reached_by: BTreeMap<EventVersion, Migration> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(version) = queue.pop_front() {
            if version == to {
                return Some(walk_back(&reached_by, from, to));
            }
            for edge in self.edges.get(&version).into_iter().flatten() {
                if edge.to != from && !reached_by.contains_key(&edge.to) {
                    reached_by.insert(edge.to, *edge);
                    queue.push_back(edge.to);
                }
            }
        }
        None
    }
}

fn walk_back(
    reached_by: &BTreeMap<EventVersion, Migration>,
    from: EventVersion,
    to: EventVersion,
) -> Vec<Migration> {
    let mut path = Vec::new();
    let mut version = to;
    while version != from {
        let Some(edge) = reached_by.get(&version) else { break };
        path.push(*edge);
        version = edge.from;
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(u32, u32)]) -> MigrationGraph {
        let mut graph = MigrationGraph::default();
        for &(from, to) in edges {
            graph.add(edge(from, to)).unwrap();
        }
        graph
    }

    fn edge(from: u32, to: u32) -> Migration {
        let (from, to) = (EventVersion::new(from), EventVersion::new(to));
        Migration { from, to, apply: Ok, declared_by: "test", kind: EdgeKind::Extra }
    }

    #[track_caller]
    fn check_path(edges: &[(u32, u32)], from: u32, to: u32, expected: &str) {
        let path = graph(edges).path(EventVersion::new(from), EventVersion::new(to));
        let actual = path.map_or("none".into(), |steps| {
            let mut versions = vec![format!("v{from}")];
            versions.extend(steps.iter().map(|step| step.to.to_string()));
            versions.join(" → ")
        });
        assert_eq!(actual, expected);
    }

    #[test]
    fn the_shortest_path_is_taken() {
        check_path(&[(1, 2), (2, 3)], 1, 3, "v1 → v2 → v3");
        check_path(&[(1, 2), (2, 3), (1, 3)], 1, 3, "v1 → v3");
        check_path(&[(1, 2), (2, 3), (3, 4), (2, 4)], 1, 4, "v1 → v2 → v4");
    }

    #[test]
    fn of_equally_short_paths_the_larger_first_step_wins_in_any_order_of_registration() {
        let edges = [(1, 2), (1, 3), (2, 4), (3, 4)];
        check_path(&edges, 1, 4, "v1 → v3 → v4");
        let mut reversed = edges;
        reversed.reverse();
        check_path(&reversed, 1, 4, "v1 → v3 → v4");
    }

    #[test]
    fn unconnected_versions_have_no_path() {
        check_path(&[(1, 2), (3, 4)], 1, 4, "none");
        check_path(&[(1, 2)], 2, 1, "none");
        check_path(&[], 1, 1, "v1");
    }

    #[test]
    fn a_second_edge_between_the_same_versions_is_rejected() {
        let mut graph = graph(&[(1, 2)]);
        assert_eq!(graph.add(edge(1, 2)).unwrap_err().to(), EventVersion::new(2));
    }

    #[test]
    fn a_panic_in_a_step_becomes_an_error() {
        let step = Migration { apply: |_| panic!("boom"), ..edge(1, 2) };
        assert_eq!(step.apply(Value::Null).unwrap_err().to_string(), "the step panicked: boom");
    }
}
