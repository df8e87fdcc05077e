//! What `doctor` knows of a backend: its settings, its room, and who holds what up.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::Duration;

use event_core::EventStore;

use crate::command::finding::Found;
use crate::failure::Failure;

/// Adds what costs safety or speed, and transactions that are older than this.
pub(super) async fn examine(
    store: &EventStore,
    old: Duration,
    all: &mut Vec<Found>,
) -> Result<(), Failure> {
    #[cfg(feature = "postgres")]
    if let Some(adapter) = store.backend::<event_postgres::PgAdapter>() {
        postgres::examine(adapter, old, all).await?;
    }
    #[cfg(feature = "sqlite")]
    if let Some(adapter) = store.backend::<event_sqlite::SqliteAdapter>() {
        sqlite::examine(adapter, all).await?;
    }
    let _ = (store, old, all);
    Ok(())
}
