//! Loads, saves and discards snapshots as operations of the facade, each with a span, metrics and retries. Recovery decides
//! when.

use crate::adapter::{StoredSnapshot, TenantView};
use crate::error::Result;
use crate::store::EventStore;
use crate::value::{StreamId, StreamVersion, Tenant};

impl EventStore {
    /// The tenant that owns a stream; in the operator's view it is looked up.
    async fn owner(&self, stream_id: &StreamId) -> Result<Tenant> {
        match &self.view {
            TenantView::One(tenant) => Ok(tenant.clone()),
            TenantView::All => self.stream_info(stream_id).await.map(|info| info.tenant),
        }
    }

    /// Whether this handle may write.
    pub(crate) fn is_bound(&self) -> bool {
        self.view != TenantView::All
    }

    pub(crate) async fn load_snapshot(
        &self,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        let tenant = self.owner(stream_id).await?;
        let store = self.shared.adapter.snapshots();
        self.operation("load_snapshot", Some(stream_id))
            .run(|_| store.load(&tenant, stream_id, kind))
            .await
    }

    pub(crate) async fn save_snapshot(
        &self,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        let operation = self.operation("save_snapshot", Some(stream_id));
        operation.check(self.require_tenant())?;
        let store = self.shared.adapter.snapshots();
        operation.run(|_| store.save(&self.scope.tenant, stream_id, snapshot)).await
    }

    pub(crate) async fn discard_snapshot(
        &self,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool> {
        let operation = self.operation("discard_snapshot", Some(stream_id));
        operation.check(self.require_tenant())?;
        let store = self.shared.adapter.snapshots();
        operation.run(|_| store.discard(&self.scope.tenant, stream_id, kind, stream_version)).await
    }
}
