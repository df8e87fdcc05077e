//! The history of an event as static data: the derive's expansion states it, `proof` checks it at compile time,
//! `decode` follows it.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::{DecodeError, Event, Migration, MigrationFn};
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
    Typed(&'static dyn Step<E>),
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
        Self { since, chain: Chain::Typed(step.0), also: &[] }
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
pub struct Typed<E: 'static>(pub(crate) &'static dyn Step<E>);

/// A typed step whose source is erased.
pub(crate) trait Step<E>: Sync {
    /// Decodes data of the source version, or of an older one, and migrates it.
    fn decode(&self, version: EventVersion, data: &RawValue) -> Result<E, DecodeError>;
    /// This step and those below it.
    fn edges(&self) -> Vec<Migration>;
    /// Whether the source version, or an older one, is stored under this type string.
    fn matches_type(&self, event_type: &str) -> bool;
}

/// The struct of a JSON step's source version, erased; its own history leads from older versions to it.
pub(crate) trait Source: Sync {
    /// Decodes data of the version, or of an older one, and encodes it as JSON of the version.
    fn decode_to_value(&self, version: EventVersion, data: &RawValue)
    -> Result<Value, DecodeError>;
    /// The migrations to the version.
    fn edges(&self) -> Vec<Migration>;
    /// Whether the version, or an older one, is stored under this type string.
    fn matches_type(&self, event_type: &str) -> bool;
}

impl<E> fmt::Debug for dyn Step<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Step")
    }
}

impl fmt::Debug for dyn Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// A typed step from `P` to `T`.
///
/// It reaches the history of `P` through a function that the derive writes for `P` alone: generic functions that called
/// those of the version below would nest once a version, and the compiler bounds that.
#[derive(Debug)]
pub(crate) struct Between<P: 'static, T> {
    pub(crate) history: fn() -> &'static History<P>,
    target: PhantomData<fn() -> T>,
}

impl<P: Event, T: Event> Between<P, T> {
    pub(crate) const STEP: Self = Self { history: P::__ev_history, target: PhantomData };
}

/// The struct of a version, as the source of a JSON step.
#[derive(Debug)]
pub(crate) struct Predecessor<P: 'static> {
    pub(crate) history: fn() -> &'static History<P>,
}

impl<P: Event> Predecessor<P> {
    pub(crate) const SOURCE: Self = Self { history: P::__ev_history };
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
    pub(crate) predecessor: Option<&'static dyn Source>,
}
