//! [`Replay`]: applies the events of a recovery one by one, and checks each against the previous ones.

use crate::aggregate::causality::Causes;
use crate::aggregate::options::Options;
use crate::aggregate::report::{
    Problem, ProblemKind, Recovered, RecoveryReport, Replayed, SnapshotProblem,
};
use crate::aggregate::resume::Tail;
use crate::aggregate::{Aggregate, Violation};
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::{Context, Error, Result, with_causes};
use crate::store::EventStream;
use crate::value::{EventId, Position, StreamId, StreamVersion};

/// A recovery in progress.
pub(super) struct Replay<A> {
    state: A,
    last: Option<Last>,
    causes: Causes,
    report: RecoveryReport,
    sought: Option<EventId>,
    found: Option<StreamVersion>,
    report_all: bool,
}

/// The previous event.
struct Last {
    version: StreamVersion,
    position: Position,
    event_id: EventId,
    event_type: String,
}

impl<A: Aggregate> Replay<A> {
    pub(super) fn new(stream_id: StreamId, options: Options) -> Self {
        Self {
            state: A::default(),
            last: None,
            causes: Causes::default(),
            report: RecoveryReport::new(stream_id),
            sought: options.sought,
            found: None,
            report_all: options.report_all,
        }
    }

    /// Continues an earlier replay with the events after its `last` one.
    pub(super) fn after(earlier: Recovered<A>, last: EventId, options: Options) -> Self {
        let Recovered { state, version, position, report } = earlier;
        let last = Last { version, position, event_id: last, event_type: String::new() };
        Self { state, last: Some(last), ..Self::new(report.stream_id, options) }
    }

    /// Starts from a snapshot. Returns the events after it.
    pub(super) fn resume(&mut self, tail: Tail<A>) -> EventStream {
        let Tail { state, snapshot, events } = tail;
        self.state = state;
        self.causes = Causes::default();
        self.report.from_snapshot = Some(snapshot.stream_version);
        self.last = Some(Last {
            version: snapshot.stream_version,
            position: snapshot.position,
            event_id: snapshot.event_id,
            event_type: String::new(),
        });
        events
    }

    /// Reports a snapshot that is not used.
    pub(super) fn report_snapshot(&mut self, problem: SnapshotProblem) {
        tracing::warn!(stream_id = ?self.report.stream_id, %problem, "a snapshot is not used");
        self.report.snapshot_problems.push(problem);
    }

    /// Whether there was neither a snapshot nor an event.
    pub(super) const fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Reports that all events up to this version are truncated, and that there is no snapshot of them.
    pub(super) fn truncated(&mut self, version: StreamVersion) -> Result<()> {
        let reason =
            format!("its events are truncated; recovery needs a snapshot at version {version}");
        let problem = Problem {
            kind: ProblemKind::Gap,
            stream_version: version,
            position: Position::START,
            event_type: String::new(),
            reason,
        };
        self.report(problem)
    }

    /// Checks and applies the next event.
    pub(super) fn take(&mut self, recorded: &RecordedEvent) -> Result<()> {
        self.report.read += 1;
        if self.sought == Some(recorded.event_id()) {
            self.found = Some(recorded.stream_version());
        }
        let misplaced = self.order_violation(recorded);
        // Only a problem of the state names the type: its text is kept in the same place for each event.
        let mut event_type = self.last.take().map(|last| last.event_type).unwrap_or_default();
        event_type.clear();
        event_type.push_str(recorded.event_type());
        self.last = Some(Last {
            version: recorded.stream_version(),
            position: recorded.position(),
            event_id: recorded.event_id(),
            event_type,
        });
        if let Some((kind, reason)) = misplaced {
            self.problem(recorded, kind, reason)?;
        }
        // The order of links is chosen by the writer and does not follow from causes.
        let is_own = recorded.origin().is_none();
        if is_own && let Some(reason) = self.causes.violation(recorded) {
            self.problem(recorded, ProblemKind::Causality, reason)?;
        }
        let event = match A::Event::decode(recorded) {
            Ok(event) => event,
            Err(error) if self.report_all => {
                return self.problem(recorded, ProblemKind::Corrupt, with_causes(&error));
            }
            Err(error) => return Err(error),
        };
        if is_own
            && let Some(cause) = A::cause(&event)
            && let Some(reason) = self.causes.name(recorded, &cause)
        {
            self.problem(recorded, ProblemKind::Causality, reason)?;
        }
        match self.state.check(&event, recorded) {
            Ok(()) => {
                self.state.apply(event);
                self.report.applied += 1;
                Ok(())
            }
            Err(Violation { kind, reason }) => self.problem(recorded, kind, reason),
        }
    }

    /// Checks that the event's version and position follow those of the previous event.
    fn order_violation(&self, recorded: &RecordedEvent) -> Option<(ProblemKind, String)> {
        let found = recorded.stream_version();
        let (expected, last_position) = match &self.last {
            Some(last) => (last.version.next(), last.position),
            None => (StreamVersion::new(1), Position::START),
        };
        if found > expected {
            return Some((ProblemKind::Gap, format!("expected version {expected}, found {found}")));
        }
        if found < expected {
            let reason = format!("found version {found}, expected {expected}");
            return Some((ProblemKind::Order, reason));
        }
        (recorded.origin().is_none() && recorded.position() <= last_position).then(|| {
            let reason =
                format!("its position is not after {last_position}, that of the previous event");
            (ProblemKind::Order, reason)
        })
    }

    fn problem(
        &mut self,
        recorded: &RecordedEvent,
        kind: ProblemKind,
        reason: String,
    ) -> Result<()> {
        self.report(Problem {
            kind,
            stream_version: recorded.stream_version(),
            position: recorded.position(),
            event_type: recorded.event_type().to_owned(),
            reason,
        })
    }

    fn report(&mut self, problem: Problem) -> Result<()> {
        if self.report_all {
            self.report.problems.push(problem);
            return Ok(());
        }
        let Problem { kind, stream_version, reason, .. } = problem;
        let stream_id = self.report.stream_id.clone();
        let reason = format!("{kind}: {reason}");
        Err(Error::InvalidSequence {
            stream_id,
            stream_version,
            reason,
            context: Context::default(),
        })
    }

    /// Validates the state.
    pub(super) fn finish(mut self) -> Result<Replayed<A>> {
        let found = self.found;
        let event_id = self.last.as_ref().map(|last| last.event_id);
        let (version, position, event_type) =
            self.last.map_or((StreamVersion::NONE, Position::START, String::new()), |last| {
                (last.version, last.position, last.event_type)
            });
        if let Err(Violation { reason, .. }) = self.state.validate() {
            if !self.report_all {
                let stream_id = self.report.stream_id;
                let context = Context::default();
                return Err(Error::InvalidState {
                    stream_id,
                    stream_version: version,
                    reason,
                    context,
                });
            }
            let kind = ProblemKind::State;
            let problem = Problem { kind, stream_version: version, position, event_type, reason };
            self.report.problems.push(problem);
        }
        let recovered = Recovered { state: self.state, version, position, report: self.report };
        Ok(Replayed { recovered, last: event_id, found })
    }
}
