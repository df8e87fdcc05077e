//! Recovery: an [`Aggregate`] is folded from its stream, and problems of the stream are reported.
//!
//! Recovery checks what holds for every stream: versions have no gaps, positions grow, causes precede their effects, payloads
//! decode. The aggregate checks the rules of its domain, such as no guess after the end of a game. The first problem is an
//! error, unless [`Recover::report_problems`] collects all of them. An aggregate with snapshots is recovered from its last valid
//! one.

mod causality;
mod delete;
mod load;
pub(crate) mod options;
mod recover;
pub(crate) mod replay;
pub(crate) mod report;
mod resume;
pub(crate) mod snapshots;

use std::borrow::Cow;

pub use self::recover::Recover;
pub(crate) use self::report::Recovered;
pub use self::report::{Problem, ProblemKind, RecoveryReport, SnapshotFault, SnapshotProblem};
pub(crate) use self::snapshots::Snapshots;
use crate::envelope::{EventSet, RecordedEvent};

/// State folded from one stream, on which decisions are based.
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

    /// How snapshots of the state are taken, so that recovery reads only later events. By default there are none, and every
    /// recovery reads all events.
    const SNAPSHOTS: Option<Snapshots<Self>> = None;

    /// Checks whether an event may follow the events that are already applied; runs before [`Aggregate::apply`].
    ///
    /// # Errors
    /// [`Violation`] if the event belongs to another stream, or cannot have happened at this point.
    fn check(&self, event: &Self::Event, recorded: &RecordedEvent) -> Result<(), Violation> {
        let _ = (event, recorded);
        Ok(())
    }

    /// The id of the event that caused this one, where the payload itself names one; recovery checks it as it checks the
    /// [causation id](crate::Metadata::causation_id) of the metadata: a cause within the stream comes before its effect.
    fn cause(event: &Self::Event) -> Option<Cow<'_, str>> {
        let _ = event;
        None
    }

    /// Applies one event to the state.
    fn apply(&mut self, event: Self::Event);

    /// Checks the state after the last event.
    ///
    /// # Errors
    /// [`Violation`] with the rule that the state breaks.
    fn validate(&self) -> Result<(), Violation> {
        Ok(())
    }
}

/// A rule of the domain that a stream breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Violation {
    /// The kind of the rule.
    pub kind: ProblemKind,
    /// The rule in words.
    pub reason: String,
}

impl Violation {
    /// A violation by an event that cannot have happened at this point, or by an impossible state.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Sequence, reason: reason.into() }
    }

    /// A violation by an event that belongs to another stream.
    pub fn identity(reason: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Identity, reason: reason.into() }
    }
}
