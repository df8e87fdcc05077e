//! From rows to values, trusting nothing: a value that no store of this kind writes is an error that names its place.

use chrono::{DateTime, Utc};
use event_core::adapter::RecordedParts;
use event_core::serde_json::value::RawValue;
use event_core::{
    Error, EventId, EventVersion, Metadata, Place, Position, RecordedEvent, Result, StreamId,
    StreamInfo, StreamState, StreamVersion, Tenant,
};
use sqlx::postgres::{PgRow, PgValueFormat, Postgres};
use sqlx::{ColumnIndex, Decode, Row, Type, ValueRef};
use uuid::Uuid;

/// From 1970 to 2000, where the server's clock starts.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A column of an event by its place, which the statements keep: a look-up by name for each value of each row is a
/// good part of what reading costs.
pub(crate) type Column = (usize, &'static str);

const TENANT: Column = (0, "tenant");
const STREAM_ID: Column = (1, "stream_id");
const VERSION: Column = (2, "version");
const POSITION: Column = (3, "position");
const EVENT_ID: Column = (4, "event_id");
const EVENT_TYPE: Column = (5, "event_type");
const SCHEMA_VERSION: Column = (6, "schema_version");
const DATA: Column = (7, "data");
const METADATA: Column = (8, "metadata");
const CREATED_AT: Column = (9, "created_at");
/// Of the stream, where a page of several streams is read.
const FIRST_VERSION: Column = (10, "first_version");

/// One row being read, and its place as far as it is known.
pub(crate) struct Cells<'r> {
    row: &'r PgRow,
    at: Option<Place>,
}

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r PgRow, at: Option<Place>) -> Self {
        Self { row, at }
    }

    /// A column's value.
    pub(crate) fn get<T: Decode<'r, Postgres> + Type<Postgres>>(&self, column: &str) -> Result<T> {
        self.row
            .try_get(column)
            .map_err(|error| self.corrupt(crate::error::unreadable(column, &error)))
    }

    /// A column's value, by its place.
    fn at<T: Decode<'r, Postgres> + Type<Postgres>>(&self, (place, name): Column) -> Result<T> {
        self.row
            .try_get(place)
            .map_err(|error| self.corrupt(crate::error::unreadable(name, &error)))
    }

    /// A column of type json as the text that it is, which the driver reads as anything but text.
    pub(crate) fn json(&self, (place, name): Column) -> Result<String> {
        self.row
            .try_get_unchecked(place)
            .map_err(|error| self.corrupt(crate::error::unreadable(name, &error)))
    }

    /// A column's time. The driver's own decoding panics on `infinity`.
    pub(crate) fn time<I: ColumnIndex<PgRow>>(&self, at: I, column: &str) -> Result<DateTime<Utc>> {
        let unreadable = |reason: &str| self.corrupt(format!("column {column}: {reason}"));
        let value = self
            .row
            .try_get_raw(at)
            .map_err(|error| self.corrupt(crate::error::unreadable(column, &error)))?;
        let bytes = value.as_bytes().map_err(|_| unreadable("no time"))?;
        let micros = match (value.format(), <[u8; 8]>::try_from(bytes)) {
            (PgValueFormat::Binary, Ok(bytes)) if !value.is_null() => i64::from_be_bytes(bytes),
            _ => return Err(unreadable("no time")),
        };
        micros
            .checked_add(EPOCH_MICROS)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or_else(|| unreadable("a time beyond all dates"))
    }

    /// A value that the constructor of its type refuses.
    pub(crate) fn checked<T, E: std::fmt::Display>(&self, value: Result<T, E>) -> Result<T> {
        value.map_err(|error| self.corrupt(error.to_string()))
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt { at: self.at.clone().map(Box::new), reason }
    }
}

/// The tenant and stream of a row. Neighbours often share them, so the last ones are kept.
#[derive(Default)]
pub(crate) struct Owner(Option<(Tenant, StreamId)>);

