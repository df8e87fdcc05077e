//! The end of a build that is not read any more.

use event_core::{Error, Result};
use sqlx::AssertSqlSafe;

use super::status;
use crate::error::Failure;
use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql;
use crate::store::Store;

const OPERATION: &str = "drop a projection";

/// What became of a build that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    Done,
    /// It is the current one, and stays.
    Current,
    /// It does not exist.
    Missing,
}

/// Removes a build: its tables and views, and its row, in one transaction; false if it does not exist.
pub(crate) async fn remove(store: &Store, name: &str, build: u32) -> Result<bool> {
    match remove_if_old(store, name, build).await? {
        Removed::Done => Ok(true),
        Removed::Missing => Ok(false),
        Removed::Current => {
            let reason = "readers read it; switch to another build first";
            Err(Error::adapter(OPERATION, format!("`{name}`, build {build}: {reason}")))
        }
    }
}

/// The same, unless it is the current one.
pub(super) async fn remove_if_old(store: &Store, name: &str, build: u32) -> Result<Removed> {
    let (mut transaction, _) = store.begin(OPERATION, sql::BEGIN.query()).await?;
    let found = status::find_in(&mut transaction, name, Some(build)).await?;
    let found = match found {
        Some(found) if !found.is_current => found,
        found => {
            transaction.rollback().await;
            return Ok(if found.is_some() { Removed::Current } else { Removed::Missing });
        }
    };
    drop_tables(&mut transaction, &found.schema).await?;
    let query = sql::DROP_PROJECTION.query().bind(name.to_owned()).bind(i64::from(build));
    transaction.execute(query).await?;
    transaction.commit().await?;
    Ok(Removed::Done)
}

async fn drop_tables(transaction: &mut Transaction<'_>, prefix: &str) -> Result<(), Failure> {
    let query = sql::TABLES_OF_PROJECTION.query().bind(prefix.to_owned());
    for row in transaction.fetch(query).await? {
        let cells = Cells::new(&row);
        let (kind, name): (String, String) = (cells.get("type")?, cells.get("name")?);
        // A statement cannot bind names, so they are quoted.
        let name = name.replace('"', "\"\"");
        let statement = format!("DROP {kind} IF EXISTS \"{name}\"");
        transaction.execute(sqlx::query(AssertSqlSafe(statement))).await?;
    }
    Ok(())
}
