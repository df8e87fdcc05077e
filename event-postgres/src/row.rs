//! From rows to values, trusting nothing: a value that no store of this kind writes is an error that names its place.

use chrono::{DateTime, Utc};
use event_core::adapter::StreamState;
use event_core::{Error, RecordedEvent, Result, StreamId, StreamInfo};
use event_sql::rows::{self, Column, Owners, Values};
use sqlx::postgres::{PgRow, PgValueFormat, Postgres};
use sqlx::{ColumnIndex, Decode, Row, Type, ValueRef};
use uuid::Uuid;

/// From 1970 to 2000, where the server's clock starts.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Where the owner of an event stands in a row, its values, and what some statements add to them.
const OWNER: usize = 0;
const EVENT: usize = 2;
const POSITION: usize = EVENT + 1;
/// Of the stream, where a page of several streams is read.
const FIRST_VERSION: usize = 10;
const LINK_VERSION: usize = 11;

/// One row being read.
pub(crate) struct Cells<'r>(&'r PgRow);

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r PgRow) -> Self {
        Self(row)
    }

    /// A column's value.
    pub(crate) fn get<T: Decode<'r, Postgres> + Type<Postgres>>(&self, column: &str) -> Result<T> {
        self.0.try_get(column).map_err(|error| corrupt(crate::error::unreadable(column, &error)))
    }

    /// A column's time.
    pub(crate) fn time(&self, column: &str) -> Result<DateTime<Utc>> {
        self.time_at(column, column).map_err(corrupt)
    }

    /// A value that the constructor of its type refuses.
    #[expect(clippy::unused_self, reason = "it stands where the value is read")]
    pub(crate) fn checked<T, E: std::fmt::Display>(&self, value: Result<T, E>) -> Result<T> {
        value.map_err(|error| corrupt(error.to_string()))
    }

    fn at<T: Decode<'r, Postgres> + Type<Postgres>>(
        &self,
        (place, name): Column,
    ) -> Result<T, String> {
        self.0.try_get(place).map_err(|error| crate::error::unreadable(name, &error))
    }

    /// The driver's own decoding panics on `infinity`.
    fn time_at<I: ColumnIndex<PgRow>>(&self, at: I, name: &str) -> Result<DateTime<Utc>, String> {
        let unreadable = |reason: &str| format!("column {name}: {reason}");
        let value =
            self.0.try_get_raw(at).map_err(|error| crate::error::unreadable(name, &error))?;
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
}

impl Values for Cells<'_> {
    fn number(&self, (place, name): Column) -> Result<i64, String> {
        // The width is the column's.
        let value = self.0.try_get_raw(place);
        let value = value.map_err(|error| crate::error::unreadable(name, &error))?;
        match value.as_bytes().map(|bytes| (value.format(), bytes)) {
            Ok((PgValueFormat::Binary, [a, b])) => Ok(i16::from_be_bytes([*a, *b]).into()),
            Ok((PgValueFormat::Binary, [a, b, c, d])) => {
                Ok(i32::from_be_bytes([*a, *b, *c, *d]).into())
            }
            _ => self.at((place, name)),
        }
    }

    fn text(&self, column: Column) -> Result<&str, String> {
        self.at(column)
    }

    /// The driver reads a column of type json as anything but text.
    fn json(&self, (place, name): Column) -> Result<String, String> {
        self.0.try_get_unchecked(place).map_err(|error| crate::error::unreadable(name, &error))
    }

    fn id(&self, column: Column) -> Result<Uuid, String> {
        self.at(column)
    }

    fn time(&self, (place, name): Column) -> Result<DateTime<Utc>, String> {
        self.time_at(place, name)
    }
}

fn corrupt(reason: String) -> Error {
    Error::Corrupt { at: None, reason }
}

/// Whether there is an event in a row, which may hold a stream alone.
pub(crate) fn has_event(row: &PgRow) -> bool {
    !matches!(row.try_get::<Option<i64>, _>(POSITION), Ok(None))
}

/// The position in a row of an event, if it can be read.
pub(crate) fn position(row: &PgRow) -> Option<i64> {
    row.try_get(POSITION).ok()
}

/// Whether the event of a row is not truncated; what cannot be read is told by [`event`].
pub(crate) fn is_kept(row: &PgRow) -> bool {
    let version: Result<i64, _> = row.try_get(EVENT);
    let first: Result<i64, _> = row.try_get(FIRST_VERSION);
    !matches!((version, first), (Ok(version), Ok(first)) if version < first)
}

/// A row of an event.
pub(crate) fn event(row: &PgRow, owners: &mut Owners) -> Result<RecordedEvent> {
    let cells = Cells::new(row);
    rows::event(&cells, EVENT, owners.read(&cells, OWNER)?)
}

/// A row of a stream.
pub(crate) fn info(row: &PgRow) -> Result<StreamInfo> {
    rows::stream(&Cells::new(row))
}

/// The event of a row of a stream of links, under its number there.
pub(crate) fn linked(
    row: &PgRow,
    stream_id: &StreamId,
    owners: &mut Owners,
) -> Result<RecordedEvent> {
    rows::linked(&Cells::new(row), LINK_VERSION, stream_id, event(row, owners)?)
}

/// The state of a row's stream, and whether the stream holds links.
pub(crate) fn state(row: &PgRow) -> Result<(StreamState, bool)> {
    rows::state(Cells::new(row).get("state")?)
}
