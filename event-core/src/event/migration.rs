//! Migrations: [`Migration`] is one edge of an event type's history, the graph finds the way along them (S-16).
//!
//! An edge turns the JSON of one version into the JSON of a later one. Stored bytes never change: migrations act
//! on the way out.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::value::EventVersion;

/// A JSON step: takes the data of one version, gives the data of a later one.
pub type MigrationFn = fn(Value) -> Result<Value, MigrationError>;

/// Why a migration step could not turn a payload into the next version.
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
    /// A failure in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A failure with its cause.
    pub fn caused_by(
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }

    /// Stable text for logs and wire: `invalid_event_data`.
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

/// Runs a step that belongs to somebody else; a panic in it becomes an error that names it.
pub(crate) fn guarded<T>(
    step: impl FnOnce() -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .map(|words| (*words).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        Err(MigrationError::new(format!("the step panicked: {words}")))
    })
}

/// One edge: how the data of version `from` becomes the data of version `to`.
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

/// Who declares an edge, and so who walks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// The history of an event, which its typed decoder walks too.
    Chain,
    /// `also_from`: a shortcut, for the graph only.
    Also,
    /// A crate of its own, with `migration!` or on the builder.
    Extra,
}

impl Migration {
    /// The version it reads.
    pub const fn from(&self) -> EventVersion {
        self.from
    }

    /// The version it gives.
    pub const fn to(&self) -> EventVersion {
        self.to
    }

    /// Where it was declared: the Rust type of the newer version, or the module of a free-standing step.
    pub const fn declared_by(&self) -> &'static str {
        self.declared_by
    }

    /// Migrates one payload.
    ///
    /// # Errors
    /// What the step says, or that it panicked.
    pub fn apply(&self, data: Value) -> Result<Value, MigrationError> {
        guarded(|| (self.apply)(data))
    }
}

impl fmt::Debug for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Migration({} → {}, {})", self.from, self.to, self.declared_by)
    }
}

/// The edges of one event type.
#[derive(Debug, Clone, Default)]
pub(crate) struct MigrationGraph {
    /// By source version, targets falling: the order in which equally short ways are tried.
    edges: BTreeMap<EventVersion, Vec<Migration>>,
}

impl MigrationGraph {
    /// Adds an edge; `Err` is the edge that is already there.
    pub(crate) fn add(&mut self, edge: Migration) -> Result<(), Migration> {
        let targets = self.edges.entry(edge.from).or_default();
        match targets.binary_search_by(|known| edge.to.cmp(&known.to)) {
            Ok(at) => Err(targets[at]),
            Err(at) => {
                targets.insert(at, edge);
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

    /// Every path up, the shortest first; a graph of more than [`MAX_PATHS`](Self::MAX_PATHS) gives that many.
    pub(crate) fn paths(&self, from: EventVersion, to: EventVersion) -> Vec<Vec<Migration>> {
        let mut ways = Vec::new();
        let mut queue = VecDeque::from([(from, Vec::new())]);
        while let Some((version, way)) = queue.pop_front() {
            if version == to {
                ways.push(way);
                continue;
            }
            for edge in self.edges.get(&version).into_iter().flatten() {
                if queue.len() + ways.len() < Self::MAX_PATHS {
                    let mut longer: Vec<Migration> = way.clone();
                    longer.push(*edge);
                    queue.push_back((edge.to, longer));
                }
            }
        }
        ways
    }

    /// More ways than anybody writes by hand.
    const MAX_PATHS: usize = 4_096;

    /// The shortest way up; between equals the one with the larger first step.
    ///
    /// Breadth first, each version's targets from the highest down: the first way found is the one wanted,
    /// whatever the order of registration was.
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
        let shown = path.map_or("none".into(), |steps| {
            let mut words = vec![format!("v{from}")];
            words.extend(steps.iter().map(|step| step.to.to_string()));
            words.join(" → ")
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn takes_the_shortest_way() {
        check_path(&[(1, 2), (2, 3)], 1, 3, "v1 → v2 → v3");
        check_path(&[(1, 2), (2, 3), (1, 3)], 1, 3, "v1 → v3");
        check_path(&[(1, 2), (2, 3), (3, 4), (2, 4)], 1, 4, "v1 → v2 → v4");
    }

    #[test]
    fn between_equals_the_larger_first_step_wins_in_any_order_of_registration() {
        let edges = [(1, 2), (1, 3), (2, 4), (3, 4)];
        check_path(&edges, 1, 4, "v1 → v3 → v4");
        let mut reversed = edges;
        reversed.reverse();
        check_path(&reversed, 1, 4, "v1 → v3 → v4");
    }

    #[test]
    fn says_when_there_is_none() {
        check_path(&[(1, 2), (3, 4)], 1, 4, "none");
        check_path(&[(1, 2)], 2, 1, "none");
        check_path(&[], 1, 1, "v1");
    }

    #[test]
    fn an_edge_can_be_there_once() {
        let mut graph = graph(&[(1, 2)]);
        assert_eq!(graph.add(edge(1, 2)).unwrap_err().to(), EventVersion::new(2));
    }

    #[test]
    fn a_panic_in_a_step_becomes_an_error() {
        let step = Migration { apply: |_| panic!("boom"), ..edge(1, 2) };
        assert_eq!(step.apply(Value::Null).unwrap_err().to_string(), "the step panicked: boom");
    }
}
