//! The health of the store: one question to the file, and whether it is still in its place.

use event_core::Result;
use event_core::health::Health;
use tokio::time::Instant;

use crate::epoch;
use crate::row::Cells;
use crate::sql;
use crate::store::Store;

const OPERATION: &str = "ask for the store's health";

/// The health now; an error where the file is not the one that was opened.
pub(crate) async fn of(store: &Store) -> Result<Health> {
    let asked = Instant::now();
    store.pool.prove(OPERATION).await?;
    let row = store.fetch_one(OPERATION, sql::HEALTH.query()).await?;
    let latency = asked.elapsed();
    epoch::now(store).await?;
    let cells = Cells::new(&row);
    let mut health = Health::new(format!("SQLite {}", cells.first::<String>()?), latency);
    health.schema_version = Some(cells.get("schema_version")?);
    health.write_ahead_bytes = Some(store.pool.write_ahead_bytes());
    health.log_change = store.lineage.change();
    Ok(health)
}
