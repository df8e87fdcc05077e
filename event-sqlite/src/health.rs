//! The health of the store: one question to the file.

use event_core::Result;
use event_core::health::Health;
use tokio::time::Instant;

use crate::row::Cells;
use crate::sql;
use crate::store::Store;

/// The health now.
pub(crate) async fn of(store: &Store) -> Result<Health> {
    let asked = Instant::now();
    let row = store.fetch_one("ask for the store's health", sql::HEALTH.query()).await?;
    let latency = asked.elapsed();
    let cells = Cells::new(&row);
    let mut health = Health::new(format!("SQLite {}", cells.first::<String>()?), latency);
    health.schema_version = Some(cells.get("schema_version")?);
    Ok(health)
}
