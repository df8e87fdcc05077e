//! The SQLite backend of `event-core`: the whole contract on one file, without a server.

mod adapter;
mod append;
mod census;
mod checkpoints;
mod error;
mod file;
mod health;
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
mod snapshots;
mod sql;
mod start;
mod store;
mod stream;
mod tail;
mod writer;

pub use event_core::projection::InlineEvent;
pub use event_sql::projector::{CatchUp, Progress, ProjectionStatus, Projector};

pub use crate::adapter::SqliteAdapter;
pub use crate::inline::SqliteInlineProjection;
pub use crate::options::{SqliteOptions, Synchronous};
pub use crate::projection::{SqliteBuild, SqliteProjection, SqliteProjector, SqliteTables};
