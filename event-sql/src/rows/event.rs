//! Rows of events.

use std::fmt::Display;

use chrono::DateTime;
use event_core::envelope::RecordedParts;
use event_core::{
    EventId, EventVersion, Metadata, Position, RecordedEvent, Result, StreamId, StreamVersion,
    Tenant,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Values, checked, corrupt, corrupt_event};

/// The tenants and streams of rows. Neighbours often share them, so the last ones are kept.
#[derive(Debug, Clone, Default)]
pub struct Owners(Option<(Tenant, StreamId)>);

impl Owners {
    /// Those of a row; the columns `tenant` and `stream_id` start at `first`.
    ///
    /// # Errors
    /// [`Error::Corrupt`](event_core::Error::Corrupt).
    pub fn read(&mut self, values: &impl Values, first: usize) -> Result<(Tenant, StreamId)> {
        let text = |column| values.text(column).map_err(corrupt);
        let (tenant, stream_id) = (text((first, "tenant"))?, text((first + 1, "stream_id"))?);
        let is_last =
            |(t, s): &&(Tenant, StreamId)| t.as_str() == tenant && s.as_str() == stream_id;
        if let Some(same) = self.0.as_ref().filter(is_last) {
            return Ok(same.clone());
        }
        let owner = (checked(Tenant::new(tenant))?, checked(StreamId::new(stream_id))?);
        Ok(self.0.insert(owner).clone())
    }
}

/// A row of an event. From `first` on: version, position, event id, event type, schema version, data, metadata, time.
/// What cannot be read of it, the position aside, marks the event as damaged: the rest of the page does not depend on it.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt) for a position that cannot be read.
pub fn event(
    values: &impl Values,
    first: usize,
    (tenant, stream_id): (Tenant, StreamId),
) -> Result<RecordedEvent> {
    let number = |place, name| values.number((first + place, name));
    let position = checked(Position::try_from(number(1, "position").map_err(corrupt)?))?;
    let mut damage = Damage(None);
    let version = number(0, "version").and_then(|number| said(StreamVersion::try_from(number)));
    let id = values.id((first + 2, "event_id"));
    let event_type = values.text((first + 3, "event_type"));
    let schema =
        number(4, "schema_version").and_then(|number| said(EventVersion::try_from(number)));
    let data = values.json((first + 5, "data"));
    let data = data.and_then(|text| said(RawValue::from_string(text)));
    let metadata = values.json((first + 6, "metadata")).and_then(|text| match text.as_str() {
        "{}" => Ok(Metadata::new()),
        _ => said(Metadata::from_json(text)),
    });
    let time = values.time((first + 7, "time"));
    let event = RecordedEvent::from_parts(RecordedParts {
        tenant,
        stream_version: damage.or(version, || StreamVersion::NONE),
        position,
        event_id: EventId::from_uuid(damage.or(id, Uuid::nil)),
        event_type: damage.or(event_type, || "unreadable").to_owned().into(),
        event_version: damage.or(schema, || EventVersion::FIRST),
        data: damage.or(data, || RawValue::NULL.to_owned()),
        metadata: damage.or(metadata, Metadata::new),
        recorded_at: damage.or(time, || DateTime::UNIX_EPOCH),
        stream_id,
    });
    Ok(match damage.0 {
        None => event,
        Some(reason) => event.damaged(reason),
    })
}

/// Why the first value of a row that could not be read could not.
struct Damage(Option<String>);

impl Damage {
    fn or<T>(&mut self, read: Result<T, String>, stand_in: impl FnOnce() -> T) -> T {
        read.unwrap_or_else(|reason| {
            self.0.get_or_insert(reason);
            stand_in()
        })
    }
}

fn said<T, E: Display>(made: Result<T, E>) -> Result<T, String> {
    made.map_err(|error| error.to_string())
}

/// An event as a stream of links shows it: under its number there, which is the column at `number`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn linked(
    values: &impl Values,
    number: usize,
    stream_id: &StreamId,
    event: RecordedEvent,
) -> Result<RecordedEvent> {
    let at = event.location();
    let here = |reason| corrupt_event(&at, reason);
    let version = values.number((number, "link_version")).map_err(here)?;
    let version = StreamVersion::try_from(version).map_err(|error| here(error.to_string()))?;
    Ok(event.linked(stream_id.clone(), version))
}
