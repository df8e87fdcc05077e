//! `#[derive(Event)]` and `#[derive(Shape)]`: the derive macros of `event-core`, which re-exports them.
//!
//! On a struct it implements `Event`, registers the (type, version) and proves the step to the version before. On
//! an enum it makes a closed set of events. A mistake is reported on the token that is wrong, all mistakes of an
//! item at once, and a stub stands in for the broken item so that its users report nothing of their own.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod attr;
mod check;
mod errors;
mod expand;
mod input;
mod key;
mod model;
mod shape;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

/// Implements `Event` for a struct, or `EventSet` for an enum of events.
///
/// # On a struct: one version of one event
///
/// ```
/// use event_core::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event(type = "card_drawn", version = 1)]
/// pub struct CardDrawnV1 { pub rank: u8 }
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event(type = "card_drawn", version = 2, from = CardDrawnV1)]
/// pub struct CardDrawn { pub rank: u8, pub suit: Option<String> }
///
/// impl From<CardDrawnV1> for CardDrawn {
///     fn from(old: CardDrawnV1) -> Self {
///         Self { rank: old.rank, suit: None }
///     }
/// }
/// assert_eq!((CardDrawn::TYPE, CardDrawn::VERSION.get()), ("card_drawn", 2));
/// ```
///
/// | Key | Value | Meaning |
/// |---|---|---|
/// | `type` | string | the stored type string: lower-case words joined by `.` or `_`; required |
/// | `version` | integer from 1 | the version of this shape; required |
/// | `from` | type | the struct of the version before; `From` or `TryFrom` makes this one from it |
/// | `since` | integer | the oldest version any store can hold, 1 by default |
/// | `also_from(...)` | types | older versions that this one can be made from as well: shortcuts for the registry |
/// | `migrate(from, to, with)` | see below | a step over stored JSON; once per source version |
/// | `alias` | string | a type string it was stored under before; read, never written; repeatable |
/// | `validate` | path | `fn(&Self, DateTime<Utc>) -> Result<(), InvalidEvent>`, run on append |
/// | `readonly` | – | read, but an append refuses it: for versions that only history holds |
/// | `register` | `false` | neither registered nor claimed: for tests and fixtures |
/// | `shape` | integer | pins the struct's own tokens; another number does not compile |
/// | `crate` | path | where `event-core` is, `::event_core` by default |
///
/// A step is `migrate(from = 1, to = 2, with = path)`: `from` is a version or the struct of one, whose own chain
/// goes on below; `to` is the version after `from` by default; `with` is
/// `fn(serde_json::Value) -> Result<serde_json::Value, MigrationError>`. Every version from `since` up needs a way
/// to this one: a struct takes either `from`, or `migrate` steps, never both.
///
/// A field takes `shape = "…"`, its form in words where its type does not say it (see `Shape`), or `opaque`: its
/// shape is left out, and only the text of its type counts.
///
/// # On an enum: a closed set of events
///
/// ```
/// use event_core::{Event, EventSet, RecordedEvent};
/// # #[derive(serde::Serialize, serde::Deserialize, Event)]
/// # #[event(type = "card_laid", version = 1)]
/// # pub struct CardLaid { pub rank: u8 }
///
/// #[derive(Event)]
/// enum TableEvent {
///     Laid(CardLaid),
///     #[event(other)]
///     Other(RecordedEvent),
/// }
/// assert_eq!(TableEvent::TYPES, ["card_laid"]);
/// ```
///
/// Each variant holds one event. `#[event(other)]` marks the variant that takes events of every other type;
/// without it they are an error. The enum itself takes only `crate`.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    derive(&item).into()
}

/// Implements `Shape` for a type inside of events: what it looks like in JSON, by serde's attributes.
///
/// The type may be generic. A field takes `#[event(shape = "…")]`, words of the lock file such as `uuid`, `datetime`,
/// `string`, `list of u32`, or words of one's own; or `#[event(opaque)]`.
///
/// ```
/// use event_core::Shape;
/// use event_core::shape::form_of;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Shape)]
/// #[serde(rename_all = "camelCase")]
/// struct Seat {
///     player_id: String,
///     #[serde(default)]
///     team: Option<u8>,
/// }
/// let lines: Vec<String> = form_of::<Seat>().lines().iter().map(ToString::to_string).collect();
/// assert_eq!(lines, ["playerId: string", "team: option u8, may be missing"]);
/// ```
#[proc_macro_derive(Shape, attributes(event))]
pub fn derive_shape(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    shape_of(&item).into()
}

fn derive(item: &DeriveInput) -> proc_macro2::TokenStream {
    expand::derive_event(item, &input::read(item))
}

fn shape_of(item: &DeriveInput) -> proc_macro2::TokenStream {
    expand::derive_shape(item, &input::read_shape(item))
}
