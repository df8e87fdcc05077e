//! The history of an event as data: what an expansion states, `proof` checks and `decode` walks.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::{DecodeError, Migration, MigrationFn};
use crate::value::EventVersion;

/// The history of an event as its derive states it.
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
    /// The first version: nothing older exists.
    pub const fn first() -> Self {
        Self { since: 1, chain: Chain::First, also: &[] }
    }

    /// Nothing older than version `since` was ever stored.
    pub const fn since(since: u32) -> Self {
        Self { since, chain: Chain::First, also: &[] }
    }

    /// One typed step; the struct before holds the rest.
    pub const fn typed(since: u32, step: &'static Typed<E>) -> Self {
        Self { since, chain: Chain::Typed(step), also: &[] }
    }

    /// JSON steps, the lowest first.
    pub const fn json(since: u32, steps: &'static [JsonStep]) -> Self {
        Self { since, chain: Chain::Json(steps), also: &[] }
    }

    /// With shortcuts beside the chain, for the graph.
    #[must_use]
    pub const fn also(self, also: &'static [Also]) -> Self {
        Self { since: self.since, chain: self.chain, also }
    }
}

/// A proved typed step into `E`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Typed<E> {
    pub(crate) decode: fn(EventVersion, &RawValue) -> Result<E, DecodeError>,
    pub(crate) edges: fn() -> Vec<Migration>,
    pub(crate) is_named: fn(&str) -> bool,
}

/// A proved shortcut into an event from a version further below.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Also {
    pub(crate) edge: fn() -> Migration,
}

/// One JSON step.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct JsonStep {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) with: MigrationFn,
    pub(crate) below: Option<Below>,
}

/// The struct of the version a JSON step starts from; its own chain goes on below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Below {
    pub(crate) decode: fn(EventVersion, &RawValue) -> Result<Value, DecodeError>,
    pub(crate) edges: fn() -> Vec<Migration>,
    pub(crate) is_named: fn(&str) -> bool,
}
