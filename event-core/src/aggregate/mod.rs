//! Recovery: an [`Aggregate`] folded from its stream, in order, with every doubt about the stream reported
//! (S-18, S-19).
//!
//! The store checks what it can know of any stream: numbers without gaps, positions that grow, causes that come
//! before their effects, payloads that decode. What only the domain knows (one game's events in another's stream,
//! a guess after the end) the aggregate checks. The first problem stops, unless all of them are asked for.
//! An aggregate that keeps snapshots is read from the last one that holds.

mod causality;
mod replay;
pub(crate) mod report;
mod resume;
pub(crate) mod snapshots;

use self::replay::Replay;
pub(crate) use self::report::Recovered;
pub use self::report::{Problem, ProblemKind, RecoveryReport, SnapshotFault, SnapshotProblem};
use self::resume::Found;
pub(crate) use self::snapshots::Snapshots;
use crate::adapter::ReadOptions;
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::Result;
use crate::store::EventStore;
use crate::value::{BatchSize, EventId, StreamId, StreamVersion};

/// State folded from one stream, used to decide.
///
/// ```
/// use event_core::Aggregate;
/// use event_core::aggregate::Violation;
/// # use event_core::{Event, EventSet, EventStore, EventVersion, ExpectedVersion, NewEvent, RecordedEvent, Result, StreamId};
/// # use event_core::registry::Registration;
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

    /// How the state is kept, so that recovery reads only what came after; none: it reads all events each time.
    const SNAPSHOTS: Option<Snapshots<Self>> = None;

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

/// How to recover.
///
/// ```
/// use event_core::StreamVersion;
/// use event_core::aggregate::RecoverOptions;
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
    /// For looking into a broken stream: the state is then no ground for decisions. All events are read, snapshots are
    /// left alone.
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
    /// [`Error::StreamNotFound`](crate::Error::StreamNotFound);
    /// [`Error::Deserialization`](crate::Error::Deserialization) and its kin for an event that does not decode;
    /// [`Error::InvalidSequence`](crate::Error::InvalidSequence) for an event that cannot stand where it does, and for a
    /// truncated stream without a snapshot; [`Error::InvalidState`](crate::Error::InvalidState);
    /// [`Error::Connection`](crate::Error::Connection) once the retries are used up.
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
        Ok(self.replayed(stream_id, options).await?.0)
    }

    /// A recovery, and the last event that is in the state.
    async fn replayed<A: Aggregate>(
        &self,
        stream_id: &StreamId,
        options: RecoverOptions,
    ) -> Result<(Recovered<A>, Option<EventId>)> {
        let snapshots = A::SNAPSHOTS.filter(|_| !options.report_all);
        let mut replay = Replay::<A>::new(stream_id.clone(), options.report_all);
        let mut tail = None;
        if let Some(snapshots) = &snapshots {
            match self.find_tail(snapshots, stream_id, options).await? {
                Found::Nothing => {}
                Found::Doubted(problem) => replay.doubt(problem),
                Found::Trusted(found) => tail = Some(replay.resume(*found)),
            }
        }
        let page = ReadOptions::forward().limit(options.page);
        let mut events = tail.unwrap_or_else(|| self.stream_events(stream_id, page));
        let mut beyond = None;
        while let Some(event) = events.next().await {
            let event = event?;
            if options.until.is_some_and(|until| event.stream_version() > until) {
                beyond = Some(event.stream_version());
                break;
            }
            replay.take(&event).map_err(|error| error.in_scope(self.scope()))?;
        }
        if replay.is_empty() && beyond != Some(StreamVersion::new(1)) {
            // A stream that is there has a first event, unless it was truncated.
            let version = match options.until {
                Some(until) => until,
                None => self.stream_info(stream_id).await?.version,
            };
            replay.lost(version).map_err(|error| error.in_scope(self.scope()))?;
        }
        let (mut recovered, last) =
            replay.finish().map_err(|error| error.in_scope(self.scope()))?;
        if let (Some(snapshots), Some(last), None) = (snapshots, last, options.until) {
            self.leave_snapshot(&snapshots, &mut recovered, last).await;
        }
        Ok((recovered, last))
    }
}
