//! [`Values`]: from the values of a row to what they stand for, once for every backend that has tables.
//!
//! It trusts nothing: a value that no store of this kind writes is [`Error::Corrupt`], which names the event's place as
//! far as it could be read.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use event_core::adapter::{OwnedSnapshot, StoredSnapshot, StreamState};
use event_core::envelope::RecordedParts;
use event_core::error::EventLocation;
use event_core::registry::StoredVersion;
use event_core::{
    Error, EventId, EventVersion, Metadata, Position, RecordedEvent, Result, StreamId, StreamInfo,
    StreamVersion, Tenant,
};

/// A column by its place in the row, which statements keep: a look-up by name for each value of each row is a good part
/// of what reading costs. The name is for messages.
pub type Column = (usize, &'static str);

/// The values of one row, as a backend's driver reads them. What cannot be read is a sentence that names the column.
#[expect(clippy::missing_errors_doc, reason = "all of them fail alike, as the trait says")]
pub trait Values {
    /// A whole number of any width, which is there.
    fn number(&self, column: Column) -> Result<i64, String>;
    /// A text.
    fn text(&self, column: Column) -> Result<&str, String>;
    /// JSON, as the text that it is.
    fn json(&self, column: Column) -> Result<String, String>;
    /// A UUID.
    fn id(&self, column: Column) -> Result<Uuid, String>;
    /// A time.
    fn time(&self, column: Column) -> Result<DateTime<Utc>, String>;
}

/// The tenants and streams of rows. Neighbours often share them, so the last ones are kept.
#[derive(Debug, Clone, Default)]
pub struct Owners(Option<(Tenant, StreamId)>);

impl Owners {
    /// Those of a row: tenant and stream stand at `first`.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn read(&mut self, values: &impl Values, first: usize) -> Result<(Tenant, StreamId)> {
        let text = |column| values.text(column).map_err(|reason| corrupt(None, reason));
        let (tenant, stream_id) = (text((first, "tenant"))?, text((first + 1, "stream_id"))?);
        let is_last =
            |(t, s): &&(Tenant, StreamId)| t.as_str() == tenant && s.as_str() == stream_id;
        if let Some(same) = self.0.as_ref().filter(is_last) {
            return Ok(same.clone());
        }
        let owner = (checked(None, Tenant::new(tenant))?, checked(None, StreamId::new(stream_id))?);
        Ok(self.0.insert(owner).clone())
    }
}

/// A row of an event. From `first` on stand version, position, event id, event type, schema version, data, metadata, time.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn event(
    values: &impl Values,
    first: usize,
    (tenant, stream_id): (Tenant, StreamId),
) -> Result<RecordedEvent> {
    let number = |at, place, name| {
        values.number((first + place, name)).map_err(|reason| corrupt(at, reason))
    };
    let stream_version = checked(None, StreamVersion::try_from(number(None, 0, "version")?))?;
    let position = checked(None, Position::try_from(number(None, 1, "position")?))?;
    let at = EventLocation { stream_id: stream_id.clone(), stream_version, position };
    let here = |reason| corrupt(Some(&at), reason);

    let metadata = values.json((first + 6, "metadata")).map_err(here)?;
    let version = EventVersion::try_from(number(Some(&at), 4, "schema_version")?);
    let data = RawValue::from_string(values.json((first + 5, "data")).map_err(here)?);
    Ok(RecordedEvent::from_parts(RecordedParts {
        tenant,
        stream_version,
        position,
        event_id: EventId::from_uuid(values.id((first + 2, "event_id")).map_err(here)?),
        event_type: values.text((first + 3, "event_type")).map_err(here)?.to_owned().into(),
        event_version: checked(Some(&at), version)?,
        data: checked(Some(&at), data)?,
        metadata: match metadata.as_str() {
            "{}" => Metadata::new(),
            _ => checked(Some(&at), Metadata::from_json(metadata))?,
        },
        recorded_at: values.time((first + 7, "time")).map_err(here)?,
        stream_id,
    }))
}

/// The event of a row of a stream of links, under its number there, which stands at `number`.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn linked(
    values: &impl Values,
    number: usize,
    stream_id: &StreamId,
    event: RecordedEvent,
) -> Result<RecordedEvent> {
    let at = event.location();
    let version = values.number((number, "link_version")).map_err(|it| corrupt(Some(&at), it))?;
    let version = checked(Some(&at), StreamVersion::try_from(version))?;
    Ok(event.linked(stream_id.clone(), version))
}

/// A row of a stream: tenant, name, version, first version, state, time of creation.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn stream(values: &impl Values) -> Result<StreamInfo> {
    let number = |column| values.number(column).map_err(|reason| corrupt(None, reason));
    let version = |column| checked(None, StreamVersion::try_from(number(column)?));
    let (tenant, stream_id) = Owners::default().read(values, 0)?;
    let text = values.text((4, "state")).map_err(|reason| corrupt(None, reason))?;
    let (state, holds_links) = state(text)?;
    Ok(StreamInfo {
        tenant,
        stream_id,
        version: version((2, "version"))?,
        first_version: version((3, "first_version"))?,
        state,
        holds_links,
        created_at: values.time((5, "created_at")).map_err(|reason| corrupt(None, reason))?,
    })
}

