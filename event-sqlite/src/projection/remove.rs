//! The end of a build that nobody reads any more.

use event_core::{Error, Result};
use sqlx::AssertSqlSafe;

use super::status;
use crate::adapter::SqliteAdapter;
use crate::error::Failure;
use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql;

const OPERATION: &str = "drop a projection";

impl SqliteAdapter {
    /// Removes a build of a projection: its tables and views, and its place in the log, in one transaction. False if there
    /// is none. A program that still runs it stops with an error.
    ///
    /// # Errors
    /// [`Error::Adapter`] for the current build, which readers read; [`Error::Overloaded`] when another program holds the
    /// file.
    pub async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        let (mut transaction, _) = self.pool().begin(OPERATION, sql::BEGIN.query()).await?;
        let found = transaction.fetch(status::find(name, Some(build))).await?;
        let Some(found) = found.first().map(status::read).transpose()? else {
            transaction.rollback().await?;
            return Ok(false);
        };
        if found.is_current {
            transaction.rollback().await?;
            let reason = "readers read it; switch to another build first";
            return Err(Error::adapter(OPERATION, format!("`{name}`, build {build}: {reason}")));
        }
        drop_tables(&mut transaction, &found.schema).await?;
        let forget = sql::DROP_PROJECTION.query().bind(name.to_owned()).bind(i64::from(build));
        transaction.execute(forget).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn drop_tables(transaction: &mut Transaction<'_>, prefix: &str) -> Result<(), Failure> {
    let query = sql::TABLES_OF_PROJECTION.query().bind(prefix.to_owned());
    for row in transaction.fetch(query).await? {
        let cells = Cells::new(&row);
        let (kind, name): (String, String) = (cells.get("type")?, cells.get("name")?);
        // A statement cannot bind names: quoted, whatever it is called.
        let name = name.replace('"', "\"\"");
        let statement = format!("DROP {kind} IF EXISTS \"{name}\"");
        transaction.execute(sqlx::query(AssertSqlSafe(statement))).await?;
    }
    Ok(())
}
