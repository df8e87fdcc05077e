//! [`Projection`]: a read model folded from the events of many streams; [`Live`]: a projection in memory.
//!
//! The events are a closed set. An event outside of the set stops the projection with an error that names its position, unless
//! the filter excludes it or the set has a variant `other`.

mod builds;
mod effects;
pub(crate) mod inline;
mod progress;
pub mod projector;
mod runner;
pub(crate) mod tables;
pub(crate) mod view;

use std::fmt;

pub use self::effects::Effects;
pub use self::inline::InlineEvent;
pub use self::progress::{ReadModelState, ReadModelStatus, WaitFor};
pub use self::runner::Run;
pub use self::tables::{TableProjection, TableRunner, Tables, TablesTx};
pub use self::view::{Document, Documents, Keys, View, ViewPage};

pub use crate::adapter::tables::{
    Decimal, FromTableValue, IntoParams, InvalidDecimal, TableRow, TableValue,
};
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::Result;
use crate::store::{EventStore, Place};
use crate::subscription::{Filter, StartFrom, Subscription};
use crate::value::Position;

/// A read model: state folded from the events of many streams, in global order.
///
/// ```
/// use event_core::{Filter, Projection, RecordedEvent};
/// # use event_core::{Event, EventSet, EventStore, EventVersion, ExpectedVersion, Result, StreamId};
/// # use event_core::registry::Registration;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # enum DoorEvent { Opened(Opened) }
/// # impl EventSet for DoorEvent {
/// #     const TYPES: &'static [&'static str] = &["opened"];
/// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Opened>()];
/// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Opened) }
/// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Opened(opened) = self; Some(opened) }
/// # }
/// #[derive(Default)]
/// struct Doors { opened: u64 }
///
/// impl Projection for Doors {
///     type Event = DoorEvent; // a closed set: `#[derive(Event)]` on an enum
///
///     fn apply(&mut self, event: DoorEvent, _recorded: &RecordedEvent) {
///         match event {
///             DoorEvent::Opened(_) => self.opened += 1,
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let store = EventStore::in_memory()?;
/// # for name in ["door-1", "door-2"] {
/// #     store.append(&StreamId::new(name)?, ExpectedVersion::NoStream, [Opened { by: "ann".into() }]).await?;
/// # }
/// let mut doors = store.project(Doors::default(), Filter::all().category("door"));
/// doors.catch_up().await?;
/// assert_eq!(doors.state().opened, 2);
/// # Ok(()) }
/// ```
pub trait Projection: Send + 'static {
    /// The closed set of events from which it is folded.
    type Event: EventSet;

    /// Applies one event. `recorded` is the stored event with its tenant, stream and position.
    fn apply(&mut self, event: Self::Event, recorded: &RecordedEvent);
}

impl EventStore {
    /// Creates a projection in memory that starts with the first event.
    ///
    /// It reads what this handle sees: the events of one tenant or of all tenants. Nothing is read before
    /// [`Live::catch_up`], [`Live::wait_for`] or [`Live::next`] is called.
    pub fn project<P: Projection>(&self, state: P, filter: Filter) -> Live<P> {
        Live {
            store: self.clone(),
            filter,
            source: None,
            position: Position::START,
            place: None,
            state,
            applied: 0,
        }
    }
}

/// A projection in memory, with the position up to which it is folded. [`EventStore::project`] creates it.
pub struct Live<P> {
    store: EventStore,
    filter: Filter,
    source: Option<Subscription>,
    position: Position,
    /// Proves the position, once events were applied.
    place: Option<Place>,
    state: P,
    applied: u64,
}

impl<P: Projection> Live<P> {
    /// Applies all events up to now. Returns their number.
    ///
    /// After an error the state includes the events before the faulty one, and the next call starts with the faulty one.
    ///
    /// # Errors
    /// [`Error::UnknownEventType`](crate::Error::UnknownEventType) for an event outside of the set,
    /// [`Error::Deserialization`](crate::Error::Deserialization) and [`Error::FromTheFuture`](crate::Error::FromTheFuture) for
    /// one that does not decode, each with the event's location; [`Error::Connection`](crate::Error::Connection).
    pub async fn catch_up(&mut self) -> Result<u64> {
        let now = self.store.head().await?;
        self.reach(now).await
    }

    /// Applies all events up to a position, and waits until the log has reached it. A writer that passes the position of its
    /// append reads its own write. Returns the number of applied events. There is no timeout; dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// As [`Live::catch_up`]; [`Error::LogDiverged`](crate::Error::LogDiverged) for a position of a log that was replaced.
    pub async fn wait_for(&mut self, position: Position) -> Result<u64> {
        const NAME: &str = "a projection in memory";
        let epoch = self.store.adapter().live().epoch();
        if self.store.check_bare(NAME, position).is_err() {
            self.store.prove_bare(NAME, position, epoch).await?;
        }
        let applied = self.reach(position).await?;
        self.store.prove_bare(NAME, position, epoch).await?;
        Ok(applied)
    }

    async fn reach(&mut self, position: Position) -> Result<u64> {
        let before = self.applied;
        while self.position < position {
            match self.source().await?.next_until(position).await {
                Some(event) => self.take(event)?,
                None => self.position = self.source().await?.position(),
            }
        }
        Ok(self.applied - before)
    }

    /// Waits for the next event, applies it and returns it. Never returns `None`; after an error the next call retries.
    ///
    /// # Errors
    /// As [`Live::catch_up`].
    pub async fn next(&mut self) -> Option<Result<RecordedEvent>> {
        loop {
            let next = match self.source().await {
                Ok(source) => source.next().await,
                Err(error) => return Some(Err(error)),
            };
            match next {
                Some(Ok(event)) => return Some(self.take(Ok(event.clone())).map(|()| event)),
                Some(Err(error)) => {
                    self.source = None;
                    return Some(Err(error));
                }
                None => self.source = None,
            }
        }
    }

    async fn source(&mut self) -> Result<&mut Subscription> {
        let source = if let Some(source) = self.source.take() {
            source
        } else {
            match self.place {
                Some(place) => {
                    self.store.subscribe_at(place, self.position, self.filter.clone())?
                }
                None => self.store.subscribe(StartFrom::Beginning, self.filter.clone()).await?,
            }
        };
        Ok(self.source.insert(source))
    }

    fn take(&mut self, event: Result<RecordedEvent>) -> Result<()> {
        let decoded = event.and_then(|event| Ok((P::Event::decode(&event)?, event)));
        // The event was taken from the source: after an error it has to be read again.
        let (event, recorded) = decoded.inspect_err(|_| self.source = None)?;
        self.state.apply(event, &recorded);
        self.position = recorded.position();
        let place = self.source.as_ref().map(Subscription::place).or(self.place);
        self.place = place.map(|mut place| {
            place.see(recorded.position(), recorded.event_id());
            place
        });
        self.applied += 1;
        Ok(())
    }

    /// The read model.
    pub const fn state(&self) -> &P {
        &self.state
    }

    /// The position up to which the state includes all events that pass the filter.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The number of applied events.
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// Returns the read model.
    pub fn into_state(self) -> P {
        self.state
    }
}

impl<P> fmt::Debug for Live<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("position", &self.position)
            .field("applied", &self.applied)
            .finish_non_exhaustive()
    }
}
