//! Typed, versioned events and a store for them. An event is a Rust struct with a type and a version; events of older
//! versions are migrated when they are read, and a version without a migration from the ones before it does not compile.
//!
//! It is not a database, a message broker or an ORM: [`EventStore`] keeps events in memory, in a SQLite file or in
//! PostgreSQL, and this crate itself does no I/O.
//!
//! # Append and read
//!
//! Events belong to streams, one stream for each thing that has a history. The writer states which version of the stream
//! it expects; if another writer was faster, nothing is stored and the conflict is returned.
//!
//! ```standalone_crate
//! use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, StreamId};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! #[event(type = "order_placed", version = 1)]
//! struct OrderPlaced {
//!     customer: String,
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> event_core::Result<()> {
//!     let store = EventStore::in_memory()?;
//!     let order = StreamId::new("order-17")?;
//!     let placed = OrderPlaced { customer: "ann".into() };
//!     store.append(&order, ExpectedVersion::NoStream, [placed]).await?;
//!
//!     let page = store.read_stream(&order, ReadOptions::forward()).await?;
//!     assert_eq!(page[0].decode::<OrderPlaced>()?, OrderPlaced { customer: "ann".into() });
//!     Ok(())
//! }
//! ```
//!
//! # A second version of an event
//!
//! Stored events never change. When the struct has to, keep the old one and write a new version. Without `from` the
//! compiler asks for it:
//!
//! ```text
//! error: version 2 needs `from = …` naming the struct of version 1, or `since = 2` if version 1 was never stored
//! ```
//!
//! ```standalone_crate
//! # use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, StreamId};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! #[event(type = "order_placed", version = 1)]
//! struct OrderPlacedV1 {
//!     customer: String,
//! }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
//! #[event(type = "order_placed", version = 2, from = OrderPlacedV1)]
//! struct OrderPlaced {
//!     customer: String,
//!     channel: String,
//! }
//!
//! impl From<OrderPlacedV1> for OrderPlaced {
//!     fn from(old: OrderPlacedV1) -> Self {
//!         Self { customer: old.customer, channel: "shop".into() }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
//! # let store = EventStore::in_memory()?;
//! # let order = StreamId::new("order-17")?;
//! store.append(&order, ExpectedVersion::Any, [OrderPlacedV1 { customer: "ann".into() }]).await?;
//! let page = store.read_stream(&order, ReadOptions::forward()).await?;
//! assert_eq!(page[0].event_version().get(), 1); // as it was stored
//! assert_eq!(page[0].decode::<OrderPlaced>()?.channel, "shop"); // as the program knows it now
//! # Ok(()) }
//! ```
//!
//! Versions can also be migrated as JSON (`migrate(from = 1, with = function)`), without keeping the old struct. A test
//! keeps this safe over time: `event_testing::lock::check` of the crate `event-testing` records the shape of every version
//! in `events.lock`, and fails when a stored shape changes or disappears.
//!
//! # Decide on the state of a stream
//!
//! An [`Aggregate`] is state folded from one stream. Its events are an enum, so `match` covers all of them.
//! [`EventStore::decide`] loads the state, calls a closure with it, and appends the events that it returns. If another writer was
//! faster, it applies the later events and calls the closure again.
//!
//! ```standalone_crate
//! # use event_core::{Aggregate, DecideError, Event, EventStore, ExpectedVersion, StreamId, events};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize, Event)]
//! # #[event(type = "order_placed", version = 1)]
//! # struct OrderPlaced { customer: String }
//! # #[derive(Serialize, Deserialize, Event)]
//! # #[event(type = "order_shipped", version = 1)]
//! # struct OrderShipped { parcels: u32 }
//! #[derive(Event)]
//! enum OrderEvent {
//!     Placed(OrderPlaced),
//!     Shipped(OrderShipped),
//! }
//!
//! #[derive(Default)]
//! struct Order {
//!     is_shipped: bool,
//! }
//!
//! impl Aggregate for Order {
//!     type Event = OrderEvent;
//!
//!     fn apply(&mut self, event: OrderEvent) {
//!         match event {
//!             OrderEvent::Placed(_) => {}
//!             OrderEvent::Shipped(_) => self.is_shipped = true,
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
//! # let store = EventStore::in_memory()?;
//! # let id = StreamId::new("order-17")?;
//! # store.append(&id, ExpectedVersion::NoStream, events![OrderPlaced { customer: "ann".into() }]).await?;
//! let ship = |order: &Order| match order.is_shipped {
//!     true => Err("the order is shipped already"), // any type that says why
//!     false => Ok(vec![OrderEvent::Shipped(OrderShipped { parcels: 2 })]),
//! };
//! let shipped = store.decide::<Order>(&id).run(ship).await.unwrap();
//! assert!(shipped.state.is_shipped);
//!
//! let refused = store.decide::<Order>(&id).run(ship).await;
//! assert!(matches!(refused, Err(DecideError::Refused("the order is shipped already"))));
//! # assert!(store.recover::<Order>(&id).await?.state.is_shipped);
//! # Ok(()) }
//! ```
//!
//! With a [`CommandId`] a repeat of a decision is answered as the first time. [`EventStore::recover`] returns the state and its
//! version without deciding.
//!
//! # Follow everything
//!
//! A [`Subscription`] delivers what is stored and then what is committed next, in one global order. One that must resume
//! after a restart is durable: [`store.subscription("mail")`](EventStore::subscription) stores its checkpoint and delivers
//! each event at least once.
//!
//! Read models are folded from many streams, each event exactly once: a [`Projection`] in memory, a [`View`] as documents by key on
//! every backend, a [`TableProjection`] in tables that SQL queries. A view or table projection with
//! [`.inline(..)`](store::Connect::inline) is written in the transaction of the append, so it never lags.
//!
//! ```standalone_crate
//! # use event_core::{Event, EventStore, ExpectedVersion, Filter, Projection, RecordedEvent, StartFrom, StreamId};
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize, Event)]
//! # #[event(type = "order_placed", version = 1)]
//! # struct OrderPlaced { customer: String }
//! # #[derive(Event)]
//! # enum OrderEvent { Placed(OrderPlaced) }
//! #[derive(Default)]
//! struct Customers(Vec<String>);
//!
//! impl Projection for Customers {
//!     type Event = OrderEvent;
//!
//!     fn apply(&mut self, event: OrderEvent, _recorded: &RecordedEvent) {
//!         let OrderEvent::Placed(order) = event;
//!         self.0.push(order.customer);
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
//! # let store = EventStore::in_memory()?;
//! # let id = StreamId::new("order-17")?;
//! let orders = Filter::all().category("order"); // streams named `order-…`
//! let mut subscription = store.subscribe(StartFrom::Now, orders.clone()).await?;
//! let mut customers = store.project(Customers::default(), orders);
//!
//! let placed = OrderPlaced { customer: "ann".into() };
//! let appended = store.append(&id, ExpectedVersion::NoStream, [placed]).await?;
//!
//! let event = subscription.next().await.expect("a subscription has no end")?;
//! assert_eq!(event.decode::<OrderPlaced>()?.customer, "ann");
//! customers.wait_for(appended.position).await?; // the read model now includes this append
//! assert_eq!(customers.state().0, ["ann"]);
//! # Ok(()) }
//! ```
//!
//! # Choose a backend
//!
//! | Backend | Crate | URL | Use it for |
//! |---|---|---|---|
//! | memory | this one | `memory:` | tests and examples; lost when the process ends |
//! | SQLite | `event-sqlite` | `sqlite:shop.db` | the processes of one machine, without a server |
//! | PostgreSQL | `event-postgres` | `postgres://user@host/shop` | the processes of many machines |
//!
//! [`EventStore::connect`] opens any of them by URL. The application mentions the backend's crate once, with
//! `use event_sqlite as _;`, because a crate that is only in `Cargo.toml` is not linked. One test suite runs on all three, and
//! [`EventStore::copy_to`] moves everything from one to another.
//!
//! # Errors
//!
//! [`Error`] has a stable [`code`](Error::code) for logs and protocols, a [`category`](Error::category) that tells what the
//! caller can do, and [`is_transient`](Error::is_transient). Transient errors were retried already ([`RetryPolicy`]);
//! conflicts are never retried.
//!
//! ```
//! # use event_core::{Category, EventStore, ReadOptions, StreamId};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
//! # let store = EventStore::in_memory()?;
//! let error = store.read_stream(&StreamId::new("order-18")?, ReadOptions::forward()).await.unwrap_err();
//! assert_eq!(error.code(), "stream_not_found");
//! assert_eq!((error.category(), error.is_transient()), (Category::Concurrency, false));
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! `derive` (default) re-exports `#[derive(Event)]` and `#[derive(Shape)]` of the crate `event-derive`. `otel` writes the trace of
//! OpenTelemetry into metadata, and links the spans of handlers to it. `rust_decimal` and `url` describe the types `Decimal` and
//! `Url` of these crates in shapes.
//!
//! # Where to go next
//!
//! | Module | What it is for |
//! |---|---|
//! | [`store`] | the facade's transactions, retries and lazy reads |
//! | [`event`], [`shape`], [`registry`] | what the derive implements; every (type, version) a program knows |
//! | [`envelope`], [`value`] | new and recorded events; ids, names, versions, positions |
//! | [`aggregate`] | recovery reports and snapshots |
//! | [`decision`] | load, decide, append; idempotent commands |
//! | [`subscription`], [`broadcast`] | durable subscriptions; events by topic within a process |
//! | [`projection`] | read models |
//! | [`transfer`] | export, import and copies between backends |
//! | [`health`], [`error`] | health checks; all errors |
//! | [`adapter`] | for authors of backends |
//!
//! Guides are in the folder `docs/` of the repository: `shop.md` (a first application), `guarantees.md`, `evolving-events.md`,
//! `decisions.md`, `subscriptions.md`, `projections.md`, `patterns.md`, `operations.md`, `cli.md`, `console.md`, `browse.md`,
//! `benchmarks.md`.

