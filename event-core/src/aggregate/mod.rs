//! Recovery: an [`Aggregate`] folded from its stream, in order, with every doubt about the stream reported
//! (S-18, S-19).
//!
//! The store checks what it can know of any stream: numbers without gaps, positions that grow, causes that come
//! before their effects, payloads that decode. What only the domain knows (one game's events in another's stream,
//! a guess after the end) the aggregate checks. The first problem stops, unless all of them are asked for.
//! An aggregate that keeps snapshots is read from the last one that holds.

mod causality;
mod options;
mod recover;
mod replay;
pub(crate) mod report;
mod resume;
pub(crate) mod snapshots;

pub use self::recover::Recover;
pub(crate) use self::report::Recovered;
pub use self::report::{Problem, ProblemKind, RecoveryReport, SnapshotFault, SnapshotProblem};
pub(crate) use self::snapshots::Snapshots;
use crate::envelope::{EventSet, RecordedEvent};

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
#[non_exhaustive]
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
