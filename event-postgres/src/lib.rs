//! The PostgreSQL backend of [`event-core`](event_core): a store in a schema of a database, on PostgreSQL 14 or newer.
//!
//! # Open, append, read
//!
//! A binary that mentions this crate (`use event_postgres as _;`) opens `postgres://` and `postgresql://` URLs with
//! [`EventStore::connect`](event_core::EventStore::connect). The schema is created and migrated on connecting.
//!
//! ```no_run
//! use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, StreamId};
//! use event_postgres as _; // a backend that is only in Cargo.toml is not linked
//!
//! #[derive(Debug, serde::Serialize, serde::Deserialize, Event)]
//! #[event(type = "opened", version = 1)]
//! struct Opened { by: String }
//!
//! # async fn run() -> event_core::Result<()> {
//! let store = EventStore::connect("postgres://bot:secret@localhost/games").await?;
//! let door = StreamId::new("door-1")?;
//! store.append(&door, ExpectedVersion::NoStream, [Opened { by: "ann".into() }]).await?;
//! for event in store.read_stream(&door, ReadOptions::forward()).await? {
//!     let Opened { by } = event.decode()?;
//!     println!("{by}");
//! }
//! # Ok(()) }
//! ```
//!
//! # Options
//!
//! The keys of the URL are those of [`PgOptions`]: the schema, the size of the pool, timeouts, a pooler in between, standbys
//! that serve reads. [`PgAdapter`] has what only PostgreSQL offers: [`PgAdapter::append_in`] for events and rows of one transaction,
//! [`PgAdapter::grant_to`], [`PgAdapter::stall`]. Keep it when it is opened from options, or get it from a store that was opened by
//! URL: `store.backend::<PgAdapter>()`.
//!
//! ```no_run
//! # async fn open() -> event_core::Result<()> {
//! # use std::sync::Arc;
//! # use event_core::EventStore;
//! # use event_postgres::PgOptions;
//! let options: PgOptions = "postgres://bot:secret@localhost/games?schema=events".parse()?;
//! let adapter = Arc::new(options.pool_size(16).connect().await?);
//! let store = EventStore::new(Arc::clone(&adapter))?;
//! # drop(store);
//! # Ok(()) }
//! ```
//!
//! # Read models
//!
//! A [`PgProjection`] folds the log into tables, each event exactly once, and may be behind: [`PgAdapter::projector`] runs
//! it. A [`PgInlineProjection`] is written in the transaction of the append, and refuses it by an error: it is added with
//! [`PgAdapter::inline`].
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use event_postgres::{PgInlineProjection, PgOptions, PgProjection};
//! # async fn run(options: PgOptions, names: impl PgInlineProjection, doors: impl PgProjection) -> event_core::Result<()> {
//! let adapter = Arc::new(options.connect().await?.inline(names));
//! let mut projector = adapter.projector(doors).await?;
//! projector.catch_up().await?;
//! projector.switch().await?; // readers read this build from now on
//! projector.run().await
//! # }
//! ```
//!
//! # What holds
//!
//! - An append is one round trip and one transaction, whatever its expected version and size. One that an inline projection
//!   takes part in needs a round trip more for each statement.
//! - Within a stream, positions follow versions; a read of all streams returns only what no later commit can come before.
//! - The tables are private: their shape may change with any version. Read models are the place for own queries.

mod adapter;
mod append;
mod backward;
mod census;
mod checkpoints;
mod documents;
mod epoch;
mod error;
mod expected;
mod finality;
mod frontier;
mod grant;
mod health;
mod import;
mod inline;
mod inline_models;
mod inspect;
mod keeper;
mod lineage;
mod link;
mod listener;
mod migrate;
mod notifier;
mod options;
mod patience;
mod pool;
mod pooler;
mod projection;
mod read;
mod read_models;
mod replica;
mod row;
mod schema;
mod sequences;
mod snapshots;
mod soundness;
mod sql;
mod sqlstate;
mod stall;
mod start;
mod status;
mod store;
mod stream;
mod stride;
mod subscription;
mod tail;
mod tokens;
mod turns;
mod verify;
mod writer;

pub use event_core::projection::InlineEvent;
pub use event_sql::projector::{CatchUp, Progress, ProjectionStatus, Projector};

pub use crate::adapter::PgAdapter;
pub use crate::inline::{PgInlineProjection, inline};
pub use crate::inspect::{Inspection, OldTransaction};
pub use crate::options::{PgOptions, PoolerMode};
pub use crate::projection::{PgBuild, PgProjection, PgProjector};
pub use crate::sequences::SequenceBehind;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
