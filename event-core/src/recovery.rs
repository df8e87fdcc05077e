//! Recovery: an [`Aggregate`] folded from its stream, in order, with every doubt about the stream reported
//! (S-18, S-19).
//!
//! The store checks what it can know of any stream: numbers without gaps, positions that grow, causes that come
//! before their effects, payloads that decode. What only the domain knows (one game's events in another's stream,
//! a guess after the end) the aggregate checks. The first problem stops, unless all of them are asked for.

use std::collections::HashMap;
use std::fmt;

use crate::envelope::RecordedEvent;
use crate::error::{Context, Error, Result};
use crate::number::{BatchSize, Position, StreamVersion};
use crate::options::ReadOptions;
use crate::set::EventSet;
use crate::store::EventStore;
use crate::stream::StreamId;

/// State folded from one stream, used to decide.
///
/// ```
/// use event_core::{Aggregate, Violation};
/// # use event_core::{Event, EventSet, EventStore, EventVersion, ExpectedVersion, NewEvent, RecordedEvent, Registration, Result, StreamId};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Moved { by: i64 }
/// # impl Event for Moved { const TYPE: &'static str = "moved"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # enum AccountEvent { Moved(Moved) }
/// # impl EventSet for AccountEvent {
/// #     const TYPES: &'static [&'static str] = &["moved"];
/// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Moved>()];
/// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Moved) }
/// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Moved(moved) = self; Some(moved) }
/// # }
/// #[derive(Default)]
/// struct Account { balance: i64 }
///
/// impl Aggregate for Account {
///     type Event = AccountEvent; // a closed set: `#[derive(Event)]` on an enum
///
///     fn apply(&mut self, event: AccountEvent) {
///         match event {
///             AccountEvent::Moved(moved) => self.balance += moved.by,
///         }
///     }
///
///     fn validate(&self) -> Result<(), Violation> {
///         if self.balance < 0 { return Err(Violation::new("the balance is below zero")); }
///         Ok(())
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let store = EventStore::in_memory()?;
/// # let account = StreamId::new("account-1")?;
/// # store.append(&account, ExpectedVersion::NoStream, [Moved { by: 7 }, Moved { by: -2 }]).await?;
///
/// let recovered = store.recover::<Account>(&account).await?;
/// assert_eq!((recovered.state.balance, recovered.version.get()), (5, 2));
/// # Ok(()) }
/// ```
pub trait Aggregate: Default + Send + 'static {
    /// The closed set of events that the stream holds.
    type Event: EventSet;

    /// Whether an event may follow what was applied so far; runs before [`Aggregate::apply`].
    ///
    /// # Errors
    /// [`Violation`]: the event belongs elsewhere, or cannot have happened now.
    fn check(&self, event: &Self::Event, recorded: &RecordedEvent) -> Result<(), Violation> {
        let _ = (event, recorded);
        Ok(())
    }

    /// Takes one event in.
    fn apply(&mut self, event: Self::Event);

    /// Whether the state after the last event can be.
    ///
    /// # Errors
    /// [`Violation`] with the rule it breaks.
    fn validate(&self) -> Result<(), Violation> {
        Ok(())
    }
}

/// A rule of the domain that a stream breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Violation {
    /// What kind of rule.
    pub kind: ProblemKind,
    /// The rule, in words.
    pub reason: String,
}

impl Violation {
    /// An event that cannot have happened at this point, or a state that cannot be.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Sequence, reason: reason.into() }
    }

    /// An event that belongs to something else.
    pub fn identity(reason: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Identity, reason: reason.into() }
    }
}

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
pub struct RecoveryReport {
    /// The stream.
    pub stream_id: StreamId,
    /// Events read.
    pub read: u64,
    /// Events applied to the state.
    pub applied: u64,
    /// Everything that is wrong; empty for a sound stream.
    pub problems: Vec<Problem>,
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream_id, read, applied, problems } = self;
        write!(
            f,
            "{stream_id:?}: {read} events read, {applied} applied, {} problems",
            problems.len()
        )?;
        problems.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}

/// A recovered aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// How to recover.
///
/// ```
/// use event_core::{RecoverOptions, StreamVersion};
///
/// let then = RecoverOptions::new().until(StreamVersion::new(7)).report_problems();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoverOptions {
    until: Option<StreamVersion>,
    page: BatchSize,
    report_all: bool,
}

impl RecoverOptions {
    /// The whole stream; the first problem is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only up to and with this version: the state as it was then.
    #[must_use]
    pub const fn until(mut self, version: StreamVersion) -> Self {
        self.until = Some(version);
        self
    }

    /// Sets how many events are read at a time.
    #[must_use]
    pub const fn page(mut self, size: BatchSize) -> Self {
        self.page = size;
        self
    }

    /// Goes on after a problem, leaves out the event at fault, and lists every problem in the report.
    ///
    /// For looking into a broken stream: the state is then no ground for decisions.
    #[must_use]
    pub const fn report_problems(mut self) -> Self {
        self.report_all = true;
        self
    }
}

impl EventStore {
    /// Rebuilds an aggregate from its stream, page by page; the first problem is an error.
    ///
    /// # Errors
    /// [`Error::StreamNotFound`]; [`Error::Deserialization`] and its kin for an event that does not decode;
    /// [`Error::InvalidSequence`] for an event that cannot stand where it does; [`Error::InvalidState`];
    /// [`Error::Connection`] once the retries are used up.
    pub async fn recover<A: Aggregate>(&self, stream_id: &StreamId) -> Result<Recovered<A>> {
        self.recover_with(stream_id, RecoverOptions::new()).await
    }

