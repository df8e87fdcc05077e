//! [`EventSet`]: a closed set of events, so that a `match` on it is exhaustive and a new event breaks the build
//! where it must.

use crate::envelope::{NewEvent, RecordedEvent};
use crate::error::Result;
use crate::event::AnyEvent;
use crate::registry::{Registration, RegistryBuilder};

/// A closed set of events; derive it on an enum whose variants hold one event each.
///
/// An event of a type outside the set is an error, or lands in the variant marked `#[event(other)]`: it is never
/// skipped silently.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event set",
    label = "not an event set",
    note = "add `#[derive(Event)]` to an enum whose variants hold one event each, like `Started(GameStarted)`"
)]
pub trait EventSet: Sized + Send + 'static {
    /// The type strings of the set, in the order of its variants.
    const TYPES: &'static [&'static str];

    #[doc(hidden)]
    const REGISTRATIONS: &'static [Registration];

    /// Decodes a stored event into the variant that holds its type.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`], and [`Error::UnknownEventType`](crate::Error::UnknownEventType) for a type
    /// outside the set.
    fn decode(recorded: &RecordedEvent) -> Result<Self>;

    /// The event that the variant holds; `None` for an `other` one.
    fn as_event(&self) -> Option<&dyn AnyEvent>;

    /// The set's event as a new event; the derive gives `From<Self> for NewEvent` too.
    fn into_new(self) -> NewEvent
    where
        Self: Into<NewEvent>,
    {
        self.into()
    }
}

impl RegistryBuilder {
    /// Adds every event of a closed set, with its history, by ordinary references: works where `inventory`
    /// cannot (static libraries, Miri, plug-ins).
    #[must_use]
    pub fn with_set<S: EventSet>(self) -> Self {
        self.registrations(S::REGISTRATIONS)
    }
}
