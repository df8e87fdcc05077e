//! What recovery found: the problems of a stream, and of its snapshot.

use std::fmt;

use crate::value::{Position, StreamId, StreamVersion};

/// What kind of doubt about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A number is missing.
    Gap,
    /// Numbers or positions do not grow.
    Order,
    /// The event belongs to something else.
    Identity,
    /// The event names a cause that comes after it.
    Causality,
    /// The event cannot have happened at this point.
    Sequence,
    /// The event cannot be decoded.
    Corrupt,
    /// The state after the last event cannot be.
    State,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gap => "gap",
            Self::Order => "order",
            Self::Identity => "identity",
            Self::Causality => "causality",
            Self::Sequence => "sequence",
            Self::Corrupt => "corrupt event",
            Self::State => "state",
        })
    }
}

/// One thing that is wrong with a stream, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of doubt.
    pub kind: ProblemKind,
    /// The event at fault; of [`ProblemKind::State`], the last one.
    pub stream_version: StreamVersion,
    /// Its place in the global order.
    pub position: Position,
    /// Its stored type.
    pub event_type: String,
    /// What is wrong, in words.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, stream_version, position, event_type, reason } = self;
        write!(f, "version {stream_version} ({event_type}, position {position}): {kind}: {reason}")
    }
}

/// What recovery saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The stream.
    pub stream_id: StreamId,
    /// Events read.
    pub read: u64,
    /// Events applied to the state.
    pub applied: u64,
    /// Everything that is wrong; empty for a sound stream.
    pub problems: Vec<Problem>,
    /// The snapshot that recovery began with; none where it began with the first event.
    pub from_snapshot: Option<StreamVersion>,
    /// The snapshot that it left behind for the next one.
    pub saved_snapshot: Option<StreamVersion>,
    /// Why a snapshot was not used, or not written. The state does not depend on it, the time it took does.
    pub snapshot_problems: Vec<SnapshotProblem>,
}

impl RecoveryReport {
    pub(super) const fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            read: 0,
            applied: 0,
            problems: Vec::new(),
            from_snapshot: None,
            saved_snapshot: None,
            snapshot_problems: Vec::new(),
        }
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream_id, read, applied, problems, .. } = self;
        write!(
            f,
            "{stream_id:?}: {read} events read, {applied} applied, {} problems",
            problems.len()
        )?;
        if let Some(version) = self.from_snapshot {
            write!(f, ", from a snapshot at version {version}")?;
        }
        problems.iter().try_for_each(|problem| write!(f, "\n- {problem}"))?;
        self.snapshot_problems.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}

/// What may be the matter with a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// The store could not give it: its row cannot be read, or there is no right to.
    Unreadable,
    /// An older program wrote it, or one whose state looked otherwise.
    Stale,
    /// A newer program wrote it; it is left to that one.
    Newer,
    /// Its state does not decode.
    Undecodable,
    /// It does not fit the stream: that ends before it, holds another event there, or begins after it.
    Wrong,
    /// The next one could not be written.
    NotSaved,
}

impl SnapshotFault {
    /// Whether a fresh one takes its place.
    pub(super) const fn is_mended(self) -> bool {
        matches!(self, Self::Stale | Self::Undecodable | Self::Wrong)
    }
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "unreadable",
            Self::Stale => "stale",
            Self::Newer => "newer than this program",
            Self::Undecodable => "undecodable",
            Self::Wrong => "not of this stream",
            Self::NotSaved => "not saved",
        })
    }
}

/// A snapshot that was not used, or not written, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotProblem {
    /// What kind of doubt.
    pub fault: SnapshotFault,
    /// The version it was taken at; 0 where that cannot be read.
    pub stream_version: StreamVersion,
    /// Why, in words.
    pub reason: String,
}

impl SnapshotProblem {
    pub(super) const fn unreadable(reason: String) -> Self {
        Self { fault: SnapshotFault::Unreadable, stream_version: StreamVersion::NONE, reason }
    }
}

impl fmt::Display for SnapshotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, stream_version, reason } = self;
        write!(f, "snapshot at version {stream_version}: {fault}: {reason}")
    }
}

/// A recovered aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered<A> {
    /// The state.
    pub state: A,
    /// The last event read: what to expect on the next append.
    pub version: StreamVersion,
    /// Its place in the global order.
    pub position: Position,
    /// What recovery saw.
    pub report: RecoveryReport,
}