#[cfg(test)]
extern crate self as event_core;

pub mod adapter;
pub mod aggregate;
pub mod decision;
pub mod envelope;
pub mod error;
pub mod event;
mod memory;
pub mod projection;
pub mod registry;
pub mod shape;
pub mod store;
pub mod subscription;
pub mod transfer;
pub mod value;

/// Committed events for listeners of the same process, by topic.
pub mod broadcast {
    pub use crate::subscription::broadcast::{
        Broadcast, Cached, Copies, EventCache, Listener, Message,
    };
}
/// The answer to a health check: latency, connections, and transactions that block readers; the verification of a store.
pub mod health {
    pub use crate::adapter::builds::ModelKind;
    pub use crate::adapter::health::{Blocker, Health, LogChange, PoolUse, Stall};
    pub use crate::adapter::projection_report::ProjectionReport;
    pub use crate::adapter::read_model_state::{BuildState, ReadModelInfo};
    pub use crate::adapter::verification::{Finding, Verification};
}
/// Sets as sorted lists in JSON: `#[serde(with = "event_core::plain_set")]`.
pub mod plain_set {
    pub use crate::envelope::plain_set::{deserialize, serialize};
}

#[doc(inline)]
pub use crate::{
    adapter::Adapter,
    adapter::append::{Appended, Outcome},
    adapter::open::Migrate,
    adapter::request::{AllOptions, ReadOptions},
    adapter::streams::{Delete, ListOptions, StreamInfo},
    aggregate::Aggregate,
    aggregate::report::Recovered,
    aggregate::snapshots::Snapshots,
    decision::Decided,
    decision::command::CommandId,
    decision::error::DecideError,
    envelope::new_event::NewEvent,
    envelope::proof::assert_disjoint,
    envelope::recorded::RecordedEvent,
    envelope::set::EventSet,
    error::{Category, Error, Result},
    event::migration::MigrationError,
    event::{AnyEvent, Event, InvalidEvent},
    memory::MemoryAdapter,
    projection::tables::{TableProjection, TablesTx},
    projection::view::{Keys, View},
    projection::{Effects, Projection},
    registry::Registry,
    registry::problem::RegistryErrors,
    shape::of::Shape,
    store::EventStore,
    store::builder::StoreBuilder,
    store::event_stream::EventStream,
    store::retry::RetryPolicy,
    subscription::filter::Filter,
    subscription::{StartFrom, Subscription},
    value::clock::Clock,
    value::expected_version::{Conflict, ExpectedVersion},
    value::id::EventId,
    value::metadata::Metadata,
    value::number::{BatchSize, InvalidBatchSize, Position, StreamVersion},
    value::scope::Scope,
    value::stream_id::{InvalidStreamId, StreamId, Tenant},
    value::version::EventVersion,
};
#[cfg(feature = "derive")]
#[doc(inline)]
pub use event_derive::{Event, Shape, link};
pub use serde_json;

/// Names for generated code; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use core::clone::Clone;
    pub use core::convert::{From, TryFrom};
    pub use core::option::Option::{self, None, Some};
    pub use core::primitive::str;
    pub use core::result::Result::{self, Err, Ok};
    pub use core::{env, file, line, module_path, stringify};
    pub use std::vec;

    pub use chrono::{DateTime, Utc};
    pub use inventory::submit;

    pub use crate::envelope::proof::{
        SetVariant, also_from, assert_distinct, json_chain, json_step, json_step_from, not_in_set,
        reappend, set_variant, typed_step,
    };
    pub use crate::error::Error;
    pub use crate::event::facts::Facts;
    pub use crate::event::history::{Also, History, JsonStep, Typed};
    pub use crate::event::{AnyEvent, Event, InvalidEvent, Origin};
    pub use crate::registry::registration::{ExtraMigration, Registration};
    pub use crate::{__facts as facts, __field as field, EventSet, NewEvent, RecordedEvent};
    pub use core::any::type_name;

    pub use crate::EventVersion;
    pub use crate::shape::of::Shape;
    pub use crate::shape::{
        FieldSpec, FieldsSpec, ForeignForm, Form, Probe, Shapes, Spec, Tagging, VariantSpec,
    };
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
