//! [`Event`]: what the derive implements; [`AnyEvent`]: the same behind a pointer.
//!
//! Around them what an event needs to be one: [`Payload`] (serde can write and read it), [`Upcast`] (it can be
//! made from the version before), [`InvalidEvent`] (a rule it breaks), [`Origin`] (where it was written).

pub(crate) mod decode;
pub(crate) mod decode_error;
pub(crate) mod facts;
pub(crate) mod history;
pub(crate) mod json_path;
pub(crate) mod migration;

use std::any::Any;
use std::fmt::{self, Display};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

pub use self::decode::decode_at;
pub(crate) use self::decode::{
    also_edge, decode_boxed, decode_through, decode_to_value, edges_of, is_named, typed_edges,
};
pub use self::decode_error::DecodeError;
pub(crate) use self::facts::Facts;
pub(crate) use self::history::{Also, Below, Chain, History, JsonStep, Typed};
pub(crate) use self::json_path::path_at;
pub(crate) use self::migration::{EdgeKind, MigrationError, MigrationGraph, guarded};
pub use self::migration::{Migration, MigrationFn};
use crate::value::EventVersion;

/// A fact in past tense: a Rust type with a stored type string and a schema version.
///
/// Derive it. A hand-written implementation gives `TYPE` and `VERSION`, takes part through
/// [`register!`](crate::register), and reads only its own version unless it states a history.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "add `#[derive(Event)]` and `#[event(type = \"…\", version = 1)]` to `{Self}`"
)]
pub trait Event: Payload + Send + Sync + 'static {
    /// The stored type string: lower-case words joined by `_` or `.`; never changes once stored.
    const TYPE: &'static str;
    /// The version of this shape.
    const VERSION: EventVersion;

    /// How older versions become this one.
    #[doc(hidden)]
    const HISTORY: History<Self> = History::first();

    /// Where it was written.
    #[doc(hidden)]
    const ORIGIN: Origin = Origin::UNKNOWN;

    /// Its shape, its docs, the names it was stored under before.
    #[doc(hidden)]
    const FACTS: Facts = Facts::unknown::<Self>();

    /// Whether the event may be stored. Runs on append only, never on reading; `now` is the store's clock.
    ///
    /// # Errors
    /// [`InvalidEvent`] with the rule that is broken.
    fn validate(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        let _ = now;
        Ok(())
    }
}

/// What can be written to and read from a store; every serde type is.
///
/// serde's traits are no supertraits on purpose: a type without them gives one short error instead of serde's
/// list of candidates.
#[diagnostic::on_unimplemented(
    message = "the event `{Self}` cannot be stored",
    label = "cannot be written and read by serde",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`; an event owns its data"
)]
pub trait Payload: Sized {
    #[doc(hidden)]
    fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error>;
    #[doc(hidden)]
    fn from_json(data: &RawValue) -> Result<Self, serde_json::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Payload for T {
    fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error> {
        to_raw_value(self)
    }

    #[inline]
    fn from_json(data: &RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(data.get())
    }
}

/// One typed step of a history: `Self` can be made from the struct of the version before.
#[diagnostic::on_unimplemented(
    message = "no migration from `{Previous}` to `{Self}`",
    label = "`{Self}` cannot be made from `{Previous}`",
    note = "write `impl From<{Previous}> for {Self}`, or `TryFrom` with an error that implements `Display`"
)]
pub trait Upcast<Previous>: Sized {
    #[doc(hidden)]
    fn upcast(previous: Previous) -> Result<Self, MigrationError>;
}

#[diagnostic::do_not_recommend]
impl<P, T> Upcast<P> for T
where
    T: TryFrom<P>,
    T::Error: Display,
{
    fn upcast(previous: P) -> Result<Self, MigrationError> {
        T::try_from(previous).map_err(|error| MigrationError::new(error.to_string()))
    }
}

/// A rule that an event breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.as_ref().map(|field| format!("`{field}` ")).unwrap_or_default())]
#[non_exhaustive]
pub struct InvalidEvent {
    /// The field at fault, where there is one.
    pub field: Option<String>,
    /// The rule, in words that follow the field: "must be 1".
    pub reason: String,
}

impl InvalidEvent {
    /// A rule about the event as a whole.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into() }
    }

    /// A rule about one field.
    ///
    /// ```
    /// use event_core::InvalidEvent;
    ///
    /// let error = InvalidEvent::field("round_number", "must be 1");
    /// assert_eq!(error.to_string(), "`round_number` must be 1");
    /// ```
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: Some(field.into()), reason: reason.into() }
    }

    /// The seed's atom: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}

/// Any event behind a pointer: what the registry decodes to, and what tools and projections pass around.
pub trait AnyEvent: Any + Send + Sync {
    /// The stored type string.
    fn event_type(&self) -> &'static str;
    /// The version of this shape.
    fn event_version(&self) -> EventVersion;
    /// The event as it would be stored.
    ///
    /// # Errors
    /// What serde says of a value that JSON cannot hold.
    fn to_json_any(&self) -> Result<Box<RawValue>, serde_json::Error>;
    #[doc(hidden)]
    fn validate_any(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent>;
}

impl<E: Event> AnyEvent for E {
    fn event_type(&self) -> &'static str {
        E::TYPE
    }

    fn event_version(&self) -> EventVersion {
        E::VERSION
    }

    fn to_json_any(&self) -> Result<Box<RawValue>, serde_json::Error> {
        self.to_json()
    }

    fn validate_any(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        self.validate(now)
    }
}

impl dyn AnyEvent {
    /// The event as its Rust type, if it is that one.
    pub fn downcast_ref<E: Event>(&self) -> Option<&E> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }

    /// Takes the event out as its Rust type, or gives it back.
    ///
    /// # Errors
    /// The event itself, when it is of another type.
    pub fn downcast<E: Event>(self: Box<Self>) -> Result<Box<E>, Box<Self>> {
        if self.downcast_ref::<E>().is_none() {
            return Err(self);
        }
        let any: Box<dyn Any> = self;
        any.downcast().map_err(|_| unreachable!("the type was checked on the line above"))
    }
}

impl fmt::Debug for dyn AnyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyEvent({} {})", self.event_type(), self.event_version())
    }
}

/// Where an event was written: two registrations of one origin are the same event compiled twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The crate that defines it.
    pub krate: &'static str,
    /// The version of that crate.
    pub crate_version: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
}

impl Origin {
    /// The origin of an event that does not say.
    pub const UNKNOWN: Self = Self::new("unknown crate", "", "", 0);

    /// An origin, as the derive states it.
    pub const fn new(
        krate: &'static str,
        crate_version: &'static str,
        file: &'static str,
        line: u32,
    ) -> Self {
        Self { krate, crate_version, file, line }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::UNKNOWN {
            return f.write_str("an unknown place");
        }
        write!(f, "{}:{} ({} {})", self.file, self.line, self.krate, self.crate_version)
    }
}
