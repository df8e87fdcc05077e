//! How far a build is, from its row.

use std::time::Duration;

use event_core::{EventId, Position, Result};
use event_sql::projector::{ProjectionStatus, wait_for};
use sqlx::sqlite::SqliteRow;

use crate::adapter::SqliteAdapter;
use crate::row::{Cells, time};
use crate::sql::{self, SqliteQuery};

impl SqliteAdapter {
    /// How far a build of a projection is; without a number, the one that is current. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) and its kin.
    pub async fn projection_status(
        &self,
        name: &str,
        build: Option<u32>,
    ) -> Result<Option<ProjectionStatus>> {
        let rows = self.pool().fetch("look up a projection", find(name, build)).await?;
        rows.first().map(read).transpose()
    }

    /// Waits until the current build of a projection has come to a position, and says whether it did in time: a writer
    /// that reads what it wrote gives the position of its append.
    ///
    /// It asks the file, so it does not matter which program runs the projection.
    ///
    /// # Errors
    /// As [`SqliteAdapter::projection_status`]. A projection that does not exist is waited for.
    pub async fn wait_for_projection(
        &self,
        name: &str,
        position: Position,
        at_most: Duration,
    ) -> Result<bool> {
        wait_for(position, at_most, || self.projection_status(name, None)).await
    }
}

/// Asks for a build.
pub(super) fn find(name: &str, build: Option<u32>) -> SqliteQuery {
    sql::PROJECTION.query().bind(name.to_owned()).bind(build.map(i64::from))
}

/// The answer.
pub(super) fn read(row: &SqliteRow) -> Result<ProjectionStatus> {
    let cells = Cells::new(row);
    let position = |number: i64| cells.checked(Position::try_from(number));
    let id: Option<uuid::Uuid> = cells.get("event_id")?;
    let last_position: Option<i64> = cells.get("event_position")?;
    let last_at: Option<i64> = cells.get("event_at")?;
    Ok(ProjectionStatus {
        build: cells.checked(u32::try_from(cells.get::<i64>("build")?))?,
        schema: cells.get("prefix")?,
        is_current: cells.get("is_current")?,
        position: position(cells.get("position")?)?,
        events: cells.checked(u64::try_from(cells.get::<i64>("events")?))?,
        last_event_at: last_at.map(time).transpose()?,
        last_event: match (id, last_position) {
            (Some(id), Some(at)) => Some((EventId::from_uuid(id), position(at)?)),
            _ => None,
        },
        filter: cells.get("filter")?,
    })
}
