//! [`SnapshotStore`]: where a backend keeps the states of aggregates, one for each stream and kind.
//!
//! A snapshot is a saving, never a source: whoever loads one proves that it fits its stream, and can do without it.
//! So a store may lose snapshots, but never gives back one in the place of another.

use serde_json::value::RawValue;

use crate::adapter::BoxFuture;
use crate::error::{Error, Result};
use crate::value::{EventId, EventVersion, Position, StreamId, StreamVersion, Tenant};

/// A state as it is stored, and what it was folded from.
#[derive(Debug, Clone)]
pub struct StoredSnapshot {
    /// What it is of: the name that the aggregate gives its state.
    pub kind: String,
    /// The schema version of the state.
    pub version: EventVersion,
    /// A hash of the shape of the state, as the program that wrote it knew it.
    pub shape: u64,
    /// The last event that is in the state, by its number in the stream.
    pub stream_version: StreamVersion,
    /// That event's place in the global order.
    pub position: Position,
    /// That event's id: a stream that was restored and went on otherwise has another event there.
    pub event_id: EventId,
    /// The state.
    pub data: Box<RawValue>,
}

/// A snapshot and whose it is.
#[derive(Debug, Clone)]
pub struct OwnedSnapshot {
    /// Whose stream.
    pub tenant: Tenant,
    /// The stream.
    pub stream_id: StreamId,
    /// The state.
    pub snapshot: StoredSnapshot,
}

/// Keeps snapshots. Every promise is in the contract suite, in the group `snapshot`.
pub trait SnapshotStore: Send + Sync {
    /// The snapshot of a stream, byte for byte as it was saved; `None` where there is none, whatever the reason: a
    /// missing stream, another tenant's, a deleted one.
    ///
    /// A row that cannot be read is [`Error::Corrupt`]; recovery then does without it.
    fn load<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        kind: &'a str,
    ) -> BoxFuture<'a, Result<Option<StoredSnapshot>>>;

    /// Keeps a snapshot in the place of the one before it, and says whether it did.
    ///
    /// It does not (and that is no error) where the one it has is at the same stream version or a later one, also when
    /// writers race; and where the stream does not exist or is deleted. Whether the snapshot fits the stream is not
    /// checked here.
    fn save<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        snapshot: &'a StoredSnapshot,
    ) -> BoxFuture<'a, Result<bool>>;

    /// The snapshots of some streams, of every kind, with whose they are; in any order. What [`load`](Self::load) would not
    /// give back is left out.
    fn of_streams<'a>(
        &'a self,
        streams: &'a [(Tenant, StreamId)],
    ) -> BoxFuture<'a, Result<Vec<OwnedSnapshot>>>;

    /// Removes the snapshot if it is still the one at this stream version, and says whether it did. Deleting a stream
    /// hard removes its snapshots, of every kind, with its events.
    fn discard<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        kind: &'a str,
        stream_version: StreamVersion,
    ) -> BoxFuture<'a, Result<bool>>;
}

/// Of a backend that keeps none: there never is one, and saving one is an error.
#[derive(Debug)]
pub(super) struct NoSnapshots;

impl SnapshotStore for NoSnapshots {
    fn load<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a StreamId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<StoredSnapshot>>> {
        Box::pin(async { Ok(None) })
    }

    fn save<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a StreamId,
        _: &'a StoredSnapshot,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Err(Error::adapter("save a snapshot", "this backend keeps none")) })
    }

    fn of_streams<'a>(
        &'a self,
        _: &'a [(Tenant, StreamId)],
    ) -> BoxFuture<'a, Result<Vec<OwnedSnapshot>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn discard<'a>(
        &'a self,
        _: &'a Tenant,
        _: &'a StreamId,
        _: &'a str,
        _: StreamVersion,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }
}
