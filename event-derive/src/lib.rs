//! Derive macros for typed, versioned events: `#[derive(Event)]` and `#[derive(Shape)]`.
//!
//! `event-core` re-exports both macros; depend on that crate, not on this one. This crate only generates code: it has
//! no runtime part, keeps no state and reads no files.
//!
//! On a struct, `#[derive(Event)]` makes one version of one event. It
//!
//! - implements `Event` with the type string and the version, and registers the pair, so that a registry finds it;
//! - claims the pair: a second struct with the same pair in the crate does not compile;
//! - proves that the version before leads to this one: a missing step does not compile;
//! - describes the JSON of the event (`Shape`), for `events.lock`, catalogues and test helpers.
//!
//! On an enum it makes a closed set of events. `#[derive(Shape)]` is for the types inside events.
//!
//! # The first version of an event
//!
//! ```
//! use event_core::{Event, NewEvent};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event(type = "card_dealt", version = 1)]
//! struct CardDealt {
//!     rank: u8,
//! }
//!
//! assert_eq!((CardDealt::TYPE, CardDealt::VERSION.get()), ("card_dealt", 1));
//! let event = NewEvent::from(CardDealt { rank: 7 });
//! assert_eq!(event.event_type(), "card_dealt");
//! ```
//!
//! # A second version
//!
//! Rename the struct of the first version and keep it. The new struct names it with `from`, and `From` or `TryFrom`
//! makes the one from the other. Stored events do not change; they are migrated when they are read.
//!
//! ```
//! use event_core::serde_json::json;
//! use event_core::{Event, EventVersion, Registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event(type = "card_drawn", version = 1)]
//! struct CardDrawnV1 {
//!     rank: u8,
//! }
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event(type = "card_drawn", version = 2, from = CardDrawnV1)]
//! struct CardDrawn {
//!     rank: u8,
//!     suit: Option<String>,
//! }
//!
//! impl From<CardDrawnV1> for CardDrawn {
//!     fn from(old: CardDrawnV1) -> Self {
//!         Self { rank: old.rank, suit: None }
//!     }
//! }
//!
//! let registry = Registry::builder().event::<CardDrawn>().build()?;
//! let stored = json!({ "rank": 7 });
//! let latest = registry.migrate("card_drawn", stored, EventVersion::FIRST, CardDrawn::VERSION)?;
//! assert_eq!(latest, json!({ "rank": 7, "suit": null }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without `from`, the compiler says what is missing:
//!
//! ```text
//! error: version 2 needs `from = …` naming the struct of version 1, or `since = 2` if version 1 was never stored
//!  --> src/lib.rs:11:40
//!    |
//! 11 | #[event(type = "card_drawn", version = 2)]
//!    |                                        ^
//! ```
//!
//! # Steps over stored JSON
//!
//! Where the struct of an old version is not worth keeping, `migrate` names a function that changes its JSON. There is
//! one step for each version that was ever stored.
//!
//! ```
//! use event_core::serde_json::{Value, json};
//! use event_core::{Event, EventVersion, MigrationError, Registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event(type = "seat_taken", version = 3)]
//! #[event(migrate(from = 1, with = add_row), migrate(from = 2, with = seat_to_text))]
//! struct SeatTaken {
//!     row: u8,
//!     seat: String,
//! }
//!
//! fn add_row(mut data: Value) -> Result<Value, MigrationError> {
//!     data["row"] = 1.into();
//!     Ok(data)
//! }
//!
//! fn seat_to_text(mut data: Value) -> Result<Value, MigrationError> {
//!     let seat = data["seat"].as_u64().ok_or("`seat` is not a number")?;
//!     data["seat"] = seat.to_string().into();
//!     Ok(data)
//! }
//!
//! let registry = Registry::builder().event::<SeatTaken>().build()?;
//! let stored = json!({ "seat": 12 });
//! let latest = registry.migrate("seat_taken", stored, EventVersion::FIRST, SeatTaken::VERSION)?;
//! assert_eq!(latest, json!({ "row": 1, "seat": "12" }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A closed set
//!
//! Each variant of the enum holds one event. A `match` over the set is exhaustive, so a new event does not compile
//! until every `match` handles it.
//!
//! ```
//! use event_core::{Event, EventSet, NewEvent, RecordedEvent};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event(type = "card_laid", version = 1)]
//! struct CardLaid {
//!     rank: u8,
//! }
//!
//! #[derive(Event)]
//! enum TableEvent {
//!     Laid(CardLaid),
//!     #[event(other)]
//!     Other(RecordedEvent),
//! }
//!
//! assert_eq!(TableEvent::TYPES, ["card_laid"]);
//! let event = TableEvent::from(CardLaid { rank: 7 });
//! assert_eq!(NewEvent::from(event).event_type(), "card_laid");
//! ```
//!
//! The variant marked `other` holds the events of every other type. In a set without it, decoding such an event is an
//! error.
//!
//! # A new name for a type
//!
//! An `alias` is an earlier type string. Events stored under it are read as this event; new ones get the new name.
//!
//! ```
//! use event_core::serde_json::json;
//! use event_core::serde_json::value::to_raw_value;
//! use event_core::{Event, Registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! #[event(type = "card_discarded", version = 1, alias = "card_thrown")]
//! struct CardDiscarded {
//!     rank: u8,
//! }
//!
//! let registry = Registry::builder().event::<CardDiscarded>().build()?;
//! let stored = to_raw_value(&json!({ "rank": 7 }))?;
//! let event = registry.decode("card_thrown", CardDiscarded::VERSION, &stored)?;
//! assert_eq!(event.downcast_ref::<CardDiscarded>(), Some(&CardDiscarded { rank: 7 }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The keys of `#[event(...)]`
//!
#![doc = include_str!("grammar.md")]
//!
//! Several `#[event(...)]` attributes on one item count as one.
//!
//! # Mistakes
//!
//! A mistake is reported at the token that is wrong, and all mistakes of an item are reported at once. A stub then takes
//! the place of the missing impls, so that code that uses the item reports no errors of its own.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod attr;
mod check;
mod errors;
mod expand;
mod input;
mod key;
mod link;
mod model;
mod shape;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Implements `Event` for a struct, or `EventSet` for an enum of events.
///
/// The struct is one version of one event; it implements serde's `Serialize` and `Deserialize` as well. The
/// [front page](crate) of this crate has examples of second versions, closed sets and aliases.
///
/// ```
/// use event_core::{Event, EventSet};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event(type = "card_played", version = 1)]
/// struct CardPlayed {
///     rank: u8,
/// }
///
/// #[derive(Event)]
/// enum CardEvent {
///     Played(CardPlayed),
/// }
///
/// assert_eq!((CardPlayed::TYPE, CardPlayed::VERSION.get()), ("card_played", 1));
/// assert_eq!(CardEvent::TYPES, ["card_played"]);
/// ```
///
/// # Keys
///
#[doc = include_str!("grammar.md")]
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    derive(&item).into()
}

