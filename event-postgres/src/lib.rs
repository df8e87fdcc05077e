//! The PostgreSQL backend of `event-core`.
//!
//! A binary that mentions this crate (`use event_postgres as _;`) opens `postgres://` and `postgresql://` URLs with
//! `EventStore::connect`; [`PgAdapter`] opens them directly. The schema is created and migrated on connecting.
//!
//! ```no_run
//! use event_postgres::{PgAdapter, PgOptions};
//!
//! # async fn open() -> event_core::Result<()> {
//! let options: PgOptions = "postgres://bot:secret@db/games?schema=events".parse()?;
//! let adapter = PgAdapter::connect_with(options.pool_size(16)).await?;
//! # drop(adapter);
//! # Ok(())
//! # }
//! ```
//!
//! What holds: an append is one round trip and one transaction, whatever its expected version and size; within a
//! stream positions follow versions; [`read_all`](event_core::adapter::Adapter::read_all) returns only what no later commit
//! can get in front of. The tables are private: their shape may change with any version.

mod adapter;
mod append;
mod append_in;
mod census;
mod checkpoints;
mod error;
mod frontier;
mod health;
mod import;
mod inline;
mod link;
mod listener;
mod migrate;
mod notifier;
mod options;
mod pool;
mod pooler;
mod projection;
mod read;
mod replica;
mod row;
mod snapshot;
mod sql;
mod stall;
mod start;
mod status;
mod stream;
mod tail;
mod writer;

pub use event_core::projection::InlineEvent;
pub use event_sql::projector::{Progress, ProjectionStatus};

pub use crate::adapter::PgAdapter;
pub use crate::inline::InlineProjection;
pub use crate::options::PgOptions;
pub use crate::pooler::PoolerMode;
pub use crate::projection::{PgBuild, PgProjection, PgProjector};
