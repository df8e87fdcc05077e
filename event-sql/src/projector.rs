//! Runs a projection in tables, each event exactly once: what event-core has of it, and how the rows of its builds are read and
//! moved.

use chrono::{DateTime, Utc};
use event_core::adapter::LastEvent;
use event_core::health::ProjectionReport;
use event_core::{Position, Result};
use uuid::Uuid;

pub use event_core::projection::projector::{
    CatchUp, Cause, Fault, NotWritten, Progress, ProjectedBatch, ProjectionBuild, ProjectionStatus,
    ProjectionTables, Projector, Switch, own_name, wait_for,
};

use crate::read_models::kind;
use crate::rows::{Record, Values, to_i64};

/// How a batch moves the row of its build, as values to bind.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    /// The new checkpoint.
    pub up_to: i64,
    /// How many events are added.
    pub events: i64,
    /// The id of the last one.
    pub event_id: Option<Uuid>,
    /// Its position.
    pub event_position: Option<i64>,
    /// When it was recorded.
    pub event_at: Option<DateTime<Utc>>,
}

impl Move {
    /// To a checkpoint, past so many events.
    pub fn to(up_to: Position, events: u64, last: Option<LastEvent>) -> Self {
        Self {
            up_to: to_i64(up_to.get()),
            events: to_i64(events),
            event_id: last.map(|event| event.event_id.as_uuid()),
            event_position: last.map(|event| to_i64(event.position.get())),
            event_at: last.map(|event| event.recorded_at),
        }
    }

    /// As a batch moves it.
    pub fn of<E>(batch: &ProjectedBatch<E>) -> Self {
        Self::to(batch.up_to, batch.count, batch.last)
    }

    /// To where it is.
    pub fn nowhere(from: Position) -> Self {
        Self::to(from, 0, None)
    }
}

/// For authors of backends: the status in a row of a build; `schema` says where the tables of that number are.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn read_status(
    values: &impl Values,
    schema: impl FnOnce(u32) -> String,
) -> Result<ProjectionStatus> {
    let row = Record(values);
    let last_event = row.event_at("event_id", "event_position")?;
    let build = row.small("build")?;
    Ok(ProjectionStatus {
        build,
        schema: schema(build),
        is_current: row.flag("is_current")?,
        position: row.position("position")?,
        events: row.count("events")?,
        last_event_at: row.optional("event_at", Record::time)?,
        last_event: last_event.map(|(position, event_id)| (event_id, position)),
        filter: row.text("filter")?,
    })
}

/// For authors of backends: what the facade returns for a row of the list of builds, by the schema of a name and a
/// number.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn read_report(
    values: &impl Values,
    schema: impl FnOnce(&str, u32) -> String,
) -> Result<ProjectionReport> {
    let name = Record(values).text("name")?;
    let found = read_status(values, |build| schema(&name, build))?;
    let mut report = ProjectionReport::new(name, found.build, found.schema, found.filter);
    report.kind = kind(values)?;
    report.is_current = found.is_current;
    report.position = found.position;
    report.events = found.events;
    report.last_event_at = found.last_event_at;
    Ok(report)
}
