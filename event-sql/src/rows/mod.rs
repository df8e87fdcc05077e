//! From the values of a row to what they mean, once for every backend that has tables.
//!
//! [`Values`] is a row as a backend's driver reads it, by the index of a column; [`Record`] reads it by the names of
//! its columns. Nothing is trusted: a value that no store of this kind writes is [`Error::Corrupt`], which names the
//! event as far as it could be read.

mod event;
mod record;
mod snapshot;
mod stream;
mod subscription;

use std::fmt::Display;

use chrono::{DateTime, Utc};
use event_core::error::EventLocation;
use event_core::registry::StoredVersion;
use event_core::{Error, EventVersion, Result};
use uuid::Uuid;

pub use self::event::{Owners, event, linked};
pub use self::record::Record;
pub use self::snapshot::{owned_snapshot, snapshot};
pub use self::stream::{state, state_name, stream, tenant};
pub use self::subscription::{
    discarded_event, heartbeat, incarnation, lease, parked_event, partition_state, passed,
    registration,
};

/// A column: its index in the row, and its name for messages. Statements keep the order of their columns, as looking
/// one up by name for each value of each row is a good part of what reading costs.
pub type Column = (usize, &'static str);

/// The values of one row, as a backend's driver reads them. The error is a sentence that names the column.
#[expect(clippy::missing_errors_doc, reason = "all of them fail alike, as the trait says")]
pub trait Values {
    /// A whole number of any width.
    fn number(&self, column: Column) -> Result<i64, String>;
    /// A truth value.
    fn flag(&self, column: Column) -> Result<bool, String>;
    /// A text.
    fn text(&self, column: Column) -> Result<&str, String>;
    /// JSON, as text.
    fn json(&self, column: Column) -> Result<String, String>;
    /// A UUID.
    fn id(&self, column: Column) -> Result<Uuid, String>;
    /// A time.
    fn time(&self, column: Column) -> Result<DateTime<Utc>, String>;
    /// Whether there is no value.
    fn is_null(&self, column: Column) -> bool;
    /// The index of a column.
    fn index(&self, name: &'static str) -> Result<usize, String>;
}

/// A row of the census: event type, schema version.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn stored_version(values: &impl Values) -> Result<StoredVersion> {
    let event_type = values.text((0, "event_type")).map_err(corrupt)?;
    let number = values.number((1, "schema_version")).map_err(corrupt)?;
    Ok(StoredVersion {
        event_type: event_type.to_owned().into(),
        event_version: checked(EventVersion::try_from(number))?,
    })
}

/// A number as a column of 64 bits holds it. Larger numbers are never reached.
pub fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as a column of 32 bits holds it. Larger numbers are never reached.
pub fn to_i32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A value that the constructor of its type may refuse.
///
/// # Errors
/// [`Error::Corrupt`] if it does.
pub fn checked<T, E: Display>(value: Result<T, E>) -> Result<T> {
    value.map_err(|error| corrupt(error.to_string()))
}

/// The error for a stored value that no store of this kind writes.
pub const fn corrupt(reason: String) -> Error {
    Error::Corrupt { at: None, reason }
}

/// The same for a value of an event.
fn corrupt_event(at: &EventLocation, reason: String) -> Error {
    Error::Corrupt { at: Some(Box::new(at.clone())), reason }
}
