//! What another store holds, on its way into this one: ids, times and numbers as they are.
//!
//! A batch has one kind of thing. A whole store comes as its streams, then its events in global order, then its links:
//! so every batch stands on the ones before it, and an import that was interrupted is repeated from the start, where
//! what is stored already is skipped. [`judge`] decides what is stored; adapters look up and write.

pub mod judge;

use crate::adapter::StreamInfo;
use crate::envelope::RecordedEvent;
use crate::value::{EventId, StreamId, StreamVersion, Tenant};

/// Whether imported events keep their places in the global order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Positions {
    /// New positions, drawn in the order of the old ones: into any store, also one that is in use.
    #[default]
    Assign,
    /// The positions they have, which must be beyond all that this store ever used: into an empty store, or after what
    /// was imported before. Readers that have seen everything miss nothing.
    Keep,
}

/// Things of one kind, stored all or not at all; of any tenants.
#[derive(Debug, Clone)]
pub enum ImportBatch {
    /// Streams, before their events: where they start, and what may be done with them. A stream that was never
    /// truncated may also come with its first event.
    Streams(Vec<StreamInfo>),
    /// Events in the order of their positions, in each stream without a gap; none is read through a link.
    Events {
        /// Whether they keep their positions.
        positions: Positions,
        /// At most 10 000.
        events: Vec<RecordedEvent>,
    },
    /// Links, after the events and their own streams.
    Links(Vec<ImportedLink>),
}

/// A link as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedLink {
    /// Whose stream, and whose event.
    pub tenant: Tenant,
    /// The stream of links.
    pub stream_id: StreamId,
    /// The number under which it shows the event.
    pub stream_version: StreamVersion,
    /// The event.
    pub event_id: EventId,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Events and links that were stored now.
    pub stored: u64,
    /// Those that were there already.
    pub skipped: u64,
}
