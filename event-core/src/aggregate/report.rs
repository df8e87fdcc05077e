//! The result of a recovery: the state, and the problems of the stream and of its snapshot.

use std::fmt;

use crate::value::{EventId, Position, StreamId, StreamVersion};

/// The kind of a problem of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A version is missing.
    Gap,
    /// Versions or positions do not grow.
    Order,
    /// The event belongs to another stream.
    Identity,
    /// The event names a later event as its cause.
    Causality,
    /// The event cannot have happened at this point.
    Sequence,
    /// The event cannot be decoded.
    Corrupt,
    /// The state after the last event is impossible.
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

/// One problem of a stream, and the event at which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The kind of the problem.
    pub kind: ProblemKind,
    /// The version of the faulty event; for [`ProblemKind::State`] of the last event.
    pub stream_version: StreamVersion,
    /// The event's position in the global order.
    pub position: Position,
    /// The event's stored type.
    pub event_type: String,
    /// The problem in words.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, stream_version, position, event_type, reason } = self;
        write!(f, "version {stream_version} ({event_type}, position {position}): {kind}: {reason}")
    }
}

/// A finished replay, as the next one continues it.
pub(crate) struct Replayed<A> {
    pub(crate) recovered: Recovered<A>,
    /// The id of the last event in the state, if there is one.
    pub(crate) last: Option<EventId>,
    /// The version of the event that was looked for, if it was read.
    pub(crate) found: Option<StreamVersion>,
}

/// What a recovery read and found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The stream.
    pub stream_id: StreamId,
    /// The number of events read.
    pub read: u64,
    /// The number of events applied to the state.
    pub applied: u64,
    /// All problems of the stream; empty if it is sound.
    pub problems: Vec<Problem>,
    /// The version of the snapshot that recovery started from; `None` if it started from the first event.
    pub from_snapshot: Option<StreamVersion>,
    /// The version of the snapshot that it saved for the next recovery.
    pub saved_snapshot: Option<StreamVersion>,
    /// Why a snapshot was not used, or not saved. This affects the duration of the recovery, not the state.
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

/// Why a snapshot was not used, or not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// The store could not load it: its row is corrupt, or access to it is denied.
    Unreadable,
    /// A program with an older version or another shape of the state wrote it.
    Stale,
    /// A program with a newer version of the state wrote it; it is kept for that program.
    Newer,
    /// Its state does not decode.
    Undecodable,
    /// It does not fit the stream, which ends before it, starts after it, or has another event at its version.
    Wrong,
    /// A new snapshot could not be saved.
    NotSaved,
}

impl SnapshotFault {
    /// Whether the snapshot is replaced by a new one.
    pub(super) const fn is_replaced(self) -> bool {
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

/// A snapshot that was not used, or not saved, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotProblem {
    /// The kind of the problem.
    pub fault: SnapshotFault,
    /// The version at which it was taken; 0 if it cannot be read.
    pub stream_version: StreamVersion,
    /// The reason in words.
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
    /// The recovered state.
    pub state: A,
    /// The version of the last event: the expected version of the next append.
    pub version: StreamVersion,
    /// The position of the last event in the global order.
    pub position: Position,
    /// What the recovery read and found.
    pub report: RecoveryReport,
}
