//! Rows of snapshots.

use event_core::adapter::{OwnedSnapshot, StoredSnapshot};
use event_core::{EventId, EventVersion, Position, Result, StreamVersion};
use serde_json::value::RawValue;

use super::{Owners, Values, checked, corrupt};

/// A row of a snapshot: schema version, shape, stream version, position, event id, data.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn snapshot(values: &impl Values, kind: &str) -> Result<StoredSnapshot> {
    let number = |column| values.number(column).map_err(corrupt);
    let data = values.json((5, "data")).map_err(corrupt)?;
    Ok(StoredSnapshot {
        kind: kind.to_owned(),
        version: checked(EventVersion::try_from(number((0, "schema_version"))?))?,
        shape: number((1, "shape"))?.cast_unsigned(),
        stream_version: checked(StreamVersion::try_from(number((2, "stream_version"))?))?,
        position: checked(Position::try_from(number((3, "position"))?))?,
        event_id: EventId::from_uuid(values.id((4, "event_id")).map_err(corrupt)?),
        data: checked(RawValue::from_string(data))?,
    })
}

/// A row of a snapshot with its owner after it: tenant, stream, kind.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn owned_snapshot(values: &impl Values, owners: &mut Owners) -> Result<OwnedSnapshot> {
    let (tenant, stream_id) = owners.read(values, 6)?;
    let kind = values.text((8, "kind")).map_err(corrupt)?;
    Ok(OwnedSnapshot { tenant, stream_id, snapshot: snapshot(values, kind)? })
}
