//! [`View`]: a read model of documents, one definition for every backend.

mod build;
mod cache;
mod documents;
mod fold;
mod inline;
mod keys;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::documents::{Document, Documents, ViewPage};
pub use self::keys::Keys;
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::BoxError;
use crate::projection::Effects;
use crate::store::EventStore;
use crate::subscription::Filter;

/// A read model of documents: each event says which documents it changes, and is folded into them.
///
/// The documents are stored by key, on every backend; [`EventStore::view`] reads them. Each event is in them exactly once,
/// however many programs run the view, and whenever one is killed. The documents of a tenant are folded from that tenant's
/// events, and a store that is bound to a tenant reads no others.
///
/// ```
/// use event_core::{EventStore, ExpectedVersion, Keys, RecordedEvent, StreamId, View};
/// use serde::{Deserialize, Serialize};
/// # use event_core::{Event, EventSet, EventVersion, Result};
/// # use event_core::registry::Registration;
/// # #[derive(Serialize, Deserialize)] struct Opened { by: String }
/// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # enum DoorEvent { Opened(Opened) }
/// # impl EventSet for DoorEvent {
/// #     const TYPES: &'static [&'static str] = &["opened"];
/// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Opened>()];
/// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Opened) }
/// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Opened(opened) = self; Some(opened) }
/// # }
/// #[derive(Default, Serialize, Deserialize)]
/// struct Visits { doors_opened: u64 }
///
/// impl View for Visits {
///     type Event = DoorEvent; // a closed set: `#[derive(Event)]` on an enum
///     const NAME: &'static str = "visits";
///
///     fn keys(event: &DoorEvent, _recorded: &RecordedEvent) -> Keys {
///         let DoorEvent::Opened(opened) = event;
///         Keys::one(&opened.by)
///     }
///
///     fn fold(&mut self, event: &DoorEvent, _recorded: &RecordedEvent) {
///         let DoorEvent::Opened(_) = event;
///         self.doors_opened += 1;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let store = EventStore::in_memory()?;
/// # for name in ["door-1", "door-2"] {
/// #     store.append(&StreamId::new(name)?, ExpectedVersion::NoStream, [Opened { by: "ann".into() }]).await?;
/// # }
/// store.view::<Visits>().catch_up().await?; // `run()` also follows what is committed next
/// let ann = store.view::<Visits>().get("ann").await?;
/// assert_eq!(ann.map(|visits| visits.doors_opened), Some(2));
/// # Ok(()) }
/// ```
pub trait View: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The closed set of events that it is folded from.
    type Event: EventSet;

    /// Its name: 1 to 50 of `a`-`z`, `0`-`9` and `_`, not starting with a digit. No other view or projection of the store has it.
    const NAME: &'static str;

    /// The version of its definition. Raise it when the keys, the fold or the document change: the store refuses a program
    /// whose version differs from that of the documents, and [`Documents::rebuild`] makes new ones.
    const VERSION: u32 = 1;

    /// Which events it gets, of all tenants: by default those of its set. Part of the definition.
    fn filter() -> Filter {
        Filter::all().event_types(Self::Event::TYPES.iter().copied())
    }

    /// The documents that an event changes. A pure function of the event.
    fn keys(event: &Self::Event, recorded: &RecordedEvent) -> Keys;

    /// Whether the event fits the document; asked before [`fold`](Self::fold). By default it does.
    ///
    /// # Errors
    /// Any error stops the view before the event, and names the event and the key.
    fn check(&self, event: &Self::Event, recorded: &RecordedEvent) -> Result<(), BoxError> {
        let _ = (event, recorded);
        Ok(())
    }

    /// Changes one of the documents. A document that does not exist yet is the default one. It is called again if what was
    /// folded could not be stored. A panic stops the view before the event.
    fn fold(&mut self, event: &Self::Event, recorded: &RecordedEvent);

    /// Collects side effects, such as a mail or a request, which run after the commit; by default none. Called once for each document
    /// that the event changes, with the document as it is after [`fold`](Self::fold). [`Effects`] says when they are run.
    fn effects(&self, event: &Self::Event, recorded: &RecordedEvent, effects: &mut Effects) {
        let _ = (event, recorded, effects);
    }

    /// Whether the document is to be removed; asked after each fold. The next event of its key starts with the default.
    fn is_deleted(&self) -> bool {
        false
    }
}

impl EventStore {
    /// The documents of a view, to read and to run.
    pub fn view<V: View>(&self) -> Documents<V> {
        Documents::new(self.clone())
    }
}
