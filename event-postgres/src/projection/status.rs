//! [`ProjectionStatus`]: how far a build is, for readers that wait for what they wrote, and for operators.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_core::{EventId, Position, Result};
use sqlx::postgres::PgRow;
use tokio::time::{Instant, sleep};

use crate::adapter::PgAdapter;
use crate::row::Cells;

/// The first pause before a place is looked at again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How far a build of a projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its number.
    pub build: u32,
    /// The schema that holds its tables.
    pub schema: String,
    /// Whether readers are meant to read it.
    pub is_current: bool,
    /// Everything that passes its filter up to here is in the tables.
    pub position: Position,
    /// Events in the tables.
    pub events: u64,
    /// When the last of them was recorded.
    pub last_event_at: Option<DateTime<Utc>>,
    /// The last event in the tables, and where it stood.
    pub(super) last: Option<(EventId, Position)>,
    /// The filter of the build, in words.
    pub(super) filter: String,
}

impl ProjectionStatus {
    fn read(row: &PgRow) -> Result<Self> {
        let cells = Cells::new(row);
        let position = |number: i64| cells.checked(Position::try_from(number));
        let id: Option<uuid::Uuid> = cells.get("event_id")?;
        let event_position: Option<i64> = cells.get("event_position")?;
        let last_event_at = match id {
            Some(_) => Some(cells.time("event_at")?),
            None => None,
        };
        Ok(Self {
            build: cells.checked(u32::try_from(cells.get::<i32>("build")?))?,
            schema: cells.get("schema_name")?,
            is_current: cells.get("is_current")?,
            position: position(cells.get("position")?)?,
            events: cells.checked(u64::try_from(cells.get::<i64>("events")?))?,
            last_event_at,
            last: match (id, event_position) {
                (Some(id), Some(at)) => Some((EventId::from_uuid(id), position(at)?)),
                _ => None,
            },
            filter: cells.get("filter")?,
        })
    }
}

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
        rows.first().map(ProjectionStatus::read).transpose()
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
        let give_up = Instant::now() + at_most;
        let mut pause = FIRST_PAUSE;
        loop {
            let status = self.projection_status(name, None).await?;
            if status.is_some_and(|status| status.position >= position) {
                return Ok(true);
            }
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
