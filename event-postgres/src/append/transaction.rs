//! An append in the caller's own transaction: its events and the caller's statements are committed together, or neither
//! is.
//!
//! The ids are looked up before anything is written, so that a refusal comes as a status and leaves the transaction
//! unchanged. An error of the server aborts it, as with any failed statement.

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result};
use event_sql::queue::APPEND;
use sqlx::{Postgres, Transaction};

use super::{APPEND_MANY, Ids, answers, many, one};
use crate::error::{self, Failure};
use crate::row::Cells;
use crate::store::Store;
use crate::{census, sequences};

pub(crate) const NOT_READ_COMMITTED: &str = "the transaction is not READ COMMITTED; what is written is judged on what others have committed meanwhile";

/// Appends in the caller's transaction; see [`PgAdapter::append_in`](crate::PgAdapter::append_in).
pub(crate) async fn append_in(
    store: &Store,
    transaction: &mut Transaction<'_, Postgres>,
    commit: &Commit,
) -> Result<Vec<Appended>> {
    // Recorded first, in a transaction of its own: a rollback leaves a version too many there, never one too few.
    census::record(store, commit).await?;
    let categories: Vec<String> =
        commit.appends.iter().map(|append| append.stream_id.category().to_owned()).collect();
    let names = store.sql.record_names.query().bind(commit.tenant.as_str().to_owned());
    store.fetch(APPEND, names.bind(categories)).await?;
    bound(store, transaction).await?;
    append_last(store, transaction, commit).await
}

/// From the append to the commit readers of the log wait: not for ever, where the program stops.
async fn bound(store: &Store, transaction: &mut Transaction<'_, Postgres>) -> Result<()> {
    let Some(limit) = store.pool.idle_limit() else { return Ok(()) };
    let query = store.sql.bound_transaction.query().bind(limit);
    let bounded = query.execute(&mut **transaction).await;
    bounded.map(drop).map_err(|failed| error::error(APPEND, failed))
}

/// Appends in a transaction that is committed or rolled back at once. Needs no connection but that of the transaction: a
/// caller that holds one of the pool and waited for a second could wait for ever.
pub(crate) async fn append_last(
    store: &Store,
    transaction: &mut Transaction<'_, Postgres>,
    commit: &Commit,
) -> Result<Vec<Appended>> {
    let sql = &store.sql;
    let (operation, query) = match commit.appends.as_slice() {
        [] => return Ok(Vec::new()),
        [append] if !append.is_claim() => {
            let statements = [&sql.append_event_in, &sql.append_one_in];
            (APPEND, one(statements, commit, append, Ids::LookedUp))
        }
        _ => (APPEND_MANY, many(&sql.append_many_in, commit, Ids::LookedUp)),
    };
    match query.fetch_all(&mut **transaction).await {
        Ok(rows) if rows.is_empty() => Err(Error::adapter(operation, NOT_READ_COMMITTED)),
        Ok(rows) => {
            let started = rows.first().map(|row| Cells::new(row).get("started")).transpose()?;
            sequences::prove(store, transaction, started).await?;
            census::complete(store, transaction, commit).await?;
            answers(commit, operation, &rows)
        }
        Err(failed) => Err(match (error::failure(operation, failed), commit.appends.first()) {
            (Failure::IdTaken, Some(append)) => Error::event_id_conflict(
                append.stream_id.clone(),
                None,
                "other writers stored them at the same moment, and the transaction is aborted",
            ),
            (failure, _) => failure.into(),
        }),
    }
}
