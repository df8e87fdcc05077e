//! Batches of streams, events and links from another store, with their ids, times and versions.
//!
//! A batch holds one kind of record. A store is imported in this order: its streams, its events in global order, its links. So
//! every batch depends only on earlier ones. An interrupted import is repeated from the start, and what is already stored is
//! skipped. [`judge`] decides what is stored; adapters look up and write.

pub mod judge;

use crate::adapter::StreamInfo;
use crate::envelope::RecordedEvent;
use crate::value::{EventId, StreamId, StreamVersion, Tenant};

/// Whether imported events keep their positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Positions {
    /// New positions are assigned in the order of the old ones. Works with any store, also one in use.
    #[default]
    Assign,
    /// The events keep their positions, which must be after all positions that this store ever used. Works with an empty store,
    /// and with one that holds an earlier part of the import. Readers at the end of the log miss nothing.
    Keep,
}

/// Records of one kind, of any tenants, stored all or nothing.
#[derive(Debug, Clone)]
pub enum ImportBatch {
    /// The entries of streams, before their events. Only truncated, archived, deleted and link streams need one; any other stream
    /// is created by its first event.
    Streams(Vec<StreamInfo>),
    /// Events in the order of their positions, without a gap within a stream, and not read through links.
    Events {
        /// Whether they keep their positions.
        positions: Positions,
        /// At most 10 000 events.
        events: Vec<RecordedEvent>,
    },
    /// Links, after their events and the entries of their streams.
    Links(Vec<ImportedLink>),
}

/// A link from another store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedLink {
    /// The tenant that owns the stream and the event.
    pub tenant: Tenant,
    /// The stream of links.
    pub stream_id: StreamId,
    /// The number of the link in the stream.
    pub stream_version: StreamVersion,
    /// The linked event.
    pub event_id: EventId,
}

/// How much of an import was stored and skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Events and links that were stored by it.
    pub stored: u64,
    /// Events and links that were already stored.
    pub skipped: u64,
}
