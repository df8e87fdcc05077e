//! Information about streams, the list of them, and changes: archived, truncated, deleted.

use event_core::adapter::TenantView;
use event_core::adapter::append::StreamChange;
use event_core::{
    Conflict, Error, ExpectedVersion, ListOptions, Result, StreamId, StreamInfo, StreamVersion,
    Tenant,
};
use event_sql::rows::{self, state_name, to_i64};
use event_sql::streams::{ListPage, StreamUpdate, only_tenant};
use uuid::Uuid;

use crate::expected::expected_number;
use crate::row::{self, Cells};
use crate::sql::{PgQuery, Statement};
use crate::status::ChangeStatus;
use crate::store::Store;

const LOOK_UP: &str = "look up a stream";
/// Events that one transaction removes at most.
const REMOVED_AT_ONCE: i32 = 1_000;

/// The tenant of the stream that is meant: the view's own, or the only one that has a stream of this name.
pub(crate) async fn owner(
    store: &Store,
    view: &TenantView,
    stream_id: &StreamId,
) -> Result<Option<Tenant>> {
    if let TenantView::One(tenant) = view {
        return Ok(Some(tenant.clone()));
    }
    let query = store.sql.owners.query().bind(stream_id.as_str().to_owned());
    let rows = store.fetch(LOOK_UP, query).await?;
    only_tenant(stream_id, rows.iter().map(|row| rows::tenant(&Cells::new(row))))
}

/// Information about one stream.
pub(crate) async fn info(
    store: &Store,
    tenant: &Tenant,
    stream_id: &StreamId,
) -> Result<Option<StreamInfo>> {
    let rows = store.fetch(LOOK_UP, named(&store.sql.stream_info, tenant, stream_id)).await?;
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
        let query = store.sql.list_ordered_streams.query().bind(page.tenant).bind(order);
        let query = query.bind(key).bind(after_tenant).bind(after).bind(page.prefix);
        let query = query.bind(page.contains).bind(page.category);
        let query = query.bind(page.with_deleted).bind(page.limit);
        return store.fetch("list streams", query).await?.iter().map(row::info).collect();
    }
    let query = match page.tenant {
        Some(own) => store.sql.list_streams.query().bind(own),
        None => store.sql.list_all_streams.query().bind(after_tenant),
    };
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
    let query = named(&store.sql.change_stream, tenant, stream_id)
        .bind(expected_number(expected))
        .bind(state.map(|state| state_name(state, false)))
        .bind(first.map(|first| to_i64(first.get())))
        .bind(call);
    let row = store.fetch_one(operation, query).await?;
    let cells = Cells::new(&row);
    let conflict = |expected| {
        let actual = StreamVersion::try_from(cells.get::<i64>("stream_version")?)?;
        Err(Error::conflict(stream_id.clone(), Conflict { expected, actual }))
    };
    match (ChangeStatus::read(operation, &cells)?, first) {
        (ChangeStatus::Changed, None) => Ok(()),
        (ChangeStatus::Changed, Some(_)) => remove_truncated(store, tenant, stream_id).await,
        (ChangeStatus::WrongVersion, _) => conflict(expected),
        (ChangeStatus::Deleted, _) => Err(Error::stream_deleted(stream_id.clone())),
        (ChangeStatus::NotFound, _) => match (change, expected) {
            // No stream was expected, and there is none: nothing to delete.
            (
                StreamChange::Delete(_),
                ExpectedVersion::NoStream | ExpectedVersion::Exact(StreamVersion::NONE),
            ) => Ok(()),
            _ => Err(Error::stream_not_found(stream_id.clone())),
        },
        (ChangeStatus::BeyondEnd, first) => {
            let before = first.map_or(0, |first| first.get() - 1);
            conflict(ExpectedVersion::Exact(StreamVersion::new(before)))
        }
    }
}

/// Removes what a truncation has hidden, in small transactions. If it is interrupted, the same truncation continues it.
async fn remove_truncated(store: &Store, tenant: &Tenant, stream_id: &StreamId) -> Result<()> {
    loop {
        let query = named(&store.sql.remove_truncated, tenant, stream_id).bind(REMOVED_AT_ONCE);
        let row = store.fetch_one("remove truncated events", query).await?;
        if Cells::new(&row).get::<i64>("removed")? < i64::from(REMOVED_AT_ONCE) {
            return Ok(());
        }
    }
}

/// A statement about one stream: its tenant and its name come first.
fn named<'q>(statement: &Statement, tenant: &Tenant, stream_id: &StreamId) -> PgQuery<'q> {
    statement.query().bind(tenant.as_str().to_owned()).bind(stream_id.as_str().to_owned())
}
