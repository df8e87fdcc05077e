//! What is known of streams, the list of them, and their end: archived, truncated, deleted.

use event_core::adapter::{StreamChange, TenantView, rows};
use event_core::{
    Conflict, Delete, Error, ExpectedVersion, ListOptions, Result, StreamId, StreamInfo,
    StreamVersion, Tenant,
};

use crate::append::{claim, stored};
use crate::pool::Pool;
use crate::row::{self, Cells};
use crate::sql::Statements;

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
    let mut tenants: Vec<Tenant> = tenants.collect::<Result<_>>()?;
    if tenants.len() > 1 {
        return Err(Error::AmbiguousStream { stream_id: stream_id.clone(), tenants });
    }
    Ok(tenants.pop())
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
    let prefix = options.only_prefix().unwrap_or_default();
    let category = options.only_category();
    if prefix.contains('\0') || category.is_some_and(|category| category.contains('\0')) {
        return Ok(Vec::new());
    }
    let start = options.start();
    let (query, last) = match view {
        TenantView::One(own) => {
            let last = match start {
                Some((tenant, _)) if tenant > own => return Ok(Vec::new()),
                Some((tenant, stream_id)) if tenant == own => stream_id.as_str(),
                _ => "",
            };
            (sql.list_streams.query().bind(own.as_str().to_owned()), last)
        }
        TenantView::All => {
            let (tenant, last) = start.map_or(("", ""), |(t, s)| (t.as_str(), s.as_str()));
            (sql.list_all_streams.query().bind(tenant.to_owned()), last)
        }
    };
    let lowest = category.map_or(prefix, |category| category.max(prefix));
    let query = query
        .bind(last.to_owned())
        .bind(lowest.to_owned())
        .bind(rows::highest_name(prefix))
        .bind(prefix.to_owned())
        .bind(category.map(str::to_owned))
        .bind(options.shows_deleted())
        .bind(i64::from(options.page().get()));
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
    let (operation, state, first): (_, Option<i16>, _) = match change {
        StreamChange::Archive => ("archive a stream", Some(1), None),
        StreamChange::Delete(Delete::Soft) => ("delete a stream", Some(2), None),
        StreamChange::Delete(Delete::Hard) => ("delete a stream", Some(3), None),
        StreamChange::TruncateBefore(first) => {
            ("truncate a stream", None, Some(first.max(StreamVersion::new(1))))
        }
        other => {
            return Err(Error::adapter(
                "change a stream",
                format!("this backend cannot {other:?}"),
            ));
        }
    };
    let query = sql
        .change_stream
        .query()
        .bind(tenant.as_str().to_owned())
        .bind(stream_id.as_str().to_owned())
        .bind(claim(expected))
        .bind(state)
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
    match (cells.get::<i16>("status")?, first) {
        (0, None) => Ok(()),
        (0, Some(_)) => remove_truncated(pool, sql, tenant, stream_id).await,
        (1, _) => conflict(expected),
        (2, _) => Err(Error::stream_deleted(stream_id.clone())),
        (7, _) => match (change, expected) {
            // The claim that there is no stream holds: there is nothing to delete.
            (
                StreamChange::Delete(_),
                ExpectedVersion::NoStream | ExpectedVersion::Exact(StreamVersion::NONE),
            ) => Ok(()),
            _ => Err(Error::stream_not_found(stream_id.clone())),
        },
        (8, Some(first)) => {
            let before = StreamVersion::new(first.get() - 1);
            conflict(ExpectedVersion::Exact(before))
        }
        (status, _) => Err(Error::adapter(operation, format!("unknown status {status}"))),
    }
}

/// What was truncated is out of sight already; this gives its room back, in small transactions. Interrupted, the same
/// truncation again goes on with it.
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
