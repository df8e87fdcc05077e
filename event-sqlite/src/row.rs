//! From rows to values, trusting nothing: a value that no store of this kind writes is an error that names its place.

use chrono::{DateTime, Utc};
use event_core::adapter::StreamState;
use event_core::{Error, RecordedEvent, Result, StreamId, StreamInfo, Tenant};
use event_sql::rows::{self, Column, Owners, Values};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

use crate::names::Name;

/// Where the values of an event start, and those of its owner where a page of several streams is read.
const EVENT: usize = 0;
const POSITION: usize = EVENT + 1;
const OWNER: usize = 8;
const LINK_VERSION: usize = 10;
/// Where the key of an event's stream stands in place of its owner and name.
const STREAM_KEY: Column = (8, "stream_key");
/// Where owner and name stand behind a key.
pub(crate) const NAMED: usize = 1;

/// One row being read.
pub(crate) struct Cells<'r>(&'r SqliteRow);

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r SqliteRow) -> Self {
        Self(row)
    }

    /// A column's value.
    pub(crate) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T> {
        self.0.try_get(column).map_err(|error| corrupt(crate::error::unreadable(column, &error)))
    }

    /// The value of the only column.
    pub(crate) fn at_first<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self) -> Result<T> {
        self.at((0, "0")).map_err(corrupt)
    }

    /// A value that the constructor of its type refuses.
    #[expect(clippy::unused_self, reason = "it stands where the value is read")]
    pub(crate) fn checked<T, E: std::fmt::Display>(&self, value: Result<T, E>) -> Result<T> {
        value.map_err(|error| corrupt(error.to_string()))
    }

    fn at<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, (place, name): Column) -> Result<T, String> {
        self.0.try_get(place).map_err(|error| crate::error::unreadable(name, &error))
    }
}

impl Values for Cells<'_> {
    fn number(&self, column: Column) -> Result<i64, String> {
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
        time_of(self.at(column)?)
    }
}

/// Microseconds since 1970 as a time.
pub(crate) fn time(micros: i64) -> Result<DateTime<Utc>> {
    time_of(micros).map_err(corrupt)
}

fn time_of(micros: i64) -> Result<DateTime<Utc>, String> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| format!("{micros} µs since 1970 are beyond all dates"))
}

fn corrupt(reason: String) -> Error {
    Error::Corrupt { at: None, reason }
}

/// The tenant and stream of rows: given, or read from them.
pub(crate) enum Owner {
    Given(Tenant, StreamId),
    Read(Owners),
}

impl Default for Owner {
    fn default() -> Self {
        Self::Read(Owners::default())
    }
}

impl Owner {
    fn of(&mut self, cells: &Cells<'_>) -> Result<(Tenant, StreamId)> {
        match self {
            Self::Given(tenant, stream_id) => Ok((tenant.clone(), stream_id.clone())),
            Self::Read(owners) => owners.read(cells, OWNER),
        }
    }
}

/// Whether there is an event in a row, which may hold a stream alone.
pub(crate) fn has_event(row: &SqliteRow) -> bool {
    !matches!(row.try_get::<Option<i64>, _>(POSITION), Ok(None))
}

/// A row of an event.
pub(crate) fn event(row: &SqliteRow, owner: &mut Owner) -> Result<RecordedEvent> {
    let cells = Cells::new(row);
    rows::event(&cells, EVENT, owner.of(&cells)?)
}

/// The key of the stream of an event's row.
pub(crate) fn stream_key(row: &SqliteRow) -> Result<i64> {
    Cells::new(row).at(STREAM_KEY).map_err(corrupt)
}

/// A row of an event whose stream is known.
pub(crate) fn event_of(row: &SqliteRow, name: Name) -> Result<RecordedEvent> {
    rows::event(&Cells::new(row), EVENT, name)
}

/// A row of a stream.
pub(crate) fn info(row: &SqliteRow) -> Result<StreamInfo> {
    rows::stream(&Cells::new(row))
}

/// The event of a row of a stream of links, under its number there.
pub(crate) fn linked(
    row: &SqliteRow,
    stream_id: &StreamId,
    owner: &mut Owner,
) -> Result<RecordedEvent> {
    rows::linked(&Cells::new(row), LINK_VERSION, stream_id, event(row, owner)?)
}

/// Whether a row's stream holds links to events of other streams.
pub(crate) fn holds_links(row: &SqliteRow) -> bool {
    matches!(rows::state(row.try_get("state").unwrap_or_default()), Ok((_, true)))
}

/// The state of a row's stream.
pub(crate) fn state(row: &SqliteRow) -> Result<StreamState> {
    Ok(rows::state(Cells::new(row).get("state")?)?.0)
}
