//! An append in the caller's own transaction: its events and the caller's rows are committed together, or neither is.
//!
//! Everything is judged before it is written, so that a refusal leaves the transaction as it was.

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result};
use event_sql::queue::APPEND;
use sqlx::sqlite::SqliteConnection;

use super::{Batch, look_up, repeated_id, write};
use crate::epoch;
use crate::pool::{Callers, Statements};
use crate::row::Cells;
use crate::sql;
use crate::store::Store;

/// Appends in the caller's transaction; see [`SqliteAdapter::append_in`](crate::SqliteAdapter::append_in).
pub(crate) async fn append_in(
    store: &Store,
    connection: &mut SqliteConnection,
    commit: &Commit,
) -> Result<Vec<Appended>> {
    if commit.appends.is_empty() {
        return Ok(Vec::new());
    }
    store.pool.check_file(APPEND, connection).await?;
    let mut transaction = Callers { connection, pool: &store.pool, operation: APPEND };
    // What is read below is what the lock protects.
    transaction.execute(sql::TAKE_LOCK.query()).await?;
    let mut batch = Batch::of(&[commit]);
    let known = store.lineage.known();
    let (position, id) = known.last.unzip();
    let query = sql::FIND_STREAMS.query().bind(batch.names()?).bind(position).bind(id);
    let rows = transaction.fetch(query).await?;
    let is_same = rows.first().map(|row| Cells::new(row).get::<bool>("is_same")).transpose()?;
    if is_same == Some(false) {
        // What is kept in memory, such as the census, is of another log.
        epoch::turn(store, &known).await?;
    }
    batch.read(&rows)?;
    let known = look_up(&mut transaction, &batch, &[commit]).await?;
    let answers = batch.judge(commit, &known).unwrap_or_else(|| Err(repeated_id()))?;
    if !batch.is_empty() {
        // The census is noted as recorded by an append whose commit is known.
        write::without_commit(store, &mut transaction, batch).await.map_err(Error::from)?;
    }
    Ok(answers)
}
