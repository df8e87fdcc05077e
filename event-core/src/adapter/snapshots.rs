//! [`SnapshotStore`]: stores the states of aggregates, one for each stream and kind.
//!
//! A snapshot is an optimisation, never the source of truth: the loader checks it against the stream, and recovers from events
//! without it. A store may lose snapshots, but never returns one for another stream or kind.

use async_trait::async_trait;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::value::{EventId, EventVersion, Position, StreamId, StreamVersion, Tenant};

/// An encoded state, and the event up to which it was folded.
#[derive(Debug, Clone)]
pub struct StoredSnapshot {
    /// The kind: the name that the aggregate gives its state.
    pub kind: String,
    /// The schema version of the state.
    pub version: EventVersion,
    /// A hash of the state's shape in the program that wrote it.
    pub shape: u64,
    /// The number of the last event that is included in the state.
    pub stream_version: StreamVersion,
    /// The position of that event in the global order.
    pub position: Position,
    /// The id of that event; a stream that was restored and continued differently has another event under the number.
    pub event_id: EventId,
    /// The state as JSON.
    pub data: Box<RawValue>,
}

/// A snapshot with its tenant and stream.
#[derive(Debug, Clone)]
pub struct OwnedSnapshot {
    /// The tenant that owns the stream.
    pub tenant: Tenant,
    /// The stream.
    pub stream_id: StreamId,
    /// The snapshot.
    pub snapshot: StoredSnapshot,
}

/// Stores snapshots. The contract suite tests every promise, in the group `snapshot`.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Loads the snapshot of a stream, byte for byte as it was saved. `None` if there is none, also for a deleted or missing
    /// stream and for one of another tenant.
    ///
    /// A row that cannot be read is [`Error::Corrupt`]; recovery then reads all events.
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>>;

    /// Replaces the snapshot of a stream. Returns whether it was stored.
    ///
    /// It is not stored, without an error, if the existing one is at the same stream version or later, also when writers race,
    /// or if the stream does not exist or is deleted. Whether the snapshot fits the stream is not checked here.
    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool>;

    /// Loads the snapshots of every kind of these streams, in any order. Snapshots that [`load`](Self::load) would not return
    /// are left out.
    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>>;

    /// Removes the snapshot, whatever stream version it is at, and whether it can be read or not. Returns whether there was
    /// one.
    ///
    /// By default it is looked up and discarded, so one that cannot be read is an error.
    async fn delete(&self, tenant: &Tenant, stream_id: &StreamId, kind: &str) -> Result<bool> {
        for _ in 0..TRIES {
            let Some(found) = self.load(tenant, stream_id, kind).await? else { return Ok(false) };
            if self.discard(tenant, stream_id, kind, found.stream_version).await? {
                return Ok(true);
            }
        }
        Err(Error::adapter("delete a snapshot", "others are saved faster than they are deleted"))
    }

    /// Removes the snapshot if it is at this stream version. Returns whether it was removed. A hard deletion of a stream removes
    /// its snapshots of every kind with its events.
    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool>;
}

/// How often a snapshot is looked up that another one replaces meanwhile.
const TRIES: usize = 8;

/// The snapshot store of a backend without snapshots: nothing to load, and saving fails.
#[derive(Debug)]
pub(super) struct NoSnapshots;

#[async_trait]
impl SnapshotStore for NoSnapshots {
    async fn load(&self, _: &Tenant, _: &StreamId, _: &str) -> Result<Option<StoredSnapshot>> {
        Ok(None)
    }

    async fn save(&self, _: &Tenant, _: &StreamId, _: &StoredSnapshot) -> Result<bool> {
        Err(Error::adapter("save a snapshot", "this backend does not store snapshots"))
    }

    async fn of_streams(&self, _: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        Ok(Vec::new())
    }

    async fn discard(&self, _: &Tenant, _: &StreamId, _: &str, _: StreamVersion) -> Result<bool> {
        Ok(false)
    }
}
