//! Which versions of which event types were ever stored, recorded before the first event of each.
//!
//! A process records each pair once, in a statement of its own before the append is sent: a crash between the two
//! leaves a pair too many, never one too few.

use event_core::Result;
use event_core::adapter::append::Commit;
use event_core::registry::StoredVersion;
use event_sql::rows::{self, to_i32};
use sqlx::postgres::PgConnection;

use crate::error;
use crate::row::Cells;
use crate::sql::{PgQuery, Statements};
use crate::store::Store;

const OPERATION: &str = "record the versions of events";

/// Records the versions that a commit is the first to store.
pub(crate) async fn record(store: &Store, commit: &Commit) -> Result<()> {
    let write = async |unseen: &[StoredVersion]| {
        store.fetch(OPERATION, query(&store.sql, unseen)).await?;
        Ok(())
    };
    store.census.record(commit, write).await
}

/// Records, in a transaction that has appended a commit, what is not known to be recorded on the server of the transaction.
pub(crate) async fn complete(
    store: &Store,
    transaction: &mut PgConnection,
    commit: &Commit,
) -> Result<()> {
    let unseen = store.census.unseen_of(commit);
    if !unseen.pairs.is_empty() {
        let recorded = query(&store.sql, &unseen.pairs).execute(transaction).await;
        recorded.map_err(|failed| error::error(OPERATION, failed))?;
    }
    Ok(())
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
