//! How far a build of a projection is, from its row.

use event_core::Result;
use event_core::health::ProjectionReport;
use event_sql::projector::{ProjectionStatus, own_name, read_report, read_status};
use sqlx::sqlite::SqliteRow;

use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery};
use crate::store::Store;

/// The status of a build; without a number, of the current one.
pub(crate) async fn find(
    store: &Store,
    name: &str,
    build: Option<u32>,
) -> Result<Option<ProjectionStatus>> {
    read(name, &store.fetch("look up a projection", query(name, build)).await?)
}

/// Every build of every projection.
pub(crate) async fn all(store: &Store) -> Result<Vec<ProjectionReport>> {
    let rows = store.fetch("list projections", sql::LIST_PROJECTIONS.query()).await?;
    let prefix = |name: &str, build| own_name(name, build).unwrap_or_default() + "_";
    rows.iter().map(|row| read_report(&Cells::new(row), prefix)).collect()
}

/// As [`find`], in a transaction.
pub(super) async fn find_in(
    transaction: &mut Transaction<'_>,
    name: &str,
    build: Option<u32>,
) -> Result<Option<ProjectionStatus>> {
    read(name, &transaction.fetch(query(name, build)).await?)
}

fn query(name: &str, build: Option<u32>) -> SqliteQuery {
    sql::PROJECTION.query().bind(name.to_owned()).bind(build.map(i64::from))
}

fn read(name: &str, rows: &[SqliteRow]) -> Result<Option<ProjectionStatus>> {
    let Some(row) = rows.first().filter(|_| own_name(name, 1).is_some()) else { return Ok(None) };
    let prefix = |build| own_name(name, build).unwrap_or_default() + "_";
    read_status(&Cells::new(row), prefix).map(Some)
}
