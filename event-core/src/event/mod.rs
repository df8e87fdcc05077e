//! [`Event`]: the trait that the derive implements; [`AnyEvent`]: its object-safe counterpart.
//!
//! Supporting types: [`Payload`] (serde can serialize and deserialize it), [`Upcast`] (it can be made from the
//! previous version), [`InvalidEvent`] (a failed validation), [`Origin`] (its place in the source code).

pub(crate) mod decode;
pub(crate) mod decode_error;
pub(crate) mod encode;
pub(crate) mod exact;
pub(crate) mod facts;
pub(crate) mod field_path;
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
pub(crate) use self::decode::{also_edge, decode_boxed, edges_of, matches_type};
pub use self::decode_error::DecodeError;
pub(crate) use self::encode::{EncodeError, Nulls, encode_event, encode_proven};
pub(crate) use self::exact::parse_exact;
pub(crate) use self::facts::Facts;
pub(crate) use self::field_path::{ReadFn, field_path};
pub(crate) use self::history::{
    Also, Between, Chain, History, JsonStep, Predecessor, Source, Step, Typed,
};
pub(crate) use self::json_path::DEEPEST;
pub(crate) use self::migration::{EdgeKind, MigrationError, MigrationGraph, catch_panic};
pub use self::migration::{Migration, MigrationFn};
use crate::value::EventVersion;

/// A fact in past tense: a Rust type with a stored type string and a schema version.
///
/// Derive it. A hand-written implementation defines `TYPE` and `VERSION`, is registered with
/// [`register!`](crate::register), and decodes only its own version unless it defines a history.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "add `#[derive(Event)]` and `#[event(type = \"…\", version = 1)]` to the struct `{Self}`",
    note = "an enum with `#[derive(Event)]` is a set of events: decode it with `{Self}::try_from(&recorded)`"
)]
pub trait Event: Payload + Send + Sync + 'static {
    /// The stored type string: lower-case words joined by `_` or `.`; must not change once events are stored.
    const TYPE: &'static str;
    /// The schema version of this Rust type.
    const VERSION: EventVersion;

    /// The migrations from older versions to this one.
    #[doc(hidden)]
    const HISTORY: History<Self> = History::first();

    /// Crate, file and line of the definition.
    #[doc(hidden)]
    const ORIGIN: Origin = Origin::UNKNOWN;

    /// Shape, docs, aliases and the read-only flag.
    #[doc(hidden)]
    const FACTS: Facts = Facts::unknown::<Self>();

    /// The history; a function of its own for each derived type, see `Between`.
    #[doc(hidden)]
    fn __ev_history() -> &'static History<Self> {
        const { &Self::HISTORY }
    }

    /// Checks whether the event may be stored. Runs on append only, never on read; `now` comes from the store's clock.
    ///
    /// # Errors
    /// [`InvalidEvent`] with the rule that the event breaks.
    fn validate(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        let _ = now;
        Ok(())
    }
}

/// A type that can be stored as JSON; implemented for every type that serde can serialize and deserialize.
///
/// serde's traits are deliberately not supertraits of [`Event`]: a type without them causes one short compile error
/// instead of serde's list of candidate types.
#[diagnostic::on_unimplemented(
    message = "the event `{Self}` cannot be stored",
    label = "cannot be written and read by serde",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to `{Self}`; an event owns its data"
)]
pub trait Payload: Sized {
    #[doc(hidden)]
    fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error>;
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "only the blanket implementation exists")]
    fn note_nulls(&self, nulls: &mut Nulls);
    #[doc(hidden)]
    fn from_json(data: &RawValue) -> Result<Self, serde_json::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Payload for T {
    fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error> {
        to_raw_value(self)
    }

    #[allow(private_interfaces, reason = "only the blanket implementation exists")]
    #[inline]
    fn note_nulls(&self, nulls: &mut Nulls) {
        nulls.note(self);
    }

    #[inline]
    fn from_json(data: &RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(data.get())
    }
}

/// One typed migration step: `Self` can be made from the struct of the previous version.
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

/// A failed validation: the rule that an event breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.as_ref().map(|field| format!("`{field}` ")).unwrap_or_default())]
#[non_exhaustive]
pub struct InvalidEvent {
    /// The invalid field; `None` if the rule concerns the event as a whole.
    pub field: Option<String>,
    /// The rule, phrased to follow the field's name: "must be 1".
    pub reason: String,
}

impl InvalidEvent {
    /// Creates the error for a rule about the event as a whole.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into() }
    }

    /// Creates the error for a rule about one field.
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

    /// Stable code for logs and the wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}

/// An event of any type: the registry decodes to `Box<dyn AnyEvent>`, tools and projections pass it on.
pub trait AnyEvent: Any + Send + Sync {
    /// The stored type string.
    fn event_type(&self) -> &'static str;
    /// The schema version of the Rust type.
    fn event_version(&self) -> EventVersion;
    /// Serializes the event as it would be stored.
    ///
    /// # Errors
    /// serde's error for a value that JSON cannot represent.
    fn to_json_any(&self) -> Result<Box<RawValue>, serde_json::Error>;
    #[doc(hidden)]
    fn validate_any(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent>;
    /// What reads an event of this type.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "only the blanket implementation exists")]
    fn reader(&self) -> ReadFn;
    /// Notes what the nulls of its JSON stand for.
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "only the blanket implementation exists")]
    fn note_nulls(&self, nulls: &mut Nulls);
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

    #[allow(private_interfaces, reason = "only the blanket implementation exists")]
    fn reader(&self) -> ReadFn {
        decode::read_boxed::<E>
    }

    #[allow(private_interfaces, reason = "only the blanket implementation exists")]
    fn note_nulls(&self, nulls: &mut Nulls) {
        Payload::note_nulls(self, nulls);
    }
}

impl dyn AnyEvent {
    /// As `to_json_any`, with the proof that the text reads back as the same event, as an append of the event has it.
    #[doc(hidden)]
    pub fn to_stored_any(&self) -> Result<Box<RawValue>, InvalidEvent> {
        encode_event(self).map_err(InvalidEvent::from)
    }

    /// Returns the event as an `E` if that is its Rust type.
    pub fn downcast_ref<E: Event>(&self) -> Option<&E> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }

    /// Converts the event into an `E`.
    ///
    /// # Errors
    /// Returns the event unchanged if its Rust type is not `E`.
    pub fn downcast<E: Event>(self: Box<Self>) -> Result<Box<E>, Box<Self>> {
        if self.downcast_ref::<E>().is_none() {
            return Err(self);
        }
        let any: Box<dyn Any> = self;
        any.downcast().map_err(|_| unreachable!("`downcast_ref` checked the type"))
    }
}

impl fmt::Debug for dyn AnyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyEvent({} {})", self.event_type(), self.event_version())
    }
}

/// Source location of an event's definition. Two registrations with the same origin are one event compiled twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The package that defines the event.
    pub krate: &'static str,
    /// The version of that package.
    pub crate_version: &'static str,
    /// The path of the source file.
    pub file: &'static str,
    /// The line in the file, from 1.
    pub line: u32,
}

impl Origin {
    /// The origin of an event that does not state one.
    pub const UNKNOWN: Self = Self::new("unknown crate", "", "", 0);

    /// Creates an origin; the derive calls it.
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
            return f.write_str("an unknown location");
        }
        write!(f, "{}:{} ({} {})", self.file, self.line, self.krate, self.crate_version)
    }
}