    /// Rebuilds an aggregate with options of one's own.
    ///
    /// # Errors
    /// As [`EventStore::recover`]; with [`RecoverOptions::report_problems`] only those of reading.
    pub async fn recover_with<A: Aggregate>(
        &self,
        stream_id: &StreamId,
        options: RecoverOptions,
    ) -> Result<Recovered<A>> {
        let page = ReadOptions::forward().limit(options.page);
        let mut events = self.stream_events(stream_id, page);
        let mut replay = Replay::<A>::new(stream_id.clone(), options.report_all);
        while let Some(event) = events.next().await {
            let event = event?;
            if options.until.is_some_and(|until| event.stream_version() > until) {
                break;
            }
            replay.take(&event).map_err(|error| error.in_scope(self.scope()))?;
        }
        replay.finish().map_err(|error| error.in_scope(self.scope()))
    }
}

/// A recovery under way.
struct Replay<A> {
    state: A,
    last: Option<(StreamVersion, Position, String)>,
    causes: Causes,
    report: RecoveryReport,
    report_all: bool,
}

impl<A: Aggregate> Replay<A> {
    fn new(stream_id: StreamId, report_all: bool) -> Self {
        Self {
            state: A::default(),
            last: None,
            causes: Causes::default(),
            report: RecoveryReport { stream_id, read: 0, applied: 0, problems: Vec::new() },
            report_all,
        }
    }

    fn take(&mut self, recorded: &RecordedEvent) -> Result<()> {
        self.report.read += 1;
        let misplaced = self.misplaced(recorded);
        let event_type = recorded.event_type().to_owned();
        self.last = Some((recorded.stream_version(), recorded.position(), event_type));
        if let Some((kind, reason)) = misplaced {
            self.problem(recorded, kind, reason)?;
        }
        if let Some(reason) = self.causes.violation(recorded) {
            self.problem(recorded, ProblemKind::Causality, reason)?;
        }
        let event = match A::Event::decode(recorded) {
            Ok(event) => event,
            Err(error) if self.report_all => {
                return self.problem(recorded, ProblemKind::Corrupt, with_causes(&error));
            }
            Err(error) => return Err(error),
        };
        match self.state.check(&event, recorded) {
            Ok(()) => {
                self.state.apply(event);
                self.report.applied += 1;
                Ok(())
            }
            Err(Violation { kind, reason }) => self.problem(recorded, kind, reason),
        }
    }

    /// Whether the event's numbers follow those of the one before.
    fn misplaced(&self, recorded: &RecordedEvent) -> Option<(ProblemKind, String)> {
        let found = recorded.stream_version();
        let (expected, last_position) = match &self.last {
            Some((version, position, _)) => (version.next(), *position),
            None => (StreamVersion::new(1), Position::START),
        };
        if found > expected {
            return Some((ProblemKind::Gap, format!("expected version {expected}, found {found}")));
        }
        if found < expected {
            let reason = format!("version {found} stands where {expected} belongs");
            return Some((ProblemKind::Order, reason));
        }
        (recorded.position() <= last_position).then(|| {
            let reason =
                format!("its position is not after {last_position}, that of the event before");
            (ProblemKind::Order, reason)
        })
    }

    fn problem(
        &mut self,
        recorded: &RecordedEvent,
        kind: ProblemKind,
        reason: String,
    ) -> Result<()> {
        let stream_version = recorded.stream_version();
        if !self.report_all {
            let stream_id = self.report.stream_id.clone();
            let reason = format!("{kind}: {reason}");
            let context = Context::default();
            return Err(Error::InvalidSequence { stream_id, stream_version, reason, context });
        }
        self.report.problems.push(Problem {
            kind,
            stream_version,
            position: recorded.position(),
            event_type: recorded.event_type().to_owned(),
            reason,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Recovered<A>> {
        let (version, position, event_type) =
            self.last.unwrap_or((StreamVersion::NONE, Position::START, String::new()));
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
        Ok(Recovered { state: self.state, version, position, report: self.report })
    }
}

/// An error with its causes, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Which names stand for events of this stream, and which causes were named before they happened.
#[derive(Default)]
struct Causes {
    /// Event ids and source ids seen so far.
    happened: HashMap<String, StreamVersion>,
    /// Causes named by an event that nothing before it goes by.
    awaited: HashMap<String, StreamVersion>,
}

impl Causes {
    /// A cause that names an event of this stream must name an earlier one; one from elsewhere is not ours to
    /// check. So the fault shows when the cause turns up, at the event that is the cause.
    fn violation(&mut self, recorded: &RecordedEvent) -> Option<String> {
        let version = recorded.stream_version();
        let mut names = vec![recorded.event_id().to_string()];
        names.extend(recorded.metadata().source_id().map(Into::into));
        let mut fault = None;
        if let Some(cause) = recorded.metadata().causation_id() {
            if names[0] == *cause {
                fault = Some("it names itself as its cause".to_owned());
            } else if !self.happened.contains_key(&*cause)
                && !names.contains(&cause.clone().into_owned())
            {
                self.awaited.entry(cause.into_owned()).or_insert(version);
            }
        }
        for name in names {
            if let Some(effect) = self.awaited.remove(&name) {
                fault.get_or_insert_with(|| {
                    format!("version {effect} names it as its cause, and comes before it")
                });
            }
            self.happened.entry(name).or_insert(version);
        }
        fault
    }
}
