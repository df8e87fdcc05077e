//! Which versions of which event types were ever stored, recorded in the transaction of the first event of each.

use event_core::Result;
use event_core::registry::StoredVersion;
use event_sql::rows;

use crate::row::Cells;
use crate::sql::{self, SqliteQuery, json};
use crate::store::Store;

/// The statement that records pairs.
pub(crate) fn query(pairs: &[StoredVersion]) -> Result<SqliteQuery> {
    let pairs: Vec<_> =
        pairs.iter().map(|pair| (&*pair.event_type, pair.event_version.get())).collect();
    Ok(sql::RECORD_EVENT_VERSIONS.query().bind(json(&pairs)?))
}

/// Everything that is recorded, by any program.
pub(crate) async fn stored(store: &Store) -> Result<Vec<StoredVersion>> {
    let found = store.fetch("take the census", sql::CENSUS.query()).await?;
    found.iter().map(|row| rows::stored_version(&Cells::new(row))).collect()
}
