//! [`Projection`]: a read model folded from the events of many streams, and [`Live`], one that is held in memory.
//!
//! The events are a closed set: one that the set does not know stops the projection, with its place. Nothing is left out
//! unless the filter, or the set's `other` variant, says so.

pub(crate) mod inline;

use std::fmt;

pub use self::inline::InlineEvent;

use crate::envelope::{EventSet, RecordedEvent};
use crate::error::Result;
use crate::store::EventStore;
use crate::subscription::{Filter, StartFrom, Subscription};
use crate::value::Position;

/// State folded from events of many streams, in global order, to be read.
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
    /// The closed set of events that it is folded from.
    type Event: EventSet;

    /// Takes one event in. `recorded` says whose event it is and where it stands.
    fn apply(&mut self, event: Self::Event, recorded: &RecordedEvent);
}

impl EventStore {
    /// A read model in memory, from the first event on.
    ///
    /// It sees what this handle sees: one tenant's events, or everybody's. Nothing is read before it is asked to.
    pub fn project<P: Projection>(&self, state: P, filter: Filter) -> Live<P> {
        Live {
            store: self.clone(),
            filter,
            source: None,
            position: Position::START,
            state,
            applied: 0,
        }
    }
}

/// A projection in memory, and how far it is.
pub struct Live<P> {
    store: EventStore,
    filter: Filter,
    source: Option<Subscription>,
    position: Position,
    state: P,
    applied: u64,
}

impl<P: Projection> Live<P> {
    /// Takes in everything up to now; gives back how many events that were.
    ///
    /// After an error it stands before the event at fault, and the state is that of the events before.
    ///
    /// # Errors
    /// [`Error::UnknownEventType`](crate::Error::UnknownEventType) for an event outside of the set,
    /// [`Error::Deserialization`](crate::Error::Deserialization) and its kin for one that does not decode, each with its
    /// place; [`Error::Connection`](crate::Error::Connection).
    pub async fn catch_up(&mut self) -> Result<u64> {
        let now = self.store.head().await?;
        self.wait_for(now).await
    }

    /// Takes in everything up to a position, and waits for it: a writer that reads what it wrote gives the position of
    /// its append. It waits as long as it takes; dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Live::catch_up`].
    pub async fn wait_for(&mut self, position: Position) -> Result<u64> {
        let before = self.applied;
        while self.position < position {
            match self.source().await?.next_until(position).await {
                Some(event) => self.take(event)?,
                None => self.position = self.source().await?.position(),
            }
        }
        Ok(self.applied - before)
    }

    /// Waits for the next event, applies it, and returns it. It has no end: after an error the next call tries again.
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
            let from = StartFrom::After(self.position);
            self.store.subscribe(from, self.filter.clone()).await?
        };
        Ok(self.source.insert(source))
    }

    fn take(&mut self, event: Result<RecordedEvent>) -> Result<()> {
        let decoded = event.and_then(|event| Ok((P::Event::decode(&event)?, event)));
        // What was taken from the source is read again after an error.
        let (event, recorded) = decoded.inspect_err(|_| self.source = None)?;
        self.state.apply(event, &recorded);
        self.position = recorded.position();
        self.applied += 1;
        Ok(())
    }

    /// The read model.
    pub const fn state(&self) -> &P {
        &self.state
    }

    /// Everything up to here that passed the filter is in it.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// How many events are in it.
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// The read model itself.
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
