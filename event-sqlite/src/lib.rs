//! The SQLite backend of `event-core`: the whole contract on one file, without a server.
//!
//! A binary that mentions this crate (`use event_sqlite as _;`) opens `sqlite:path` and `sqlite://path` URLs with
//! `EventStore::connect`; [`SqliteAdapter`] opens them directly. The file is created and migrated on opening.
//!
//! ```no_run
//! use event_sqlite::{SqliteAdapter, SqliteOptions};
//!
//! # async fn open() -> event_core::Result<()> {
//! let options: SqliteOptions = "sqlite:games.db?busy_timeout_ms=10000".parse()?;
//! let adapter = SqliteAdapter::connect_with(options.readers(8)).await?;
//! # drop(adapter);
//! # Ok(())
//! # }
//! ```
//!
//! What holds: an append is on the disk when it is answered; appends that wait at the same time share one transaction
//! and one wait for the disk, each on its own terms; readers never wait for the writer. Several programs of one machine
//! may use a file at the same time. The tables are private: their shape may change with any version.

mod adapter;
mod append;
mod census;
mod checkpoints;
mod error;
mod import;
mod inline;
mod link;
mod migrate;
mod names;
mod network;
mod options;
mod pool;
mod projection;
mod read;
mod row;
mod snapshot;
mod sql;
mod stream;
mod tail;
mod writer;

pub use crate::adapter::SqliteAdapter;
pub use crate::inline::SqliteInline;
pub use crate::options::{SqliteOptions, Synchronous};
pub use crate::projection::{SqliteBuild, SqliteProjection, SqliteProjector, Tables};
