//! [`Registration`]: what a binary knows of one (type, version), collected through `inventory` before `main`.
//!
//! A registration is a const of function pointers: nothing runs, allocates or can panic before `main`.

use std::any::type_name;
use std::fmt;

use serde_json::value::RawValue;

use crate::event::{
    AnyEvent, DecodeError, EdgeKind, Event, Facts, Migration, MigrationFn, Origin, decode_boxed,
    edges_of,
};
use crate::shape::Form;
use crate::value::EventVersion;

/// One registered (type, version).
#[derive(Clone, Copy)]
pub struct Registration {
    event_type: &'static str,
    version: EventVersion,
    since: u32,
    origin: Origin,
    facts: Facts,
    rust_type: fn() -> &'static str,
    edges: fn() -> Vec<Migration>,
    decode: DecodeFn,
}

/// Decodes data of a stored version.
type DecodeFn = fn(EventVersion, &RawValue) -> Result<Box<dyn AnyEvent>, DecodeError>;

impl Registration {
    /// The registration of an event.
    pub const fn of<E: Event>() -> Self {
        Self {
            event_type: E::TYPE,
            version: E::VERSION,
            since: E::HISTORY.since,
            origin: E::ORIGIN,
            facts: E::FACTS,
            rust_type: type_name::<E>,
            edges: edges_of::<E>,
            decode: decode_boxed::<E>,
        }
    }

    /// The stored type string.
    pub const fn event_type(&self) -> &'static str {
        self.event_type
    }

    /// The version.
    pub const fn version(&self) -> EventVersion {
        self.version
    }

    /// Where the event was written.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What its payloads look like.
    pub fn shape(&self) -> Form {
        (self.facts.shape)()
    }

    /// The doc comment of the Rust type; empty where there is none.
    pub const fn docs(&self) -> &'static str {
        self.facts.docs
    }

    /// The type strings it was stored under before, as this version states them.
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.facts.aliases
    }

    /// Whether it is read but never appended.
    pub const fn is_readonly(&self) -> bool {
        self.facts.readonly
    }

    /// The path of the Rust type.
    pub fn rust_type(&self) -> &'static str {
        (self.rust_type)()
    }

    /// The oldest version that any store may hold.
    pub(crate) const fn since(&self) -> u32 {
        self.since
    }

    pub(crate) fn edges(&self) -> Vec<Migration> {
        (self.edges)()
    }

    /// Decodes data stored at `stored`, up to this version, along the event's own history.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`](crate::RecordedEvent::decode), without the place in the store.
    pub fn decode(
        &self,
        stored: EventVersion,
        data: &RawValue,
    ) -> Result<Box<dyn AnyEvent>, DecodeError> {
        (self.decode)(stored, data)
    }

    /// The same source compiled twice (a crate and its own unit tests) is one event.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.origin == other.origin && self.rust_type() == other.rust_type()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({} {}, {})", self.event_type, self.version, self.rust_type())
    }
}

inventory::collect!(Registration);

/// A migration step registered apart from the event, by [`migration!`](crate::migration!).
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ExtraMigration {
    pub(crate) event_type: &'static str,
    pub(crate) from: EventVersion,
    pub(crate) to: EventVersion,
    pub(crate) apply: MigrationFn,
    pub(crate) declared_by: &'static str,
}

impl ExtraMigration {
    /// A step that belongs to no derive.
    pub const fn new(
        event_type: &'static str,
        from: u32,
        to: u32,
        apply: MigrationFn,
        declared_by: &'static str,
    ) -> Self {
        let (from, to) = (EventVersion::new(from), EventVersion::new(to));
        Self { event_type, from, to, apply, declared_by }
    }

    pub(crate) const fn edge(&self) -> Migration {
        Migration {
            from: self.from,
            to: self.to,
            apply: self.apply,
            declared_by: self.declared_by,
            kind: EdgeKind::Extra,
        }
    }
}

inventory::collect!(ExtraMigration);

/// Registers a hand-written [`Event`](crate::Event); the derive does it by itself.
#[macro_export]
macro_rules! register {
    ($event:ty) => {
        $crate::__private::submit! { $crate::Registration::of::<$event>() }
    };
}

/// Adds a migration step to an event type of any crate: `migration!("card_played", 1 => 3, jump);`.
///
/// The step is `fn(serde_json::Value) -> Result<serde_json::Value, MigrationError>`. A shorter way that it opens
/// is taken by `decode_any` and [`Registry::migrate`](crate::Registry::migrate).
#[macro_export]
macro_rules! migration {
    ($event_type:literal, $from:literal => $to:literal, $step:path) => {
        $crate::__private::submit! {
            $crate::__private::ExtraMigration::new(
                $event_type, $from, $to, $step, ::core::module_path!(),
            )
        }
    };
}
