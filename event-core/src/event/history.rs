//! The history of an event as static data: the derive's expansion states it, `proof` checks it at compile time,
//! `decode` follows it.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::{DecodeError, Migration, MigrationFn};
use crate::value::EventVersion;

/// The migrations from an event's older versions, as its derive states them.
#[doc(hidden)]
#[derive(Debug)]
pub struct History<E: 'static> {
    pub(crate) since: u32,
    pub(crate) chain: Chain<E>,
    pub(crate) also: &'static [Also],
}

#[derive(Debug)]
pub(crate) enum Chain<E: 'static> {
    First,
    Typed(&'static Typed<E>),
    Json(&'static [JsonStep]),
}

impl<E> History<E> {
    /// The history of a first version: no older one exists.
    pub const fn first() -> Self {
        Self { since: 1, chain: Chain::First, also: &[] }
    }

    /// The history of a version without migrations: no version below `since` was ever stored.
    pub const fn since(since: u32) -> Self {
        Self { since, chain: Chain::First, also: &[] }
    }

    /// One typed step; the struct of the previous version has the rest of the history.
    pub const fn typed(since: u32, step: &'static Typed<E>) -> Self {
        Self { since, chain: Chain::Typed(step), also: &[] }
    }

    /// JSON steps, in ascending order of their source versions.
    pub const fn json(since: u32, steps: &'static [JsonStep]) -> Self {
        Self { since, chain: Chain::Json(steps), also: &[] }
    }

    /// Adds shortcuts beside the chain; only the registry's migration graph uses them.
    #[must_use]
    pub const fn also(self, also: &'static [Also]) -> Self {
        Self { since: self.since, chain: self.chain, also }
    }
}

/// A typed step to `E`, checked at compile time.
#[doc(hidden)]
#[derive(Debug)]
pub struct Typed<E> {
    pub(crate) decode: fn(EventVersion, &RawValue) -> Result<E, DecodeError>,
    pub(crate) edges: fn() -> Vec<Migration>,
    pub(crate) matches_type: fn(&str) -> bool,
}

/// A shortcut to an event from an older version than the previous one, checked at compile time.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Also {
    pub(crate) edge: fn() -> Migration,
}

/// One migration step on JSON.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct JsonStep {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) with: MigrationFn,
    pub(crate) predecessor: Option<Predecessor>,
}

/// The struct of a JSON step's source version; its own history leads from older versions to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Predecessor {
    pub(crate) decode: fn(EventVersion, &RawValue) -> Result<Value, DecodeError>,
    pub(crate) edges: fn() -> Vec<Migration>,
    pub(crate) matches_type: fn(&str) -> bool,
}
