//! [`EventSet`]: a closed set of events. A `match` on it is exhaustive: adding an event breaks the build wherever it is
//! not handled.

use crate::envelope::{NewEvent, RecordedEvent};
use crate::error::Result;
use crate::event::AnyEvent;
use crate::registry::{Registration, RegistryBuilder};

/// A closed set of events; derive it on an enum whose variants hold one event each.
///
/// An event of a type outside the set is never skipped silently: it is an error, or decodes as the variant marked
/// `#[event(other)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event set",
    label = "not an event set",
    note = "add `#[derive(Event)]` to an enum whose variants hold one event each, like `Started(GameStarted)`",
    note = "a struct with `#[derive(Event)]` is one event: make it a variant of such an enum, even of one variant"
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

    /// Returns the event that the variant holds; `None` for an `other` variant.
    fn as_event(&self) -> Option<&dyn AnyEvent>;

    /// Converts the event into a new event; the derive also implements `From<Self> for NewEvent`.
    fn into_new(self) -> NewEvent
    where
        Self: Into<NewEvent>,
    {
        self.into()
    }
}

impl RegistryBuilder {
    /// Adds every event of a closed set with its history. Works where `inventory` does not: in static libraries,
    /// plug-ins and under Miri.
    #[must_use]
    pub fn with_set<S: EventSet>(self) -> Self {
        self.registrations(S::REGISTRATIONS)
    }
}
