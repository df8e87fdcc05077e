//! Which versions of which event types were ever stored, recorded before the first event of each.
//!
//! A process records each pair once, in a statement of its own before the append is sent: a crash between the two
//! leaves a pair too many, never one too few.

use event_core::Result;
use event_core::adapter::append::Commit;
use event_core::registry::StoredVersion;
use event_sql::rows::{self, to_i32};

use crate::row::Cells;
use crate::sql::{PgQuery, Statements};
use crate::store::Store;

/// Records the versions that a commit is the first to store.
pub(crate) async fn record(store: &Store, commit: &Commit) -> Result<()> {
    let write = async |unseen: &[StoredVersion]| {
        store.fetch("record the versions of events", query(&store.sql, unseen)).await?;
        Ok(())
    };
    store.census.record(commit, write).await
}

/// The statement that records pairs.
pub(crate) fn query<'q>(sql: &Statements, pairs: &[StoredVersion]) -> PgQuery<'q> {
    let types: Vec<String> = pairs.iter().map(|it| it.event_type.clone().into_owned()).collect();
    let versions: Vec<i32> = pairs.iter().map(|it| to_i32(it.event_version.get())).collect();
    sql.record_event_versions.query().bind(types).bind(versions)
}

/// Everything that is recorded, by any process.
pub(crate) async fn stored(store: &Store) -> Result<Vec<StoredVersion>> {
    let found = store.fetch("take the census", store.sql.census.query()).await?;
    found.iter().map(|row| rows::stored_version(&Cells::new(row))).collect()
}
