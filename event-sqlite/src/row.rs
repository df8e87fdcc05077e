//! From the driver's rows to values. Nothing is trusted: a value that no store of this kind writes is an error that
//! names its column.

use chrono::{DateTime, Utc};
use event_core::adapter::StreamState;
use event_core::{RecordedEvent, Result, StreamId, StreamInfo, Tenant};
use event_sql::rows::{self, Column, Owners, Values, corrupt};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{ColumnIndex, Decode, Row, Type, ValueRef};
use uuid::Uuid;

use crate::error::unreadable;

/// Where the columns of an event start in a row, and those of its owner in a page of several streams.
const EVENT: usize = 0;
const POSITION: usize = EVENT + 1;
const DATA: usize = EVENT + 5;
const OWNER: usize = 8;
const LINK_VERSION: usize = 10;
/// The key of an event's stream, where it is read in place of the owner.
const STREAM_KEY: Column = (8, "stream_key");

/// One row.
pub(crate) struct Cells<'r>(&'r SqliteRow);

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r SqliteRow) -> Self {
        Self(row)
    }

    /// The value of a column.
    pub(crate) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T> {
        self.0.try_get(column).map_err(|error| corrupt(unreadable(column, &error)))
    }

    /// The value of the first column.
    pub(crate) fn first<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self) -> Result<T> {
        self.at((0, "0")).map_err(corrupt)
    }

    fn at<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, (index, name): Column) -> Result<T, String> {
        self.0.try_get(index).map_err(|error| unreadable(name, &error))
    }
}

impl Values for Cells<'_> {
    fn number(&self, column: Column) -> Result<i64, String> {
        self.at(column)
    }

    fn flag(&self, column: Column) -> Result<bool, String> {
        self.at(column)
    }

    fn text(&self, column: Column) -> Result<&str, String> {
        self.at(column)
    }

    fn json(&self, column: Column) -> Result<String, String> {
        self.at(column)
    }

    fn id(&self, column: Column) -> Result<Uuid, String> {
        self.at(column)
    }

    fn time(&self, column: Column) -> Result<DateTime<Utc>, String> {
        let micros = self.at(column)?;
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| format!("{micros} µs since 1970 are beyond all dates"))
    }

    fn is_null(&self, (index, _): Column) -> bool {
        self.0.try_get_raw(index).is_ok_and(|value| value.is_null())
    }

    fn index(&self, name: &'static str) -> Result<usize, String> {
        ColumnIndex::index(&name, self.0).map_err(|error| unreadable(name, &error))
    }
}

/// Whether a row holds an event; the only row of an empty page holds the stream alone.
pub(crate) fn has_event(row: &SqliteRow) -> bool {
    !matches!(row.try_get::<Option<i64>, _>(POSITION), Ok(None))
}

/// The size of the event of a row, in bytes of payload and metadata.
pub(crate) fn size(row: &SqliteRow) -> usize {
    let length = |column: usize| row.try_get::<&str, _>(column).map_or(0, str::len);
    length(DATA) + length(DATA + 1)
}

/// A row of an event and its owner.
pub(crate) fn event(row: &SqliteRow, owners: &mut Owners) -> Result<RecordedEvent> {
    let cells = Cells::new(row);
    rows::event(&cells, EVENT, owners.read(&cells, OWNER)?)
}

/// The key of the stream of an event's row.
pub(crate) fn stream_key(row: &SqliteRow) -> Result<i64> {
    Cells::new(row).at(STREAM_KEY).map_err(corrupt)
}

/// A row of an event whose owner is known.
pub(crate) fn event_of(row: &SqliteRow, owner: (Tenant, StreamId)) -> Result<RecordedEvent> {
    rows::event(&Cells::new(row), EVENT, owner)
}

/// A row of a stream.
pub(crate) fn info(row: &SqliteRow) -> Result<StreamInfo> {
    rows::stream(&Cells::new(row))
}

/// A row of a stream of links: the event under its number there.
pub(crate) fn linked(
    row: &SqliteRow,
    stream_id: &StreamId,
    owners: &mut Owners,
) -> Result<RecordedEvent> {
    rows::linked(&Cells::new(row), LINK_VERSION, stream_id, event(row, owners)?)
}

/// The state of a row's stream, and whether the stream holds links.
pub(crate) fn state(row: &SqliteRow) -> Result<(StreamState, bool)> {
    rows::state(Cells::new(row).get("state")?)
}
