//! Rows of streams, and the stored names of their states.

use event_core::adapter::StreamState;
use event_core::{Result, StreamInfo, StreamVersion, Tenant};

use super::{Owners, Record, Values, checked, corrupt};

/// A row of a stream: tenant, name, version, first version, state, time of creation.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn stream(values: &impl Values) -> Result<StreamInfo> {
    let number = |column| values.number(column).map_err(corrupt);
    let version = |column| checked(StreamVersion::try_from(number(column)?));
    let (tenant, stream_id) = Owners::default().read(values, 0)?;
    let (state, holds_links) = state(values.text((4, "state")).map_err(corrupt)?)?;
    Ok(StreamInfo {
        tenant,
        stream_id,
        version: version((2, "version"))?,
        first_version: version((3, "first_version"))?,
        state,
        holds_links,
        created_at: values.time((5, "created_at")).map_err(corrupt)?,
    })
}

/// A row that names a tenant.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn tenant(values: &impl Values) -> Result<Tenant> {
    Record(values).tenant("tenant")
}

/// The state of a stream by its stored name, and whether the stream holds links.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt) for any other text.
pub fn state(stored: &str) -> Result<(StreamState, bool)> {
    match stored {
        "active" => Ok((StreamState::Active, false)),
        "archived" => Ok((StreamState::Archived, false)),
        "soft_deleted" => Ok((StreamState::SoftDeleted, false)),
        "hard_deleted" => Ok((StreamState::HardDeleted, false)),
        "links" => Ok((StreamState::Active, true)),
        "archived_links" => Ok((StreamState::Archived, true)),
        other => Err(corrupt(format!("column state: {other:?} is no state of a stream"))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_state_reads_as_the_state() {
        for holds_links in [false, true] {
            for stored in [StreamState::Active, StreamState::Archived] {
                let name = state_name(stored, holds_links);
                assert_eq!(state(name).unwrap(), (stored, holds_links));
            }
            for stored in [StreamState::SoftDeleted, StreamState::HardDeleted] {
                assert_eq!(state(state_name(stored, holds_links)).unwrap(), (stored, false));
            }
        }
        assert!(state("deleted").is_err());
    }
}
