//! Test helpers for crates that use `event-core`: a lock on the shapes of stored events, golden payloads, scenarios, and a
//! contract suite for storage adapters. It is a dev-dependency.
//!
//! It is no test framework and no mock: tests stay plain `#[test]` functions, and stores are real ones (the in-memory store
//! of `event-core` is a complete adapter).
//!
//! | You write | Use |
//! |---|---|
//! | events | [`lock::check`], [`lock::golden`], [`stored`], [`upcasts_never_fail`], [`arbitrary`] |
//! | aggregates | [`given`] past events, [`when`](Given::when) a decision is made, [`then`](When::then) these events |
//! | consumers | [`Sightings`] |
//! | a storage backend | [`adapter_contract!`], [`durable_contract!`], [`import_contract!`] |
//!
//! The examples below use this event, in its second version:
//!
//! ```
//! use event_core::Event;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! #[event(type = "card_drawn", version = 1)]
//! struct CardDrawnV1 { rank: u8 }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! #[event(type = "card_drawn", version = 2, from = CardDrawnV1)]
//! struct CardDrawn { rank: u8, suit: Option<String> }
//!
//! impl From<CardDrawnV1> for CardDrawn {
//!     fn from(old: CardDrawnV1) -> Self { Self { rank: old.rank, suit: None } }
//! }
//! ```
//!
//! # The lock
//!
//! Stored events cannot change, so the struct of a stored version must not change either. One test in the crate of the
//! events makes sure:
//!
//! ```
//! #[test]
//! fn events_are_locked() {
//!     event_testing::lock::check(env!("CARGO_PKG_NAME"), env!("CARGO_MANIFEST_DIR"));
//! }
//! ```
//!
//! `EVENTS_LOCK=bless cargo test` records new versions in the file `events.lock`, one block each:
//!
//! ```
//! # use event_core::Event;
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! # #[event(type = "card_drawn", version = 2, since = 2)]
//! # struct CardDrawn { rank: u8, suit: Option<String> }
//! use event_core::registry::Registration;
//! use event_testing::lock::{Block, Impact, LockFile, diff};
//!
//! let block = Block::of(&Registration::of::<CardDrawn>().shape());
//! let lines: Vec<String> = block.lines().iter().map(ToString::to_string).collect();
//! assert_eq!(lines, ["rank: u8", "suit: option string"]);
//!
//! // Between two releases, `diff` classifies what changed for users of the crate.
//! let text = format!("format 1\ncrate cards\n\nevent card_drawn v2 {:016x}\n  {}\n\nend\n", block.fingerprint(), lines.join("\n  "));
//! let (old, new): (LockFile, LockFile) = (LockFile::new("cards"), text.parse()?);
//! assert_eq!(diff(&old, &new)[0].impact, Impact::Additive);
//! assert_eq!(diff(&new, &old)[0].impact, Impact::Breaking);
//! # Ok::<(), event_testing::lock::LockError>(())
//! ```
//!
//! # Golden payloads
//!
//! Beside the lock, `fixtures/card_drawn.v1.json` holds one payload as version 1 stored it. [`lock::check`] decodes it along
//! every path of migrations, and so can every crate that adds a migration:
//!
//! ```
//! # use event_core::Event;
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! # #[event(type = "card_drawn", version = 1)]
//! # struct CardDrawnV1 { rank: u8 }
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! # #[event(type = "card_drawn", version = 2, from = CardDrawnV1)]
//! # struct CardDrawn { rank: u8, suit: Option<String> }
//! # impl From<CardDrawnV1> for CardDrawn { fn from(old: CardDrawnV1) -> Self { Self { rank: old.rank, suit: None } } }
//! use event_core::serde_json::json;
//! use event_testing::lock::golden::{self, Golden};
//! use event_testing::stored;
//!
//! golden::check(&[Golden { name: "card_drawn.v1", json: r#"{ "rank": 7 }"# }]);
//!
//! // A single payload, with the event that it has to decode to, or the error.
//! stored::<CardDrawn>(1, json!({ "rank": 7 })).reads_as(&CardDrawn { rank: 7, suit: None });
//! stored::<CardDrawn>(1, json!({ "rank": "seven" })).fails("does not fit at `rank`");
//! ```
//!
//! # Scenarios
//!
//! A decision of an aggregate is a function of its state, and the state follows from past events:
//!
//! ```
//! # use event_core::{Aggregate, Event};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! # #[event(type = "card_drawn", version = 2, since = 2)]
//! # struct CardDrawn { rank: u8, suit: Option<String> }
//! # fn drawn(rank: u8) -> CardDrawn { CardDrawn { rank, suit: None } }
//! use event_testing::given;
//!
//! #[derive(Debug, PartialEq, Event)]
//! enum DeckEvent { CardDrawn(CardDrawn) }
//!
//! #[derive(Default)]
//! struct Deck { drawn: u8 }
//!
//! impl Aggregate for Deck {
//!     type Event = DeckEvent;
//!     fn apply(&mut self, _: DeckEvent) { self.drawn += 1; }
//! }
//!
//! let draw = |deck: &Deck| if deck.drawn < 2 { Ok([drawn(9)]) } else { Err("the deck is empty") };
//! given::<Deck>([drawn(7)]).when(draw).then([drawn(9)]);
//! assert_eq!(given::<Deck>([drawn(7), drawn(8)]).when(draw).refused(), "the deck is empty");
//! ```
//!
//! # The contract of adapters
//!
//! One line instantiates a test for each promise that `event-core` makes about every store:
//!
//! ```
//! event_testing::adapter_contract!(memory, async || event_core::MemoryAdapter::new());
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! // Each promise is also a function over an empty adapter.
//! let adapter = std::sync::Arc::new(event_core::MemoryAdapter::new());
//! event_testing::contract::delete::hard_deletion_removes_events(adapter).await;
//! # }
//! ```

#![allow(
    clippy::test_attr_in_doctest,
    reason = "the test of the lock is shown as its users write it"
)]

#[cfg(test)]
extern crate self as event_testing;

pub mod contract;
mod events;
pub mod lock;
mod payload;
mod scenario;
mod sightings;

pub use self::events::{Closed, Noted};
pub use self::payload::{arbitrary, arbitrary_payload, upcasts_never_fail, upcasts_never_fail_in};
pub use self::scenario::{Given, Stored, When, given, stored};
pub use self::sightings::{Sightings, Tally};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
