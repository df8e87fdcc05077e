//! Rows of events.

use event_core::envelope::RecordedParts;
use event_core::error::EventLocation;
use event_core::{
    EventId, EventVersion, Metadata, Position, RecordedEvent, Result, StreamId, StreamVersion,
    Tenant,
};
use serde_json::value::RawValue;

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
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn event(
    values: &impl Values,
    first: usize,
    (tenant, stream_id): (Tenant, StreamId),
) -> Result<RecordedEvent> {
    let number = |place, name| values.number((first + place, name));
    let stream_version = checked(StreamVersion::try_from(number(0, "version").map_err(corrupt)?))?;
    let position = checked(Position::try_from(number(1, "position").map_err(corrupt)?))?;
    let at = EventLocation { stream_id: stream_id.clone(), stream_version, position };
    let here = |reason| corrupt_event(&at, reason);

    let metadata = values.json((first + 6, "metadata")).map_err(here)?;
    let version = EventVersion::try_from(number(4, "schema_version").map_err(here)?);
    let data = RawValue::from_string(values.json((first + 5, "data")).map_err(here)?);
    Ok(RecordedEvent::from_parts(RecordedParts {
        tenant,
        stream_version,
        position,
        event_id: EventId::from_uuid(values.id((first + 2, "event_id")).map_err(here)?),
        event_type: values.text((first + 3, "event_type")).map_err(here)?.to_owned().into(),
        event_version: version.map_err(|error| here(error.to_string()))?,
        data: data.map_err(|error| here(error.to_string()))?,
        metadata: match metadata.as_str() {
            "{}" => Metadata::new(),
            _ => Metadata::from_json(metadata).map_err(|error| here(error.to_string()))?,
        },
        recorded_at: values.time((first + 7, "time")).map_err(here)?,
        stream_id,
    }))
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
