//! [`SnapshotStore`]: where a backend keeps the states of aggregates, one for each stream and kind.
//!
//! A snapshot is a saving, never a source: whoever loads one proves that it fits its stream, and can do without it.
//! So a store may lose snapshots, but never gives back one in the place of another.

use async_trait::async_trait;
use serde_json::value::RawValue;

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
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// The snapshot of a stream, byte for byte as it was saved; `None` where there is none, whatever the reason: a
    /// missing stream, another tenant's, a deleted one.
    ///
    /// A row that cannot be read is [`Error::Corrupt`]; recovery then does without it.
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>>;

    /// Keeps a snapshot in the place of the one before it, and says whether it did.
    ///
    /// It does not (and that is no error) where the one it has is at the same stream version or a later one, also when
    /// writers race; and where the stream does not exist or is deleted. Whether the snapshot fits the stream is not
    /// checked here.
    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool>;

    /// The snapshots of some streams, of every kind, with whose they are; in any order. What [`load`](Self::load) would not
    /// give back is left out.
    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>>;

    /// Removes the snapshot if it is still the one at this stream version, and says whether it did. Deleting a stream
    /// hard removes its snapshots, of every kind, with its events.
    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool>;
}

/// Of a backend that keeps none: there never is one, and saving one is an error.
#[derive(Debug)]
pub(super) struct NoSnapshots;

#[async_trait]
impl SnapshotStore for NoSnapshots {
    async fn load(&self, _: &Tenant, _: &StreamId, _: &str) -> Result<Option<StoredSnapshot>> {
        Ok(None)
    }

    async fn save(&self, _: &Tenant, _: &StreamId, _: &StoredSnapshot) -> Result<bool> {
        Err(Error::adapter("save a snapshot", "this backend keeps none"))
    }

    async fn of_streams(&self, _: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        Ok(Vec::new())
    }

    async fn discard(&self, _: &Tenant, _: &StreamId, _: &str, _: StreamVersion) -> Result<bool> {
        Ok(false)
    }
}
