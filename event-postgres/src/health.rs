//! The health of the store: one question to the server, the use of the pool, and what blocks readers.

use event_core::Result;
use event_core::health::Health;
use tokio::time::Instant;

use crate::frontier::Frontier;
use crate::row::Cells;

/// The health now.
pub(crate) async fn of(frontier: &Frontier) -> Result<Health> {
    let (store, asked) = (frontier.store(), Instant::now());
    let row = store.fetch_one("ask for the store's health", store.sql.health.query()).await?;
    let latency = asked.elapsed();
    let cells = Cells::new(&row);
    let mut health = Health::new(format!("PostgreSQL {}", cells.get::<String>("server")?), latency);
    health.read_only = cells.get("read_only")?;
    health.schema_version = Some(cells.get("schema_version")?);
    health.pool = Some(store.pool.usage());
    health.stall = frontier.stall().await?;
    health.log_change = store.lineage.change();
    Ok(health)
}
