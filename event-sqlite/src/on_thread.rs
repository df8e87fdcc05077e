//! [`OnThread`]: the snapshots of a store, whose transactions run on the store's thread; the checkpoints are beside it.

use std::sync::Arc;

use event_core::adapter::{OwnedSnapshot, SnapshotStore, StoredSnapshot, async_trait};
use event_core::{Result, StreamId, StreamVersion, Tenant};

use crate::store::Store;

/// The store, called from its thread where it writes.
pub(crate) struct OnThread(pub(crate) Arc<Store>);

#[async_trait]
impl SnapshotStore for OnThread {
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        self.0.load(tenant, stream_id, kind).await
    }

    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        let (store, tenant) = (Arc::clone(&self.0), tenant.clone());
        let (stream_id, snapshot) = (stream_id.clone(), snapshot.clone());
        let work = async move { store.save(&tenant, &stream_id, &snapshot).await };
        self.0.thread.run("save a snapshot", work).await?
    }

    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        self.0.of_streams(streams).await
    }

    async fn delete(&self, tenant: &Tenant, stream_id: &StreamId, kind: &str) -> Result<bool> {
        let (store, tenant) = (Arc::clone(&self.0), tenant.clone());
        let (stream_id, kind) = (stream_id.clone(), kind.to_owned());
        let work = async move { store.delete(&tenant, &stream_id, &kind).await };
        self.0.thread.run("delete a snapshot", work).await?
    }

    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool> {
        let (store, tenant) = (Arc::clone(&self.0), tenant.clone());
        let (stream_id, kind) = (stream_id.clone(), kind.to_owned());
        let work = async move { store.discard(&tenant, &stream_id, &kind, stream_version).await };
        self.0.thread.run("discard a snapshot", work).await?
    }
}
