//! What an import finds in the store, from its rows.

use std::collections::HashMap;

use event_core::adapter::import::Imported;
use event_core::adapter::import::judge::{FoundLink, StreamKey, Target};
use event_core::{EventId, Position, Result, StreamId, StreamInfo, StreamVersion, Tenant};

use crate::rows::{self, Record, Values, checked};

/// The name of the operation in errors.
pub const OPERATION: &str = "import";

/// The streams of a batch that exist.
pub type StoredStreams = HashMap<StreamKey, StoredStream>;

/// The events of a batch that are stored, by tenant and id.
pub type StoredEvents = HashMap<(Tenant, EventId), (StreamId, StreamVersion, Position)>;

/// A stream that exists, with the keys of its rows.
#[derive(Debug, Clone)]
pub struct StoredStream {
    /// The stream, as an import is judged on it.
    pub target: Target,
    /// Its key.
    pub key: i64,
    /// The key of its tenant.
    pub tenant_key: i64,
    /// The key of its category.
    pub category_key: i64,
}

impl StoredStream {
    /// A row of a stream, with `last_event`, `stream_key`, `tenant_key` and `category_key`.
    ///
    /// # Errors
    /// [`Error::Corrupt`](event_core::Error::Corrupt).
    pub fn read(values: &impl Values) -> Result<(StreamKey, Self)> {
        let (info, row) = (rows::stream(values)?, Record(values));
        let key = (info.tenant.clone(), info.stream_id.clone());
        let stream = Self {
            target: Target::existing(info, row.version("last_event")?),
            key: row.number("stream_key")?,
            tenant_key: row.number("tenant_key")?,
            category_key: row.number("category_key")?,
        };
        Ok((key, stream))
    }
}

/// Where a stored event is: `stream_id`, `version`, `position`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn location(values: &impl Values) -> Result<(StreamId, StreamVersion, Position)> {
    let row = Record(values);
    let stream_id = checked(StreamId::new(row.text("stream_id")?))?;
    Ok((stream_id, row.version("version")?, row.position("position")?))
}

/// What is stored of a link: `position`, `at_number`, `number`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn link(values: &impl Values, stream: Option<StreamInfo>) -> Result<FoundLink> {
    let row = Record(values);
    Ok(FoundLink {
        stream,
        position: row.optional("position", Record::position)?,
        at_number: row.optional("at_number", Record::position)?,
        number: row.optional("number", Record::version)?,
    })
}

/// The answer to a batch of which some are stored by this import, and the others were before.
pub const fn imported(stored: usize, batch: usize) -> Imported {
    Imported { stored: stored as u64, skipped: (batch - stored) as u64 }
}
