//! Snapshots on the server: one row for each stream and kind, which is never replaced by an earlier version.

use event_core::adapter::{OwnedSnapshot, SnapshotStore, StoredSnapshot, async_trait};
use event_core::{Result, StreamId, StreamVersion, Tenant};
use event_sql::rows::{self, Owners, to_i32, to_i64};

use crate::row::Cells;
use crate::sql::{PgQuery, Statement};
use crate::store::Store;

#[async_trait]
impl SnapshotStore for Store {
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        let query = named(&self.sql.load_snapshot, tenant, stream_id, kind);
        let rows = self.fetch("load a snapshot", query).await?;
        rows.first().map(|row| rows::snapshot(&Cells::new(row), kind)).transpose()
    }

    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        let query = named(&self.sql.save_snapshot, tenant, stream_id, &snapshot.kind)
            .bind(to_i32(snapshot.version.get()))
            .bind(snapshot.shape.cast_signed())
            .bind(to_i64(snapshot.stream_version.get()))
            .bind(to_i64(snapshot.position.get()))
            .bind(snapshot.event_id.as_uuid())
            .bind(snapshot.data.get());
        Cells::new(&self.fetch_one("save a snapshot", query).await?).get("kept")
    }

    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        let names = streams.iter().map(|(tenant, id)| (tenant.as_str(), id.as_str()));
        let (tenants, ids): (Vec<&str>, Vec<&str>) = names.unzip();
        let query = self.sql.snapshots_of_streams.query().bind(tenants).bind(ids);
        let rows = self.fetch("load snapshots", query).await?;
        let mut owners = Owners::default();
        rows.iter().map(|row| rows::owned_snapshot(&Cells::new(row), &mut owners)).collect()
    }

    async fn delete(&self, tenant: &Tenant, stream_id: &StreamId, kind: &str) -> Result<bool> {
        let query = named(&self.sql.discard_snapshot, tenant, stream_id, kind).bind(None::<i64>);
        Cells::new(&self.fetch_one("delete a snapshot", query).await?).get("discarded")
    }

    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool> {
        let query = named(&self.sql.discard_snapshot, tenant, stream_id, kind)
            .bind(to_i64(stream_version.get()));
        Cells::new(&self.fetch_one("discard a snapshot", query).await?).get("discarded")
    }
}

/// A statement about one snapshot: tenant, stream and kind come first.
fn named<'q>(
    statement: &Statement,
    tenant: &Tenant,
    stream_id: &StreamId,
    kind: &str,
) -> PgQuery<'q> {
    statement
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned())
        .bind(kind.to_owned())
}
