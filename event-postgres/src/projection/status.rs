//! How far a build is, from its row.

use std::time::Duration;

use event_core::{EventId, Position, Result};
use event_sql::projector::{ProjectionStatus, wait_for};
use sqlx::postgres::PgRow;

use crate::adapter::PgAdapter;
use crate::row::Cells;

impl PgAdapter {
    /// How far a build of a projection is; without a number, the one that is current. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) and its kin.
    pub async fn projection_status(
        &self,
        name: &str,
        build: Option<u32>,
    ) -> Result<Option<ProjectionStatus>> {
        let (pool, sql) = self.parts();
        let build = build.map(|build| i32::try_from(build).unwrap_or(i32::MAX));
        let query = sql.projection.query().bind(name.to_owned()).bind(build);
        let rows = pool.fetch("look up a projection", query).await?;
        rows.first().map(read).transpose()
    }

    /// Waits until the current build of a projection has come to a position, and says whether it did in time: a writer
    /// that reads what it wrote gives the position of its append.
    ///
    /// It asks the database, so it does not matter which process runs the projection.
    ///
    /// # Errors
    /// As [`PgAdapter::projection_status`]. A projection that does not exist is waited for.
    pub async fn wait_for_projection(
        &self,
        name: &str,
        position: Position,
        at_most: Duration,
    ) -> Result<bool> {
        wait_for(position, at_most, || self.projection_status(name, None)).await
    }
}

fn read(row: &PgRow) -> Result<ProjectionStatus> {
    let cells = Cells::new(row);
    let position = |number: i64| cells.checked(Position::try_from(number));
    let id: Option<uuid::Uuid> = cells.get("event_id")?;
    let event_position: Option<i64> = cells.get("event_position")?;
    let last_event_at = match id {
        Some(_) => Some(cells.time("event_at")?),
        None => None,
    };
    Ok(ProjectionStatus {
        build: cells.checked(u32::try_from(cells.get::<i32>("build")?))?,
        schema: cells.get("schema_name")?,
        is_current: cells.get("is_current")?,
        position: position(cells.get("position")?)?,
        events: cells.checked(u64::try_from(cells.get::<i64>("events")?))?,
        last_event_at,
        last_event: match (id, event_position) {
            (Some(id), Some(at)) => Some((EventId::from_uuid(id), position(at)?)),
            _ => None,
        },
        filter: cells.get("filter")?,
    })
}
