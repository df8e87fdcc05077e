//! Snapshots on the server: one row for each stream and kind, which never goes back to an earlier version.

use event_core::adapter::{BoxFuture, OwnedSnapshot, SnapshotStore, StoredSnapshot};
use event_core::{Error, Result, StreamId, StreamVersion, Tenant};
use event_sql::rows;
use event_sql::rows::Owners;

use crate::adapter::PgAdapter;
use crate::append::stored;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::PgQuery;

impl SnapshotStore for PgAdapter {
    fn load<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        kind: &'a str,
    ) -> BoxFuture<'a, Result<Option<StoredSnapshot>>> {
        let (pool, sql) = self.parts();
        let query = named(sql.load_snapshot.query(), tenant, stream_id, kind);
        Box::pin(async move {
            let rows = pool.fetch("load a snapshot", query).await?;
            rows.first().map(|row| rows::snapshot(&Cells::new(row), kind)).transpose()
        })
    }

    fn save<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        snapshot: &'a StoredSnapshot,
    ) -> BoxFuture<'a, Result<bool>> {
        let (pool, sql) = self.parts();
        let query = named(sql.save_snapshot.query(), tenant, stream_id, &snapshot.kind)
            // A schema version is at most what the column holds.
            .bind(i32::try_from(snapshot.version.get()).unwrap_or(i32::MAX))
            .bind(snapshot.shape.cast_signed())
            .bind(stored(snapshot.stream_version.get()))
            .bind(stored(snapshot.position.get()))
            .bind(snapshot.event_id.as_uuid())
            .bind(snapshot.data.get());
        Box::pin(answer(pool, "save a snapshot", query, "kept"))
    }

    fn of_streams<'a>(
        &'a self,
        streams: &'a [(Tenant, StreamId)],
    ) -> BoxFuture<'a, Result<Vec<OwnedSnapshot>>> {
        Box::pin(async move {
            let (pool, sql) = self.parts();
            let (tenants, names): (Vec<String>, Vec<String>) = streams
                .iter()
                .map(|(tenant, id)| (tenant.as_str().to_owned(), id.as_str().to_owned()))
                .unzip();
            let query = sql.snapshots_of_streams.query().bind(tenants).bind(names);
            let rows = pool.fetch("load snapshots", query).await?;
            let mut owners = Owners::default();
            rows.iter().map(|row| rows::owned_snapshot(&Cells::new(row), &mut owners)).collect()
        })
    }

    fn discard<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        kind: &'a str,
        stream_version: StreamVersion,
    ) -> BoxFuture<'a, Result<bool>> {
        let (pool, sql) = self.parts();
        let query = named(sql.discard_snapshot.query(), tenant, stream_id, kind)
            .bind(stored(stream_version.get()));
        Box::pin(answer(pool, "discard a snapshot", query, "discarded"))
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