/// The state of a stream by its stored name, and whether the stream holds links.
///
/// # Errors
/// [`Error::Corrupt`] for any other text.
pub fn state(stored: &str) -> Result<(StreamState, bool)> {
    match stored {
        "active" => Ok((StreamState::Active, false)),
        "archived" => Ok((StreamState::Archived, false)),
        "soft_deleted" => Ok((StreamState::SoftDeleted, false)),
        "hard_deleted" => Ok((StreamState::HardDeleted, false)),
        "links" => Ok((StreamState::Active, true)),
        "archived_links" => Ok((StreamState::Archived, true)),
        other => Err(corrupt(None, format!("column state: {other:?} is no state of a stream"))),
    }
}

/// The stored name of the state of a stream of events or of links; [`state`] reads it.
pub const fn state_name(state: StreamState, holds_links: bool) -> &'static str {
    match (state, holds_links) {
        (StreamState::Active, false) => "active",
        (StreamState::Archived, false) => "archived",
        (StreamState::SoftDeleted, _) => "soft_deleted",
        (StreamState::HardDeleted, _) => "hard_deleted",
        (StreamState::Active, true) => "links",
        (StreamState::Archived, true) => "archived_links",
    }
}

/// A row of a snapshot: schema version, shape, stream version, position, event id, data.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn snapshot(values: &impl Values, kind: &str) -> Result<StoredSnapshot> {
    let number = |column| values.number(column).map_err(|reason| corrupt(None, reason));
    let data = values.json((5, "data")).map_err(|reason| corrupt(None, reason))?;
    let event_id = values.id((4, "event_id")).map_err(|reason| corrupt(None, reason))?;
    Ok(StoredSnapshot {
        kind: kind.to_owned(),
        version: checked(None, EventVersion::try_from(number((0, "schema_version"))?))?,
        shape: number((1, "shape"))?.cast_unsigned(),
        stream_version: checked(None, StreamVersion::try_from(number((2, "stream_version"))?))?,
        position: checked(None, Position::try_from(number((3, "position"))?))?,
        event_id: EventId::from_uuid(event_id),
        data: checked(None, RawValue::from_string(data))?,
    })
}

/// A row of a snapshot with whose it is behind it: tenant, stream, kind.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn owned_snapshot(values: &impl Values, owners: &mut Owners) -> Result<OwnedSnapshot> {
    let (tenant, stream_id) = owners.read(values, 6)?;
    let kind = values.text((8, "kind")).map_err(|reason| corrupt(None, reason))?;
    Ok(OwnedSnapshot { tenant, stream_id, snapshot: snapshot(values, kind)? })
}

/// A row of the census: event type, schema version.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn stored_version(values: &impl Values) -> Result<StoredVersion> {
    let text = values.text((0, "event_type")).map_err(|reason| corrupt(None, reason))?;
    let number = values.number((1, "schema_version")).map_err(|reason| corrupt(None, reason))?;
    Ok(StoredVersion {
        event_type: text.to_owned().into(),
        event_version: checked(None, EventVersion::try_from(number))?,
    })
}

/// A number as a column of 64 bits holds it; more than it can hold is never reached.
pub fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A text that no name with this prefix comes after: names have at most 255 bytes, and no character is higher.
pub fn highest_name(prefix: &str) -> String {
    let mut highest = prefix.to_owned();
    highest.extend(std::iter::repeat_n(char::MAX, 64));
    highest
}

/// How many schema migrations are applied, by the history of a store and the (number, name, checksum) of those that a
/// program knows: they must be the first of them, unchanged.
///
/// # Errors
/// [`Error::IncompatibleSchema`] where a newer program applied more; [`Error::Adapter`] where one differs.
pub fn applied_migrations<'k>(
    history: &[(i64, Vec<u8>)],
    known: impl DoubleEndedIterator<Item = (i64, &'k str, &'k [u8])> + Clone,
) -> Result<usize> {
    let newest = known.clone().next_back().map_or(0, |(number, ..)| number);
    if let Some((found, _)) = history.last().filter(|(number, _)| *number > newest) {
        return Err(Error::IncompatibleSchema { found: *found, known: newest });
    }
    for ((number, name, checksum), (applied, found)) in known.zip(history) {
        if number != *applied || checksum != found.as_slice() {
            let reason = format!(
                "schema migration {name} differs from the one this program carries; the schema was made by another build"
            );
            return Err(Error::adapter("migrate the schema", reason));
        }
    }
    Ok(history.len())
}

fn checked<T, E: std::fmt::Display>(at: Option<&EventLocation>, value: Result<T, E>) -> Result<T> {
    value.map_err(|error| corrupt(at, error.to_string()))
}

fn corrupt(at: Option<&EventLocation>, reason: String) -> Error {
    Error::Corrupt { at: at.cloned().map(Box::new), reason }
}
