//! From rows to values, trusting nothing: a value that no store of this kind writes is an error that names its place.

use chrono::{DateTime, Utc};
use event_core::adapter::RecordedParts;
use event_core::serde_json::value::RawValue;
use event_core::{
    Error, EventId, EventVersion, Metadata, Place, Position, RecordedEvent, Result, StreamId,
    StreamInfo, StreamState, StreamVersion, Tenant,
};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

/// A column of an event by its place, which the statements keep: a look-up by name for each value of each row is a
/// good part of what reading costs.
type Column = (usize, &'static str);

const VERSION: Column = (0, "version");
const POSITION: Column = (1, "position");
const EVENT_ID: Column = (2, "event_id");
const EVENT_TYPE: Column = (3, "event_type");
const SCHEMA_VERSION: Column = (4, "schema_version");
const DATA: Column = (5, "data");
const METADATA: Column = (6, "metadata");
const RECORDED_AT: Column = (7, "recorded_at");
/// Where a page of several streams is read.
const TENANT: Column = (8, "tenant");
const STREAM_ID: Column = (9, "stream_id");

/// One row being read, and its place as far as it is known.
pub(crate) struct Cells<'r> {
    row: &'r SqliteRow,
    at: Option<Place>,
}

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r SqliteRow) -> Self {
        Self { row, at: None }
    }

    /// A column's value.
    pub(crate) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T> {
        self.row
            .try_get(column)
            .map_err(|error| self.corrupt(crate::error::unreadable(column, &error)))
    }

    /// The value of the only column.
    pub(crate) fn at_first<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self) -> Result<T> {
        self.at((0, "0"))
    }

    /// A column's value, by its place.
    fn at<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, (place, name): Column) -> Result<T> {
        self.row
            .try_get(place)
            .map_err(|error| self.corrupt(crate::error::unreadable(name, &error)))
    }

    /// Microseconds since 1970 as a time.
    pub(crate) fn time(&self, micros: i64) -> Result<DateTime<Utc>> {
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| self.corrupt(format!("{micros} µs since 1970 are beyond all dates")))
    }

    /// A value that the constructor of its type refuses.
    pub(crate) fn checked<T, E: std::fmt::Display>(&self, value: Result<T, E>) -> Result<T> {
        value.map_err(|error| self.corrupt(error.to_string()))
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt { at: self.at.clone().map(Box::new), reason }
    }
}

/// The tenant and stream of rows: given, or read from them. Neighbours often share them, so the last ones are kept.
#[derive(Default)]
pub(crate) struct Owner {
    last: Option<(Tenant, StreamId)>,
    given: bool,
}

impl Owner {
    /// Of all rows.
    pub(crate) fn given(tenant: Tenant, stream_id: StreamId) -> Self {
        Self { last: Some((tenant, stream_id)), given: true }
    }

    fn read(&mut self, cells: &Cells<'_>) -> Result<(Tenant, StreamId)> {
        if let Some(given) = self.last.as_ref().filter(|_| self.given) {
            return Ok(given.clone());
        }
        let (tenant, stream_id): (&str, &str) = (cells.at(TENANT)?, cells.at(STREAM_ID)?);
        if let Some(same) =
            self.last.as_ref().filter(|(t, s)| t.as_str() == tenant && s.as_str() == stream_id)
        {
            return Ok(same.clone());
        }
        let owner = (cells.checked(Tenant::new(tenant))?, cells.checked(StreamId::new(stream_id))?);
        Ok(self.last.insert(owner).clone())
    }
}

/// Whether there is an event in a row, which may hold a stream alone.
pub(crate) fn has_event(row: &SqliteRow) -> bool {
    !matches!(row.try_get::<Option<i64>, _>(POSITION.0), Ok(None))
}

/// A row of an event.
pub(crate) fn event(row: &SqliteRow, owner: &mut Owner) -> Result<RecordedEvent> {
    let mut cells = Cells::new(row);
    let (tenant, stream_id) = owner.read(&cells)?;
    let stream_version = cells.checked(StreamVersion::try_from(cells.at::<i64>(VERSION)?))?;
    let position = cells.checked(Position::try_from(cells.at::<i64>(POSITION)?))?;
    cells.at = Some(Place { stream_id: stream_id.clone(), stream_version, position });

    let metadata: &str = cells.at(METADATA)?;
    Ok(RecordedEvent::from_parts(RecordedParts {
        tenant,
        stream_id,
        stream_version,
        position,
        event_id: EventId::from_uuid(cells.at::<Uuid>(EVENT_ID)?),
        event_type: cells.at::<String>(EVENT_TYPE)?.into(),
        event_version: cells.checked(EventVersion::try_from(cells.at::<i64>(SCHEMA_VERSION)?))?,
        data: cells.checked(RawValue::from_string(cells.at(DATA)?))?,
        metadata: match metadata {
            "{}" => Metadata::new(),
            json => cells.checked(Metadata::from_json(json))?,
        },
        recorded_at: cells.time(cells.at(RECORDED_AT)?)?,
    }))
}

/// A row of a stream.
pub(crate) fn info(row: &SqliteRow) -> Result<StreamInfo> {
    let cells = Cells::new(row);
    let version = |column| cells.checked(StreamVersion::try_from(cells.get::<i64>(column)?));
    Ok(StreamInfo {
        version: version("version")?,
        first_version: version("first_version")?,
        state: state(row)?,
        holds_links: holds_links(row),
        created_at: cells.time(cells.get("created_at")?)?,
        tenant: cells.checked(Tenant::new(cells.get::<String>("tenant")?))?,
        stream_id: cells.checked(StreamId::new(cells.get::<String>("stream_id")?))?,
    })
}

/// The event of a row of a stream of links, under its number there.
pub(crate) fn linked(
    row: &SqliteRow,
    stream_id: &StreamId,
    owner: &mut Owner,
) -> Result<RecordedEvent> {
    let event = event(row, owner)?;
    let cells = Cells { row, at: Some(event.place()) };
    let version = StreamVersion::try_from(cells.get::<i64>("link_version")?);
    Ok(event.linked(stream_id.clone(), cells.checked(version)?))
}

/// Whether a row's stream refers to events of others.
pub(crate) fn holds_links(row: &SqliteRow) -> bool {
    matches!(row.try_get("state"), Ok(4_i64 | 5))
}

/// The state of a row's stream.
pub(crate) fn state(row: &SqliteRow) -> Result<StreamState> {
    let cells = Cells::new(row);
    match cells.get::<i64>("state")? {
        0 | 4 => Ok(StreamState::Active),
        1 | 5 => Ok(StreamState::Archived),
        2 => Ok(StreamState::SoftDeleted),
        3 => Ok(StreamState::HardDeleted),
        other => Err(cells.corrupt(format!("column state: {other} is no state of a stream"))),
    }
}
