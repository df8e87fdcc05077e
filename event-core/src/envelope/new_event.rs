//! [`NewEvent`]: an event to append; [`EventData`]: its validated, encoded form for adapters.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::error::{Context, Error, Result};
use crate::event::{AnyEvent, EncodeError, Event, encode_event};
use crate::value::{EventId, EventVersion, Metadata, Scope};

/// An event to append. It is encoded when it is created, and validated by the append.
///
/// Created from any event or closed set. If encoding fails, or the data would not read back as the same event, the append
/// returns the error with the event's index.
///
/// ```
/// use event_core::{Event, EventId, EventVersion, Metadata, NewEvent};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened {
/// #     const TYPE: &'static str = "opened";
/// #     const VERSION: EventVersion = EventVersion::FIRST;
/// # }
/// let event = NewEvent::from(Opened { by: "ann".into() })
///     .with_metadata(Metadata::new().with_source_id("message-1"));
/// assert_eq!(event.event_type(), "opened");
/// ```
#[derive(Clone)]
pub struct NewEvent {
    id: EventId,
    event_type: Cow<'static, str>,
    version: EventVersion,
    data: Result<Box<RawValue>, Arc<EncodeError>>,
    metadata: Metadata,
    typed: Option<Arc<dyn AnyEvent>>,
    readonly: bool,
}

impl NewEvent {
    /// Encodes a typed event.
    pub(crate) fn of<E: Event>(event: E) -> Self {
        Self {
            id: EventId::new(),
            event_type: Cow::Borrowed(E::TYPE),
            version: E::VERSION,
            data: encode_event(&event).map_err(Arc::new),
            metadata: Metadata::new(),
            typed: Some(Arc::new(event)),
            readonly: E::FACTS.readonly,
        }
    }

    /// Creates a new event from encoded data, for imports and tools. It is not validated.
    pub fn raw(
        event_type: impl Into<Cow<'static, str>>,
        version: EventVersion,
        data: Box<RawValue>,
    ) -> Self {
        Self {
            id: EventId::new(),
            event_type: event_type.into(),
            version,
            data: Ok(data),
            metadata: Metadata::new(),
            typed: None,
            readonly: false,
        }
    }

    /// Replaces the data by the reason why it could not be read: the append reports it.
    pub(crate) fn unreadable(mut self, reason: &str) -> Self {
        self.data = Err(Arc::new(EncodeError::of_damage(reason)));
        self
    }

    /// Sets the id. Appending the same ids again stores nothing and returns the first result.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<EventId>) -> Self {
        self.id = id.into();
        self
    }

    /// Replaces the metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Disables the validation of the typed event.
    pub(crate) fn without_validation(mut self) -> Self {
        self.typed = None;
        self
    }

    /// Returns the event id.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// Returns the type string.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Returns the schema version.
    pub const fn event_version(&self) -> EventVersion {
        self.version
    }

    /// Returns the metadata, without the keys that the store's scope will add.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the encoded data; `None` if encoding failed.
    pub fn data(&self) -> Option<&RawValue> {
        self.data.as_deref().ok()
    }

    /// Returns the rule that the event breaks, if any.
    fn broken_rule(&self, now: DateTime<Utc>) -> Option<String> {
        if self.readonly {
            let version = self.version;
            return Some(format!("{version} is read-only; append the latest version of the event"));
        }
        self.typed.as_ref()?.validate_any(now).err().map(|invalid| invalid.to_string())
    }

    /// Validates the event and converts it for the adapter. `index` is the event's index in the append, from 0.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] or [`Error::Serialization`], each with the index.
    pub(crate) fn into_data(
        self,
        index: usize,
        now: DateTime<Utc>,
        scope: &Scope,
    ) -> Result<EventData> {
        if let Some(reason) = self.broken_rule(now) {
            return Err(Error::InvalidEventData {
                index: Some(index),
                event_type: Some(self.event_type.into_owned()),
                reason,
                context: Context::default(),
            });
        }
        let event_type = self.event_type;
        match self.data {
            Ok(data) => Ok(EventData {
                id: self.id,
                event_type,
                version: self.version,
                data,
                metadata: self.metadata.in_scope(scope),
            }),
            Err(source) => Err(Error::Serialization {
                index: Some(index),
                event_type: event_type.into_owned(),
                source: Box::new(source),
            }),
        }
    }
}

/// What an append takes: implemented for every `IntoIterator` over events, over closed sets of them, or over [`NewEvent`]s.
///
/// It stands for `IntoIterator<Item: Into<NewEvent>>`, so that a mistake has a message of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of events to append",
    label = "not a list of events",
    note = "append one event as `[event]`, and events of several types as `events![a, b]`",
    note = "each item is an event (`#[derive(Event)]`), a closed set of events, or a `NewEvent`"
)]
pub trait NewEvents {
    #[doc(hidden)]
    fn collect_new(self) -> Vec<NewEvent>;
}

#[diagnostic::do_not_recommend]
impl<I: IntoIterator<Item: Into<NewEvent>>> NewEvents for I {
    fn collect_new(self) -> Vec<NewEvent> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<E: Event> From<E> for NewEvent {
    fn from(event: E) -> Self {
        Self::of(event)
    }
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("version", &self.version)
            .field("data", &self.data)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

/// Creates a `Vec` of new events from events of different types: `events![drawn, played]`.
///
/// ```
/// # use event_core::{Event, EventVersion, events};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Closed;
/// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # impl Event for Closed { const TYPE: &'static str = "closed"; const VERSION: EventVersion = EventVersion::FIRST; }
/// let list = events![Opened, Closed];
/// assert_eq!(list[1].event_type(), "closed");
/// ```
#[macro_export]
macro_rules! events {
    ($($event:expr),* $(,)?) => {
        $crate::__private::vec![$($crate::NewEvent::from($event)),*]
    };
}

/// A validated, encoded event as an adapter stores it.
#[derive(Debug, Clone)]
pub struct EventData {
    /// The event id, unique per tenant.
    pub id: EventId,
    /// The type string.
    pub event_type: Cow<'static, str>,
    /// The schema version.
    pub version: EventVersion,
    /// The payload as JSON.
    pub data: Box<RawValue>,
    /// The metadata, including the keys of the store's scope.
    pub metadata: Metadata,
}
