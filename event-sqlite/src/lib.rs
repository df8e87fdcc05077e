//! The SQLite backend of [`event-core`](event_core): a store in one file, without a server.
//!
//! # Open, append, read
//!
//! A binary that mentions this crate (`use event_sqlite as _;`) opens `sqlite:path` and `sqlite://path` URLs with
//! [`EventStore::connect`](event_core::EventStore::connect). The file is created and migrated on opening.
//!
//! ```
//! use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, StreamId};
//! use event_sqlite as _; // a backend that is only in Cargo.toml is not linked
//!
//! #[derive(Debug, serde::Serialize, serde::Deserialize, Event)]
//! #[event(type = "opened", version = 1)]
//! struct Opened { by: String }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> event_core::Result<()> {
//! # let path = std::env::temp_dir().join(format!("event-sqlite-front-{}.db", std::process::id()));
//! # let url = format!("sqlite:{}", path.display());
//! let store = EventStore::connect(&url).await?; // "sqlite:doors.db"
//! let door = StreamId::new("door-1")?;
//! store.append(&door, ExpectedVersion::NoStream, [Opened { by: "ann".into() }]).await?;
//! let events = store.read_stream(&door, ReadOptions::forward()).await?;
//! assert_eq!(events[0].decode::<Opened>()?.by, "ann");
//! # store.close().await;
//! # std::fs::remove_file(path).unwrap();
//! # Ok(()) }
//! ```
//!
//! # Options
//!
//! The keys of the URL are those of [`SqliteOptions`]: when an append is acknowledged, how long to wait for another program,
//! how large the file may grow. `store.backup(path)` copies the file while it is in use. [`SqliteAdapter`] has what only a file
//! offers, such as [`SqliteAdapter::check`]. Keep it when it is opened from options, or get it from a store that was opened by
//! URL: `store.backend::<SqliteAdapter>()`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> event_core::Result<()> {
//! # use std::sync::Arc;
//! # use event_core::EventStore;
//! # use event_sqlite::SqliteOptions;
//! # let path = std::env::temp_dir().join(format!("event-sqlite-options-{}.db", std::process::id()));
//! let adapter = Arc::new(SqliteOptions::new(&path).readers(8).connect().await?);
//! let store = EventStore::new(Arc::clone(&adapter))?;
//! adapter.check().await?;
//! # store.close().await;
//! # std::fs::remove_file(path).unwrap();
//! # Ok(()) }
//! ```
//!
//! # Read models
//!
//! A [`SqliteProjection`] folds the log into tables of the file, each event exactly once, and may be behind:
//! [`SqliteAdapter::projector`] runs it. A [`SqliteInlineProjection`] is written in the transaction of the append, and
//! refuses it by an error: it is added with [`SqliteAdapter::inline`].
//!
//! ```
//! # use std::sync::Arc;
//! # use event_sqlite::{SqliteInlineProjection, SqliteOptions, SqliteProjection};
//! # async fn run(names: impl SqliteInlineProjection, doors: impl SqliteProjection) -> event_core::Result<()> {
//! let adapter = Arc::new(SqliteOptions::new("doors.db").connect().await?.inline(names));
//! let mut projector = adapter.projector(doors).await?;
//! projector.catch_up().await?;
//! projector.switch().await?; // readers read this build from now on
//! projector.run().await
//! # }
//! ```
//!
//! # What holds
//!
//! - An append is on the disk when it is acknowledged; appends that wait at the same time share one transaction and one
//!   wait for the disk, each on its own terms.
//! - Readers never wait for the writer. Several programs of one machine may use a file at the same time.
//! - The queue of appends, imports, inline appends, changes of streams, links, snapshots, the leases and checkpoints of
//!   subscriptions, the transactions of projections and the tail run on a thread of the store's own: a runtime that sleeps
//!   or ends delays no append of another one. Reads, and the handlers of subscriptions, run where they are polled.
//! - The tables are private: their shape may change with any version. Read models are the place for own queries.

mod adapter;
mod append;
mod backup;
mod census;
mod checkpoints;
mod checkpoints_on_thread;
mod documents;
mod epoch;
mod error;
mod health;
mod identity;
mod import;
mod inline;
mod inline_models;
mod inspect;
mod lineage;
mod link;
mod migrate;
mod names;
mod network;
mod on_thread;
mod options;
mod pool;
mod projection;
mod read;
mod read_models;
mod row;
mod schema;
mod snapshots;
mod sql;
mod start;
mod store;
mod stream;
mod subscription;
mod tail;
mod thread;
mod verify;
mod writer;

pub use event_core::projection::InlineEvent;
pub use event_sql::projector::{CatchUp, Progress, ProjectionStatus, Projector};

pub use crate::adapter::SqliteAdapter;
pub use crate::inline::{SqliteInlineProjection, inline};
pub use crate::inspect::Inspection;
pub use crate::options::{SqliteOptions, Synchronous};
pub use crate::projection::{SqliteBuild, SqliteProjection, SqliteProjector, SqliteTables};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
