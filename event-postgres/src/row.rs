//! From the driver's rows to values. Nothing is trusted: a value that no store of this kind writes is an error that
//! names its column.

use chrono::{DateTime, Utc};
use event_core::adapter::StreamState;
use event_core::{RecordedEvent, Result, StreamId, StreamInfo};
use event_sql::rows::{self, Column, Owners, Values, corrupt};
use sqlx::postgres::{PgRow, PgValueFormat, Postgres};
use sqlx::{ColumnIndex, Decode, Row, Type, ValueRef};
use uuid::Uuid;

use crate::error::unreadable;

/// From 1970 to 2000, where the server's clock starts.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Where the columns of an event start in a row, and those of its owner.
const OWNER: usize = 0;
const EVENT: usize = 2;
const POSITION: usize = EVENT + 1;
/// The first version of the stream, in a page of several streams.
const FIRST_VERSION: usize = 10;
const LINK_VERSION: usize = 11;

/// One row.
pub(crate) struct Cells<'r>(&'r PgRow);

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r PgRow) -> Self {
        Self(row)
    }

    /// The value of a column.
    pub(crate) fn get<T: Decode<'r, Postgres> + Type<Postgres>>(&self, column: &str) -> Result<T> {
        self.0.try_get(column).map_err(|error| corrupt(unreadable(column, &error)))
    }

    fn at<T: Decode<'r, Postgres> + Type<Postgres>>(
        &self,
        (index, name): Column,
    ) -> Result<T, String> {
        self.0.try_get(index).map_err(|error| unreadable(name, &error))
    }
}

impl Values for Cells<'_> {
    fn number(&self, (index, name): Column) -> Result<i64, String> {
        let value = self.0.try_get_raw(index).map_err(|error| unreadable(name, &error))?;
        match value.as_bytes().map(|bytes| (value.format(), bytes)) {
            Ok((PgValueFormat::Binary, [a, b])) => Ok(i16::from_be_bytes([*a, *b]).into()),
            Ok((PgValueFormat::Binary, [a, b, c, d])) => {
                Ok(i32::from_be_bytes([*a, *b, *c, *d]).into())
            }
            _ => self.at((index, name)),
        }
    }

    fn flag(&self, column: Column) -> Result<bool, String> {
        self.at(column)
    }

    fn text(&self, column: Column) -> Result<&str, String> {
        self.at(column)
    }

    fn json(&self, (index, name): Column) -> Result<String, String> {
        // As text: the driver's own type check refuses that for a column of type json.
        self.0.try_get_unchecked(index).map_err(|error| unreadable(name, &error))
    }

    fn id(&self, column: Column) -> Result<Uuid, String> {
        self.at(column)
    }

    fn time(&self, (index, name): Column) -> Result<DateTime<Utc>, String> {
        // The driver's own decoding panics on `infinity`.
        let refused = |reason: &str| format!("column {name}: {reason}");
        let value = self.0.try_get_raw(index).map_err(|error| unreadable(name, &error))?;
        let bytes = value.as_bytes().map_err(|_| refused("no time"))?;
        let micros = match (value.format(), <[u8; 8]>::try_from(bytes)) {
            (PgValueFormat::Binary, Ok(bytes)) if !value.is_null() => i64::from_be_bytes(bytes),
            _ => return Err(refused("no time")),
        };
        micros
            .checked_add(EPOCH_MICROS)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or_else(|| refused("a time beyond all dates"))
    }

    fn is_null(&self, (index, _): Column) -> bool {
        self.0.try_get_raw(index).is_ok_and(|value| value.is_null())
    }

    fn index(&self, name: &'static str) -> Result<usize, String> {
        ColumnIndex::index(&name, self.0).map_err(|error| unreadable(name, &error))
    }
}

/// Whether a row holds an event; the only row of an empty page holds the stream alone.
pub(crate) fn has_event(row: &PgRow) -> bool {
    !matches!(row.try_get::<Option<i64>, _>(POSITION), Ok(None))
}

/// The position of the event of a row, if it can be read.
pub(crate) fn position(row: &PgRow) -> Option<i64> {
    row.try_get(POSITION).ok()
}

/// What a row of a page of all streams says of the server that it was read on.
pub(crate) fn started(row: &PgRow) -> Option<DateTime<Utc>> {
    row.try_get("started").ok()
}

/// Whether the event of a row is not truncated; [`event`] reports what cannot be read.
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

/// A row of a stream of links: the event under its number there.
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
