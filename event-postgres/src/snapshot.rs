//! Snapshots on the server: one row for each stream and kind, which never goes back to an earlier version.

use event_core::adapter::{OwnedSnapshot, SnapshotStore, StoredSnapshot, async_trait};
use event_core::{Error, Result, StreamId, StreamVersion, Tenant};
use event_sql::rows;
use event_sql::rows::Owners;

use crate::adapter::PgAdapter;
use crate::append::stored;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::PgQuery;

#[async_trait]
impl SnapshotStore for PgAdapter {
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        let (pool, sql) = self.parts();
        let query = named(sql.load_snapshot.query(), tenant, stream_id, kind);
        let rows = pool.fetch("load a snapshot", query).await?;
        rows.first().map(|row| rows::snapshot(&Cells::new(row), kind)).transpose()
    }

    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        let (pool, sql) = self.parts();
        let query = named(sql.save_snapshot.query(), tenant, stream_id, &snapshot.kind)
            // A schema version is at most what the column holds.
            .bind(i32::try_from(snapshot.version.get()).unwrap_or(i32::MAX))
            .bind(snapshot.shape.cast_signed())
            .bind(stored(snapshot.stream_version.get()))
            .bind(stored(snapshot.position.get()))
            .bind(snapshot.event_id.as_uuid())
            .bind(snapshot.data.get());
        answer(pool, "save a snapshot", query, "kept").await
    }

    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        let (pool, sql) = self.parts();
        let (tenants, names): (Vec<String>, Vec<String>) = streams
            .iter()
            .map(|(tenant, id)| (tenant.as_str().to_owned(), id.as_str().to_owned()))
            .unzip();
        let query = sql.snapshots_of_streams.query().bind(tenants).bind(names);
        let rows = pool.fetch("load snapshots", query).await?;
        let mut owners = Owners::default();
        rows.iter().map(|row| rows::owned_snapshot(&Cells::new(row), &mut owners)).collect()
    }

    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        stream_version: StreamVersion,
    ) -> Result<bool> {
        let (pool, sql) = self.parts();
        let query = named(sql.discard_snapshot.query(), tenant, stream_id, kind)
            .bind(stored(stream_version.get()));
        answer(pool, "discard a snapshot", query, "discarded").await
    }
}

fn named<'q>(
    query: PgQuery<'q>,
    tenant: &Tenant,
    stream_id: &StreamId,
    kind: &'q str,
) -> PgQuery<'q> {
    query.bind(tenant.as_str().to_owned()).bind(stream_id.as_str().to_owned()).bind(kind)
}

async fn answer(
    pool: &Pool,
    operation: &'static str,
    query: PgQuery<'_>,
    column: &str,
) -> Result<bool> {
    let rows = pool.fetch(operation, query).await?;
    match rows.first() {
        Some(row) => Cells::new(row).get(column),
        None => Err(Error::adapter(operation, "no answer")),
    }
}
