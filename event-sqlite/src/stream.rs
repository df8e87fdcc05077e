//! What is known of streams, the list of them, and their end: archived, truncated, deleted.

use event_core::adapter::TenantView;
use event_core::adapter::append::StreamChange;
use event_core::adapter::append::judge::StreamHead;
use event_core::{Delete, ExpectedVersion, ListOptions, Result, StreamId, StreamInfo, Tenant};
use event_sql::rows::state_name;
use event_sql::tables::{StreamPage, StreamUpdate, only_tenant};

use crate::append::stored;
use crate::pool::Pool;
use crate::row::{self, Cells};
use crate::sql;

/// The tenant whose stream is meant: the view's own, or the only one that has a stream of this name.
pub(crate) async fn owner(
    pool: &Pool,
    view: &TenantView,
    stream_id: &StreamId,
) -> Result<Option<Tenant>> {
    if let TenantView::One(tenant) = view {
        return Ok(Some(tenant.clone()));
    }
    let query = sql::OWNERS.query().bind(stream_id.as_str().to_owned());
    let rows = pool.fetch("look up a stream", query).await?;
    let tenants = rows.iter().map(|row| Ok(Tenant::new(Cells::new(row).get::<String>("tenant")?)?));
    only_tenant(stream_id, tenants.collect::<Result<_>>()?)
}

/// What is known of one stream.
pub(crate) async fn info(
    pool: &Pool,
    tenant: &Tenant,
    stream_id: &StreamId,
) -> Result<Option<StreamInfo>> {
    let query = sql::STREAM_INFO
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned());
    let rows = pool.fetch("look up a stream", query).await?;
    rows.first().map(row::info).transpose()
}

/// A page of the list of streams.
pub(crate) async fn list(
    pool: &Pool,
    view: &TenantView,
    options: &ListOptions,
) -> Result<Vec<StreamInfo>> {
    let Some(page) = StreamPage::of(view, options) else { return Ok(Vec::new()) };
    let (after_tenant, after) = page.after;
    let query = sql::LIST_STREAMS.query().bind(page.tenant).bind(after_tenant);
    let query = query
        .bind(after)
        .bind(page.between.0)
        .bind(page.between.1)
        .bind(page.prefix)
        .bind(page.category)
        .bind(page.with_deleted)
        .bind(page.limit);
    let rows = pool.fetch("list streams", query).await?;
    rows.iter().map(row::info).collect()
}

/// Events that one transaction removes at most, other than for a stream that is deleted.
const REMOVED_AT_ONCE: i64 = 1_000;

/// Archives, deletes or truncates a stream.
pub(crate) async fn change(
    pool: &Pool,
    tenant: &Tenant,
    stream_id: &StreamId,
    expected: ExpectedVersion,
    change: StreamChange,
) -> Result<()> {
    let StreamUpdate { operation, state, first_version: first } = StreamUpdate::of(change);
    let query = sql::BEGIN_CHANGE
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned());
    let (mut transaction, rows) = pool.begin(operation, query).await?;
    let stream = rows.first().map(row::info).transpose()?;
    let head = stream.as_ref().map(StreamHead::of);
    let judged = StreamHead::change(head.as_ref(), stream_id, expected, change);
    let key = rows.first().map(|row| Cells::new(row).get::<i64>("stream_key")).transpose()?;
    let (Ok(()), Some(key), Some(stream)) = (&judged, key, stream) else {
        transaction.rollback().await?;
        return judged;
    };
    let holds_links = stream.holds_links;
    let state = state.map(|state| state_name(state, holds_links));
    let first = first.map(|first| stored(first.get()));
    transaction.execute(sql::CHANGE_STREAM.query().bind(key).bind(state).bind(first)).await?;
    if change == StreamChange::Delete(Delete::Hard) {
        let all = sql::REMOVE_EVENTS.query().bind(key).bind(i64::MAX).bind(-1_i64);
        transaction.execute(all).await?;
        transaction.execute(sql::REMOVE_SNAPSHOTS.query().bind(key)).await?;
    }
    if holds_links {
        let is_gone = change == StreamChange::Delete(Delete::Hard);
        let kept = if is_gone { Some(i64::MAX) } else { first };
        transaction.execute(sql::REMOVE_LINKS.query().bind(key).bind(kept.unwrap_or(0))).await?;
    }
    transaction.commit().await?;
    match first {
        Some(first) => remove_truncated(pool, key, first).await,
        None => Ok(()),
    }
}

/// What was truncated is out of sight already; this gives its room back, in small transactions. Interrupted, the same
/// truncation again goes on with it.
async fn remove_truncated(pool: &Pool, key: i64, first: i64) -> Result<()> {
    loop {
        let (mut transaction, _) =
            pool.begin("remove truncated events", sql::BEGIN.query()).await?;
        let query = sql::REMOVE_EVENTS.query().bind(key).bind(first).bind(REMOVED_AT_ONCE);
        let removed = transaction.execute(query).await?;
        transaction.commit().await?;
        if removed < REMOVED_AT_ONCE.unsigned_abs() {
            return Ok(());
        }
    }
}
