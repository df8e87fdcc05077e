//! Information about streams, the list of them, and changes: archived, truncated, deleted.

use event_core::adapter::TenantView;
use event_core::adapter::append::StreamChange;
use event_core::adapter::append::judge::StreamHead;
use event_core::{Delete, ExpectedVersion, ListOptions, Result, StreamId, StreamInfo, Tenant};
use event_sql::rows::{self, state_name, to_i64};
use event_sql::streams::{ListPage, StreamUpdate, only_tenant};
use uuid::Uuid;

use crate::row::{self, Cells};
use crate::sql::{self, SqliteQuery, Statement};
use crate::store::Store;

const LOOK_UP: &str = "look up a stream";
/// Events that one transaction removes at most, unless the stream is deleted.
const REMOVED_AT_ONCE: i64 = 1_000;
/// For how long the calls that changed a stream are recognised: a day, in microseconds.
const REMEMBERED: i64 = 24 * 3_600 * 1_000_000;

/// The tenant of the stream that is meant: the view's own, or the only one that has a stream of this name.
pub(crate) async fn owner(
    store: &Store,
    view: &TenantView,
    stream_id: &StreamId,
) -> Result<Option<Tenant>> {
    if let TenantView::One(tenant) = view {
        return Ok(Some(tenant.clone()));
    }
    let query = sql::OWNERS.query().bind(stream_id.as_str().to_owned());
    let rows = store.fetch(LOOK_UP, query).await?;
    only_tenant(stream_id, rows.iter().map(|row| rows::tenant(&Cells::new(row))))
}

/// Information about one stream.
pub(crate) async fn info(
    store: &Store,
    tenant: &Tenant,
    stream_id: &StreamId,
) -> Result<Option<StreamInfo>> {
    let rows = store.fetch(LOOK_UP, named(sql::STREAM_INFO, tenant, stream_id)).await?;
    rows.first().map(row::info).transpose()
}

/// A page of the list of streams.
pub(crate) async fn list(
    store: &Store,
    view: &TenantView,
    options: &ListOptions,
) -> Result<Vec<StreamInfo>> {
    let Some(page) = ListPage::of(view, options) else { return Ok(Vec::new()) };
    let (after_tenant, after) = page.after;
    if let Some((order, key)) = page.order {
        let query = sql::LIST_ORDERED_STREAMS.query().bind(page.tenant).bind(order);
        let query = query.bind(key).bind(after_tenant).bind(after).bind(page.prefix);
        let query = query.bind(page.contains).bind(page.category);
        let query = query.bind(page.with_deleted).bind(page.limit);
        return store.fetch("list streams", query).await?.iter().map(row::info).collect();
    }
    let query = sql::LIST_STREAMS.query().bind(page.tenant).bind(after_tenant);
    let query = query.bind(after).bind(page.between.0).bind(page.between.1).bind(page.prefix);
    let query = query.bind(page.category).bind(page.with_deleted).bind(page.limit);
    let query = query.bind(page.contains);
    store.fetch("list streams", query).await?.iter().map(row::info).collect()
}

/// Archives, deletes or truncates a stream; `call` identifies the call over its attempts.
pub(crate) async fn change(
    store: &Store,
    tenant: &Tenant,
    stream_id: &StreamId,
    expected: ExpectedVersion,
    change: StreamChange,
    call: Option<Uuid>,
) -> Result<()> {
    let StreamUpdate { operation, state, first_version: first } = StreamUpdate::of(change);
    let query = named(sql::BEGIN_CHANGE, tenant, stream_id);
    let (mut transaction, rows) = store.begin(operation, query).await?;
    let stream = rows.first().map(row::info).transpose()?;
    let head = stream.as_ref().map(StreamHead::of);
    let judged = StreamHead::change(head.as_ref(), stream_id, expected, change);
    let key = rows.first().map(|row| Cells::new(row).get::<i64>("stream_key")).transpose()?;
    let first = first.map(|first| to_i64(first.get()));
    if let (Some(key), Some(call)) = (key, call)
        && !transaction.fetch(sql::KNOWN_CHANGE.query().bind(key).bind(call)).await?.is_empty()
    {
        // An earlier attempt of this call did it, and its answer was lost.
        transaction.rollback().await;
        return match first {
            Some(first) => remove_truncated(store, key, first).await,
            None => Ok(()),
        };
    }
    let (Ok(()), Some(key), Some(stream)) = (&judged, key, stream) else {
        transaction.rollback().await;
        return judged;
    };
    let state = state.map(|state| state_name(state, stream.holds_links));
    transaction.execute(sql::CHANGE_STREAM.query().bind(key).bind(state).bind(first)).await?;
    let is_gone = change == StreamChange::Delete(Delete::Hard);
    if is_gone {
        let all = sql::REMOVE_EVENTS.query().bind(key).bind(i64::MAX).bind(-1_i64);
        transaction.execute(all).await?;
        transaction.execute(sql::REMOVE_SNAPSHOTS.query().bind(key)).await?;
    }
    // A stream that is deleted softly no longer says what it holds.
    if stream.holds_links || is_gone {
        let kept = if is_gone { Some(i64::MAX) } else { first };
        transaction.execute(sql::REMOVE_LINKS.query().bind(key).bind(kept.unwrap_or(0))).await?;
    }
    if let Some(call) = call {
        let now = store.now().timestamp_micros();
        transaction.execute(sql::FORGET_CHANGES.query().bind(key).bind(now - REMEMBERED)).await?;
        transaction.execute(sql::RECORD_CHANGE.query().bind(key).bind(call).bind(now)).await?;
    }
    transaction.commit().await?;
    match first {
        Some(first) => remove_truncated(store, key, first).await,
        None => Ok(()),
    }
}

/// Removes what a truncation has hidden, in small transactions. If it is interrupted, the same truncation continues it.
async fn remove_truncated(store: &Store, key: i64, first: i64) -> Result<()> {
    loop {
        let query = sql::REMOVE_EVENTS.query().bind(key).bind(first).bind(REMOVED_AT_ONCE);
        let removed = store.write("remove truncated events", query).await?;
        if removed < REMOVED_AT_ONCE.unsigned_abs() {
            return Ok(());
        }
    }
}

/// A statement about one stream: its tenant and its name come first.
pub(crate) fn named(statement: Statement, tenant: &Tenant, stream_id: &StreamId) -> SqliteQuery {
    statement.query().bind(tenant.as_str().to_owned()).bind(stream_id.as_str().to_owned())
}