/// Implements `Shape` for a type inside events: what it looks like in JSON, by serde's attributes.
///
/// The type may be generic. A field takes `#[event(shape = "…")]`, the form in words where the type does not show it: words
/// of the lock file such as `uuid`, `datetime`, `string`, `list of u32`, which `Form::fixed` lists, or custom ones, with a
/// value in JSON for generated payloads: `#[event(shape = "money", sample = { "cents": 150 })]`. With `#[event(opaque)]` the
/// form is the text of the type.
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
///
/// let lines: Vec<String> = form_of::<Seat>().lines().iter().map(ToString::to_string).collect();
/// assert_eq!(lines, ["playerId: string", "team: option u8, may be missing"]);
/// ```
#[proc_macro_derive(Shape, attributes(event))]
pub fn derive_shape(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    shape_of(&item).into()
}

/// Links event crates, and rejects a (type, version) that two of them define, at `cargo check` time.
///
/// Call it once at the root of the application or of an integration test. It also defines `linked_events()`, the list
/// for `RegistryBuilder::expect_crates`: on platforms that do not run
/// constructors before `main` (static libraries, Miri), a crate that registered nothing is then an error.
///
/// A clash is reported from the first crate of the list to the later of the two that define the version; `Registry::check`
/// tells both with file and line.
///
/// Name each crate that defines events once. A crate that re-exports the root of another named crate is reported as a
/// duplicate. Events of the application crate itself are not checked: define events in libraries.
///
/// ```
/// # mod root { // an application says `event_core::link!(game_events, arena_events);`
/// # }
/// # mod stand_in { pub const fn linked_events() -> &'static [&'static str] { &[] } }
/// # use stand_in::linked_events;
/// let registry = event_core::Registry::builder()
///     .inventory()
///     .expect_crates(linked_events().iter().copied())
///     .build()?;
/// # Ok::<(), event_core::RegistryErrors>(())
/// ```
#[proc_macro]
pub fn link(crates: TokenStream) -> TokenStream {
    link::expand(crates.into()).into()
}

fn derive(item: &DeriveInput) -> proc_macro2::TokenStream {
    expand::derive_event(item, &input::read(item))
}

fn shape_of(item: &DeriveInput) -> proc_macro2::TokenStream {
    expand::derive_shape(item, &input::read_shape(item))
}
