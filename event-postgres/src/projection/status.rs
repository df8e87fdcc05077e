//! How far a build of a projection is, from its row.

use event_core::Result;
use event_core::health::ProjectionReport;
use event_sql::projector::{ProjectionStatus, own_name, read_report, read_status};
use event_sql::rows::to_i32;

use crate::row::Cells;
use crate::store::Store;

/// The status of a build; without a number, of the current one.
pub(crate) async fn find(
    store: &Store,
    name: &str,
    build: Option<u32>,
) -> Result<Option<ProjectionStatus>> {
    if own_name(name, 1).is_none() {
        return Ok(None);
    }
    let query = store.sql.projection.query().bind(name.to_owned()).bind(build.map(to_i32));
    let rows = store.fetch("look up a projection", query).await?;
    let schema = |build| own_name(name, build).unwrap_or_default();
    rows.first().map(|row| read_status(&Cells::new(row), schema)).transpose()
}

/// Every build of every projection.
pub(crate) async fn all(store: &Store) -> Result<Vec<ProjectionReport>> {
    let rows = store.fetch("list projections", store.sql.list_projections.query()).await?;
    let schema = |name: &str, build| own_name(name, build).unwrap_or_default();
    rows.iter().map(|row| read_report(&Cells::new(row), schema)).collect()
}
