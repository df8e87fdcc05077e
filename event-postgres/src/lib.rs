//! The PostgreSQL backend of `event-core`.

mod adapter;
mod append;
mod census;
mod checkpoints;
mod error;
mod expected;
mod frontier;
mod grant;
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
mod snapshots;
mod sql;
mod stall;
mod start;
mod status;
mod store;
mod stream;
mod tail;
mod writer;

pub use event_core::projection::InlineEvent;
pub use event_sql::projector::{CatchUp, Progress, ProjectionStatus, Projector};

pub use crate::adapter::PgAdapter;
pub use crate::inline::PgInlineProjection;
pub use crate::options::{PgOptions, PoolerMode};
pub use crate::projection::{PgBuild, PgProjection, PgProjector};