impl Owner {
    fn read(&mut self, cells: &Cells<'_>) -> Result<(Tenant, StreamId)> {
        let (tenant, stream_id): (&str, &str) = (cells.at(TENANT)?, cells.at(STREAM_ID)?);
        if let Some(same) =
            self.0.as_ref().filter(|(t, s)| t.as_str() == tenant && s.as_str() == stream_id)
        {
            return Ok(same.clone());
        }
        let owner = (cells.checked(Tenant::new(tenant))?, cells.checked(StreamId::new(stream_id))?);
        Ok(self.0.insert(owner).clone())
    }
}

/// Whether there is an event in a row, which may hold a stream alone.
pub(crate) fn has_event(row: &PgRow) -> bool {
    !matches!(row.try_get::<Option<i64>, _>(POSITION.0), Ok(None))
}

/// The position in a row of an event, if it can be read.
pub(crate) fn position(row: &PgRow) -> Option<i64> {
    row.try_get(POSITION.0).ok()
}

/// Whether the event of a row is not truncated; what cannot be read is told by [`event`].
pub(crate) fn is_kept(row: &PgRow) -> bool {
    let version: Result<i64, _> = row.try_get(VERSION.0);
    let first: Result<i64, _> = row.try_get(FIRST_VERSION.0);
    !matches!((version, first), (Ok(version), Ok(first)) if version < first)
}

/// A row of an event.
pub(crate) fn event(row: &PgRow, owner: &mut Owner) -> Result<RecordedEvent> {
    let mut cells = Cells::new(row, None);
    let (tenant, stream_id) = owner.read(&cells)?;
    let version: i64 = cells.at(VERSION)?;
    let position: i64 = cells.at(POSITION)?;
    let stream_version = cells.checked(StreamVersion::try_from(version))?;
    let position = cells.checked(Position::try_from(position))?;
    cells.at = Some(Place { stream_id: stream_id.clone(), stream_version, position });

    let schema_version: i32 = cells.at(SCHEMA_VERSION)?;
    let (data, metadata) = (cells.json(DATA)?, cells.json(METADATA)?);
    Ok(RecordedEvent::from_parts(RecordedParts {
        tenant,
        stream_id,
        stream_version,
        position,
        event_id: EventId::from_uuid(cells.at::<Uuid>(EVENT_ID)?),
        event_type: cells.at::<String>(EVENT_TYPE)?.into(),
        event_version: cells.checked(EventVersion::try_from(schema_version))?,
        data: cells.checked(RawValue::from_string(data))?,
        metadata: match metadata.as_str() {
            "{}" => Metadata::new(),
            _ => cells.checked(Metadata::from_json(metadata))?,
        },
        recorded_at: cells.time(CREATED_AT.0, CREATED_AT.1)?,
    }))
}

/// A row of a stream.
pub(crate) fn info(row: &PgRow) -> Result<StreamInfo> {
    let cells = Cells::new(row, None);
    let (tenant, stream_id) = Owner::default().read(&cells)?;
    let version = |column| cells.checked(StreamVersion::try_from(cells.get::<i64>(column)?));
    Ok(StreamInfo {
        version: version("stream_version")?,
        first_version: version("first_version")?,
        state: state(row)?,
        holds_links: holds_links(row),
        created_at: cells.time("created_at", "created_at")?,
        tenant,
        stream_id,
    })
}

/// The event of a row of a stream of links, under its number there.
pub(crate) fn linked(
    row: &PgRow,
    stream_id: &StreamId,
    owner: &mut Owner,
) -> Result<RecordedEvent> {
    let event = event(row, owner)?;
    let cells = Cells::new(row, Some(event.place()));
    let version = StreamVersion::try_from(cells.get::<i64>("link_version")?);
    Ok(event.linked(stream_id.clone(), cells.checked(version)?))
}

/// Whether a row's stream refers to events of others.
pub(crate) fn holds_links(row: &PgRow) -> bool {
    matches!(row.try_get("state"), Ok(4_i16 | 5))
}

/// The state of a row's stream.
pub(crate) fn state(row: &PgRow) -> Result<StreamState> {
    let cells = Cells::new(row, None);
    match cells.get::<i16>("state")? {
        0 | 4 => Ok(StreamState::Active),
        1 | 5 => Ok(StreamState::Archived),
        2 => Ok(StreamState::SoftDeleted),
        3 => Ok(StreamState::HardDeleted),
        other => Err(cells.corrupt(format!("column state: {other} is no state of a stream"))),
    }
}
