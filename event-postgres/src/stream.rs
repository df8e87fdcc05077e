//! What is known of streams, the list of them, and their end: archived, truncated, deleted.

use event_core::adapter::TenantView;
use event_core::adapter::append::StreamChange;
use event_core::{
    Conflict, Error, ExpectedVersion, ListOptions, Result, StreamId, StreamInfo, StreamVersion,
    Tenant,
};
use event_sql::rows::state_name;
use event_sql::tables::{StreamPage, StreamUpdate, only_tenant};

use crate::append::{expected_number, stored};
use crate::pool::Pool;
use crate::row::{self, Cells};
use crate::sql::Statements;
use crate::status::ChangeStatus;

/// The tenant whose stream is meant: the view's own, or the only one that has a stream of this name.
pub(crate) async fn owner(
    pool: &Pool,
    sql: &Statements,
    view: &TenantView,
    stream_id: &StreamId,
) -> Result<Option<Tenant>> {
    if let TenantView::One(tenant) = view {
        return Ok(Some(tenant.clone()));
    }
    let query = sql.owners.query().bind(stream_id.as_str().to_owned());
    let rows = pool.fetch("look up a stream", query).await?;
    let tenants = rows.iter().map(|row| Ok(Tenant::new(Cells::new(row).get::<String>("tenant")?)?));
    only_tenant(stream_id, tenants.collect::<Result<_>>()?)
}

/// What is known of one stream.
pub(crate) async fn info(
    pool: &Pool,
    sql: &Statements,
    tenant: &Tenant,
    stream_id: &StreamId,
) -> Result<Option<StreamInfo>> {
    let query = sql
        .stream_info
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned());
    let rows = pool.fetch("look up a stream", query).await?;
    rows.first().map(row::info).transpose()
}

/// A page of the list of streams.
pub(crate) async fn list(
    pool: &Pool,
    sql: &Statements,
    view: &TenantView,
    options: &ListOptions,
) -> Result<Vec<StreamInfo>> {
    let Some(page) = StreamPage::of(view, options) else { return Ok(Vec::new()) };
    let (after_tenant, after) = page.after;
    let query = match page.tenant {
        Some(own) => sql.list_streams.query().bind(own),
        None => sql.list_all_streams.query().bind(after_tenant),
    };
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

/// Events that one transaction removes at most.
const REMOVED_AT_ONCE: i32 = 1_000;

/// Archives, deletes or truncates a stream.
pub(crate) async fn change(
    pool: &Pool,
    sql: &Statements,
    tenant: &Tenant,
    stream_id: &StreamId,
    expected: ExpectedVersion,
    change: StreamChange,
) -> Result<()> {
    let StreamUpdate { operation, state, first_version: first } = StreamUpdate::of(change);
    let query = sql
        .change_stream
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned())
        .bind(expected_number(expected))
        .bind(state.map(|state| state_name(state, false)))
        .bind(first.map(|first| stored(first.get())));
    let rows = pool.fetch(operation, query).await?;
    let Some(row) = rows.first() else {
        return Err(Error::adapter(operation, "no answer"));
    };
    let cells = Cells::new(row);
    let conflict = |expected| {
        let actual = StreamVersion::try_from(cells.get::<i64>("stream_version")?)?;
        Err(Error::conflict(stream_id.clone(), Conflict { expected, actual }))
    };
    match (ChangeStatus::read(operation, &cells)?, first) {
        (ChangeStatus::Changed, None) => Ok(()),
        (ChangeStatus::Changed, Some(_)) => remove_truncated(pool, sql, tenant, stream_id).await,
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
async fn remove_truncated(
    pool: &Pool,
    sql: &Statements,
    tenant: &Tenant,
    stream_id: &StreamId,
) -> Result<()> {
    loop {
        let query = sql
            .remove_truncated
            .query()
            .bind(tenant.as_str().to_owned())
            .bind(stream_id.as_str().to_owned())
            .bind(REMOVED_AT_ONCE);
        let rows = pool.fetch("remove truncated events", query).await?;
        let removed: i64 = rows.first().map_or(Ok(0), |row| Cells::new(row).get("removed"))?;
        if removed < i64::from(REMOVED_AT_ONCE) {
            return Ok(());
        }
    }
}
