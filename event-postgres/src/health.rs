//! The health of a store on PostgreSQL: one question to the server, and a look at the pool and the frontier.

use event_core::health::Health;
use event_core::{Error, Result};
use tokio::time::Instant;

use crate::adapter::PgAdapter;
use crate::row::Cells;

const OPERATION: &str = "ask for the store's health";

/// How the store is now.
pub(crate) async fn of(adapter: &PgAdapter) -> Result<Health> {
    let (pool, sql) = adapter.parts();
    let asked = Instant::now();
    let rows = pool.fetch(OPERATION, sql.health.query()).await?;
    let latency = asked.elapsed();
    let Some(row) = rows.first() else {
        return Err(Error::adapter(OPERATION, "no answer"));
    };
    let cells = Cells::new(row);
    let mut health = Health::new(format!("PostgreSQL {}", cells.get::<String>("server")?), latency);
    health.read_only = cells.get("read_only")?;
    health.schema_version = Some(cells.get("schema_version")?);
    health.pool = Some(pool.usage());
    health.stall = adapter.stall().await?;
    Ok(health)
}
