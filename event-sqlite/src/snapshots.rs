//! Snapshots in the file: one row for each stream and kind, which is never replaced by an earlier version.

use event_core::adapter::{OwnedSnapshot, SnapshotStore, StoredSnapshot, async_trait};
use event_core::{Result, StreamId, StreamVersion, Tenant};
use event_sql::rows::{self, Owners, to_i64};

use crate::row::Cells;
use crate::sql::{self, SqliteQuery, Statement, json};
use crate::store::Store;

#[async_trait]
impl SnapshotStore for Store {
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        let query = named(sql::LOAD_SNAPSHOT, tenant, stream_id, kind);
        let rows = self.fetch("load a snapshot", query).await?;
        rows.first().map(|row| rows::snapshot(&Cells::new(row), kind)).transpose()
    }

    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        let query = named(sql::SAVE_SNAPSHOT, tenant, stream_id, &snapshot.kind)
            .bind(i64::from(snapshot.version.get()))
            .bind(snapshot.shape.cast_signed())
            .bind(to_i64(snapshot.stream_version.get()))
            .bind(to_i64(snapshot.position.get()))
            .bind(snapshot.event_id.as_uuid())
            .bind(snapshot.data.get().to_owned());
        Ok(self.write("save a snapshot", query).await? > 0)
    }

    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        let names = streams.iter().map(|(tenant, id)| (tenant.as_str(), id.as_str()));
        let names = json(&names.collect::<Vec<_>>())?;
        let query = sql::SNAPSHOTS_OF_STREAMS.query().bind(names);
        let rows = self.fetch("load snapshots", query).await?;
        let mut owners = Owners::default();
        rows.iter().map(|row| rows::owned_snapshot(&Cells::new(row), &mut owners)).collect()
    }

    async fn delete(&self, tenant: &Tenant, stream_id: &StreamId, kind: &str) -> Result<bool> {
        let query = named(sql::DISCARD_SNAPSHOT, tenant, stream_id, kind).bind(None::<i64>);
        Ok(self.write("delete a snapshot", query).await? > 0)
    }

    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool> {
        let query = named(sql::DISCARD_SNAPSHOT, tenant, stream_id, kind)
            .bind(to_i64(stream_version.get()));
        Ok(self.write("discard a snapshot", query).await? > 0)
    }
}

/// A statement about one snapshot: tenant, stream and kind come first.
fn named(statement: Statement, tenant: &Tenant, stream_id: &StreamId, kind: &str) -> SqliteQuery {
    statement
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned())
        .bind(kind.to_owned())
}
