//! [`Registration`]: one registered (type, version), collected through `inventory` before `main`.
//!
//! A registration is a constant with function pointers: it runs no code and allocates nothing before `main`.

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
    /// Creates the registration of an event.
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

    /// Returns the stored type string.
    pub const fn event_type(&self) -> &'static str {
        self.event_type
    }

    /// Returns the schema version.
    pub const fn version(&self) -> EventVersion {
        self.version
    }

    /// Returns the source location of the event's definition.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the form of the event's payloads.
    pub fn shape(&self) -> Form {
        (self.facts.shape)()
    }

    /// Returns the doc comment of the Rust type; empty if it has none.
    pub const fn docs(&self) -> &'static str {
        self.facts.docs
    }

    /// Returns the former type strings that this version declares.
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.facts.aliases
    }

    /// Whether the version can be read but not appended.
    pub const fn is_readonly(&self) -> bool {
        self.facts.readonly
    }

    /// Returns the path of the Rust type.
    pub fn rust_type(&self) -> &'static str {
        (self.rust_type)()
    }

    /// The oldest version that was ever stored, as this version declares it.
    pub(crate) const fn since(&self) -> u32 {
        self.since
    }

    pub(crate) fn edges(&self) -> Vec<Migration> {
        (self.edges)()
    }

    /// Decodes data stored at version `stored` into this version, along the event's own history.
    ///
    /// # Errors
    /// As [`RecordedEvent::decode`](crate::RecordedEvent::decode), without the event's location in the store.
    pub fn decode(
        &self,
        stored: EventVersion,
        data: &RawValue,
    ) -> Result<Box<dyn AnyEvent>, DecodeError> {
        (self.decode)(stored, data)
    }

    /// Returns an event of this Rust type as its `Debug` shows it; `None` for a type without `Debug`. The lock of shapes
    /// compares it, since events that differ can be written alike.
    #[doc(hidden)]
    pub fn shown(&self, event: &dyn AnyEvent) -> Option<String> {
        (self.facts.shown)(event)
    }

    /// Whether both are the same source, compiled twice: as a library and for its unit tests.
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
    /// Creates a migration step from version `from` to version `to`.
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

/// Registers a hand-written [`Event`](crate::Event); the derive registers its event itself.
#[macro_export]
macro_rules! register {
    ($event:ty) => {
        $crate::__private::submit! { $crate::registry::Registration::of::<$event>() }
    };
}

/// Adds a migration step to an event type of any crate: `migration!("card_played", 1 => 3, jump);`.
///
/// The step is a `fn(serde_json::Value) -> Result<serde_json::Value, MigrationError>`. If it shortens a path,
/// `decode_any` and [`Registry::migrate`](crate::Registry::migrate) use it.
#[macro_export]
macro_rules! migration {
    ($event_type:literal, $from:literal => $to:literal, $step:path) => {
        $crate::__private::submit! {
            $crate::__private::ExtraMigration::new(
                $event_type, $from, $to, $step, $crate::__private::module_path!(),
            )
        }
    };
}
