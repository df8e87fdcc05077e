//! Decisions: load an aggregate, let a closure decide on its state, and append the events at the version that was read. After a
//! conflict the later events are applied and the closure runs again.
//!
//! [`EventStore::decide`] begins a decision. A [`CommandId`] makes it idempotent: the ids of its events derive from it.

pub(crate) mod command;
pub(crate) mod error;
mod repeat;
mod run;

use std::fmt;
use std::marker::PhantomData;

use self::command::CommandId;
use self::error::DecideError;
use crate::adapter::append::Outcome;
use crate::aggregate::Aggregate;
use crate::envelope::NewEvent;
use crate::store::EventStore;
use crate::value::{StreamId, StreamVersion};

/// How often a conflict is decided again by default.
const RETRIES: u32 = 3;

/// A decision that starts with [`run`](Self::run); [`EventStore::decide`] creates it.
#[must_use = "nothing is read or decided before `run`"]
pub struct Decide<'s, A> {
    store: &'s EventStore,
    stream_id: &'s StreamId,
    command: Option<CommandId>,
    retries: u32,
    claims: bool,
    aggregate: PhantomData<fn() -> A>,
}

/// The answer to a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided<A> {
    /// The state after the events of the decision.
    pub state: A,
    /// The stream's version after the decision. Without events it is the version that was read: 0 if the stream does not exist.
    pub stream_version: StreamVersion,
    /// The number of events that the decision has stored.
    pub events: usize,
    /// How often the closure ran: one more than there were conflicts; 0 for a command that was stored before.
    pub tries: u32,
    /// Whether this call stored the events, or an earlier one with the same command; [`Outcome::Stored`] where there are none.
    pub outcome: Outcome,
}

impl EventStore {
    /// Begins a decision on one stream: loads the aggregate, lets a closure decide on its state, and appends the events that it
    /// returns, if the stream is still at the version that was decided on.
    ///
    /// A missing stream is the default state at version 0, and the first decision creates it. After a conflict only the later
    /// events are read and applied, and the closure decides again.
    ///
    /// ```
    /// # use event_core::{Event, EventSet, EventVersion, RecordedEvent, Result, NewEvent};
    /// # use event_core::registry::Registration;
    /// # #[derive(serde::Serialize, serde::Deserialize)] pub struct Paid { amount: u64 }
    /// # impl Event for Paid { const TYPE: &'static str = "paid"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # pub enum OrderEvent { Paid(Paid) }
    /// # impl EventSet for OrderEvent {
    /// #     const TYPES: &'static [&'static str] = &["paid"];
    /// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Paid>()];
    /// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Paid) }
    /// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Paid(paid) = self; Some(paid) }
    /// # }
    /// # impl From<OrderEvent> for NewEvent { fn from(event: OrderEvent) -> Self { let OrderEvent::Paid(paid) = event; paid.into() } }
    /// use event_core::{Aggregate, CommandId, DecideError, EventStore, Outcome, StreamId};
    ///
    /// #[derive(Debug, Default)]
    /// struct Order { paid: u64 }
    ///
    /// impl Aggregate for Order {
    ///     type Event = OrderEvent; // a closed set: `#[derive(Event)]` on an enum
    ///
    ///     fn apply(&mut self, OrderEvent::Paid(paid): OrderEvent) {
    ///         self.paid += paid.amount;
    ///     }
    /// }
    ///
    /// #[derive(Debug, PartialEq)]
    /// struct PaidEnough; // the caller's own error
    ///
    /// fn pay(order: &Order) -> Result<Vec<OrderEvent>, PaidEnough> {
    ///     if order.paid >= 100 { return Err(PaidEnough); }
    ///     Ok(vec![OrderEvent::Paid(Paid { amount: 60 })])
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// let stream = StreamId::new("order-1")?;
    /// let command = CommandId::named("request-7");
    /// let first = store.decide::<Order>(&stream).command(command).run(pay).await.unwrap();
    /// assert_eq!((first.state.paid, first.stream_version.get(), first.events), (60, 1, 1));
    ///
    /// // The same request again, for example after its answer was lost: it is not decided a second time.
    /// let again = store.decide::<Order>(&stream).command(command).run(pay).await.unwrap();
    /// assert_eq!((again.state.paid, again.outcome), (60, Outcome::AlreadyStored));
    ///
    /// store.decide::<Order>(&stream).run(pay).await.unwrap();
    /// let refused = store.decide::<Order>(&stream).run(pay).await;
    /// assert!(matches!(refused, Err(DecideError::Refused(PaidEnough))));
    /// # Ok(()) }
    /// ```
    pub fn decide<'s, A: Aggregate>(&'s self, stream_id: &'s StreamId) -> Decide<'s, A> {
        Decide {
            store: self,
            stream_id,
            command: None,
            retries: RETRIES,
            claims: false,
            aggregate: PhantomData,
        }
    }
}

impl<A: Aggregate<Event: Into<NewEvent>>> Decide<'_, A> {
    /// Makes the decision idempotent: the ids of its events derive from the command's, and a repeat of the command, on any
    /// process and also at the same time, is answered as the first one was, without deciding again.
    ///
    /// A decision that stores no events leaves nothing to recognize it by, so a repeat decides again.
    pub const fn command(mut self, command: CommandId) -> Self {
        self.command = Some(command);
        self
    }

    /// Sets how often a conflict is decided again; 3 by default, 0 for not at all.
    pub const fn retry(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Lets a decision without events claim the version, too: it holds only if no other writer has changed the stream by then,
    /// and is decided again otherwise.
    pub const fn claim(mut self) -> Self {
        self.claims = true;
        self
    }

    /// Decides: the closure gets the state and returns the new events. No events are a valid decision.
    ///
    /// The closure runs once for each try, so it must not have side effects. It is not called for a command that was stored before:
    /// the answer then has the state as it was after the events of the command, or the current state if those were truncated. The
    /// future is `Send` if the closure is.
    ///
    /// # Errors
    /// [`DecideError::Refused`] with the closure's own error; otherwise [`DecideError::Store`] with
    /// [`Error::WrongExpectedVersion`](crate::Error::WrongExpectedVersion) when each try met a conflict;
    /// [`Error::EventIdConflict`](crate::Error::EventIdConflict) when the command was used for another stream, or has stored
    /// other events; the errors of [`EventStore::recover`], but for that of a missing stream, and of [`EventStore::append`]. A
    /// deleted stream is refused before it is decided, an archived one by the append. After
    /// [`Error::Connection`](crate::Error::Connection) it is unknown whether the events are stored, and only a decision with a
    /// command can be repeated.
    pub async fn run<E, F>(self, decide: F) -> Result<Decided<A>, DecideError<E>>
    where
        F: FnMut(&A) -> Result<Vec<A::Event>, E>,
    {
        let operation = self.store.operation("decide", Some(self.stream_id));
        match operation.observe(Box::pin(self.tries(decide))).await {
            Ok(answer) => answer.map_err(DecideError::Refused),
            Err(error) => Err(DecideError::Store(error)),
        }
    }
}

impl<A> fmt::Debug for Decide<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decide")
            .field("stream_id", self.stream_id)
            .field("command", &self.command)
            .field("retries", &self.retries)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
