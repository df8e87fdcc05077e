//! [`NewEvent`], an event on its way in, and [`EventData`], the same encoded.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::error::{Context, Error, Result};
use crate::event::{AnyEvent, Event};
use crate::value::{EventId, EventVersion, Metadata, Scope};

/// An event on its way in: encoded at once, validated when it is appended.
///
/// Made from any event or closed set; an encoding that failed is kept and reported by the append, with its index.
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
    data: Result<Box<RawValue>, Arc<serde_json::Error>>,
    metadata: Metadata,
    typed: Option<Arc<dyn AnyEvent>>,
    readonly: bool,
}

impl NewEvent {
    /// A new event from a typed one.
    pub(crate) fn of<E: Event>(event: E) -> Self {
        Self {
            id: EventId::new(),
            event_type: Cow::Borrowed(E::TYPE),
            version: E::VERSION,
            data: event.to_json().map_err(Arc::new),
            metadata: Metadata::new(),
            typed: Some(Arc::new(event)),
            readonly: E::FACTS.readonly,
        }
    }

    /// An event that is encoded already: imports and tools. It is not validated.
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

    /// Sets the id; the same ids again give the same answer.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<EventId>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets the metadata, whole.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Drops the rules of the typed event: what is left is appended as it is encoded.
    pub(crate) fn without_validation(mut self) -> Self {
        self.typed = None;
        self
    }

    /// The id.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// The type string.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The schema version.
    pub const fn event_version(&self) -> EventVersion {
        self.version
    }

    /// The metadata, before a scope adds to it.
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The encoded data, unless encoding failed.
    pub fn data(&self) -> Option<&RawValue> {
        self.data.as_deref().ok()
    }

    /// Why the event must not be stored, if so.
    fn refusal(&self, now: DateTime<Utc>) -> Option<String> {
        if self.readonly {
            let version = self.version;
            return Some(format!("{version} is read-only; append the latest version of the event"));
        }
        self.typed.as_ref()?.validate_any(now).err().map(|invalid| invalid.to_string())
    }

    /// Validates and hands over what an adapter stores. `index` is the event's place in its append.
    ///
    /// # Errors
    /// [`Error::InvalidEventData`] or [`Error::Serialization`], each with the index.
    pub(crate) fn into_data(
        self,
        index: usize,
        now: DateTime<Utc>,
        scope: &Scope,
    ) -> Result<EventData> {
        if let Some(reason) = self.refusal(now) {
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

/// A mixed list of new events: `events![drawn, played]`.
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
        ::std::vec![$($crate::NewEvent::from($event)),*]
    };
}

/// An event as an adapter stores it: encoded, with its identity.
#[derive(Debug, Clone)]
pub struct EventData {
    /// The id, unique per tenant.
    pub id: EventId,
    /// The type string.
    pub event_type: Cow<'static, str>,
    /// The schema version.
    pub version: EventVersion,
    /// The payload.
    pub data: Box<RawValue>,
    /// The metadata, those of the scope included.
    pub metadata: Metadata,
}
