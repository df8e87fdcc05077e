//! [`OpenBuild`]: writes the tables of one build, in transactions on the store's thread.

use std::path::Path;
use std::sync::Arc;

use event_core::adapter::{
    BuildMove, Cause, NotWritten, OpenTables, TableConnection, TableModel, TableWork, async_trait,
};
use event_core::projection::{TableRow, TableValue};
use event_core::{Error, Position, Result};
use event_sql::inline::applying;
use event_sql::tables::{TablesSql, Use};
use tokio::time::timeout;

use super::values::{Rows, query};
use crate::documents::enter;
use crate::error::application;
use crate::pool::Transaction;
use crate::projection::projector::{LONGEST, LONGEST_ALONE, too_slow};
use crate::sql::{self, SqliteQuery};
use crate::store::Store;

const OPERATION: &str = "write a table projection";

/// The tables of one build.
pub(super) struct OpenBuild(pub(super) Arc<Build>);

/// The same, for the store's thread.
pub(super) struct Build {
    pub(super) store: Arc<Store>,
    pub(super) sql: TablesSql,
    pub(super) model: TableModel,
}

#[async_trait]
impl OpenTables for OpenBuild {
    fn without_tenant(&self) -> Option<&str> {
        self.0.sql.without_tenant()
    }

    async fn write(
        &mut self,
        step: BuildMove,
        work: Box<dyn TableWork>,
    ) -> Result<bool, NotWritten> {
        let build = Arc::clone(&self.0);
        let work = async move { build.write(step, work).await };
        self.0.store.thread.run(OPERATION, work).await?
    }

    async fn try_out(&mut self, from: Position, work: Box<dyn TableWork>) -> Option<NotWritten> {
        let build = Arc::clone(&self.0);
        let work = async move { build.try_out(from, work).await };
        self.0.store.thread.run(OPERATION, work).await.ok()?
    }
}

impl Build {
    async fn write(&self, step: BuildMove, work: Box<dyn TableWork>) -> Result<bool, NotWritten> {
        let limit = if step.events > 1 { LONGEST } else { LONGEST_ALONE };
        let (mut transaction, _) = self.store.begin(OPERATION, sql::BEGIN.query()).await?;
        let mut statement = None;
        let written = self.run(&mut transaction, step, work, &mut statement);
        match timeout(limit, written).await {
            Ok(Ok(true)) => Ok(transaction.commit().await.map(|()| true)?),
            Ok(refused) => {
                transaction.rollback().await;
                refused
            }
            Err(_) => Err(too_slow(limit, statement)),
        }
    }

    async fn try_out(&self, from: Position, work: Box<dyn TableWork>) -> Option<NotWritten> {
        let (mut transaction, _) = self.store.begin(OPERATION, sql::BEGIN.query()).await.ok()?;
        let (events, last, is_current) = (0, None, None);
        let step = BuildMove { from, up_to: from, epoch: 0, events, last, is_current };
        let mut statement = None;
        let tried = self.run(&mut transaction, step, work, &mut statement);
        let tried = timeout(LONGEST_ALONE, tried).await;
        // Dropped or rolled back, nothing of it stays.
        transaction.rollback().await;
        tried.ok()?.err()
    }

    async fn run(
        &self,
        transaction: &mut Transaction<'_>,
        step: BuildMove,
        work: Box<dyn TableWork>,
        last: &mut Option<String>,
    ) -> Result<bool, NotWritten> {
        let place = (self.store.path(), &self.sql);
        run(transaction, place, (self.model, step), work, last).await
    }
}

/// Moves the checkpoint and does the work; false where the checkpoint cannot be moved. `last` is the last statement.
pub(super) async fn run(
    transaction: &mut Transaction<'_>,
    (path, sql): (&Path, &TablesSql),
    (model, step): (TableModel, BuildMove),
    work: Box<dyn TableWork>,
    last: &mut Option<String>,
) -> Result<bool, NotWritten> {
    if enter(transaction, (model.name, model.build), step).await?.is_none() {
        return Ok(false);
    }
    let mut connection = Statements { path, sql, transaction, last, has_failed: false };
    let done = applying(work.run(&mut connection)).await;
    let has_failed = connection.has_failed;
    done.map(|()| true).map_err(|error| {
        let error = application(OPERATION, path, error);
        NotWritten::new(error, Cause::Projection, last.take().filter(|_| has_failed))
    })
}

/// The statements of a projection within a transaction.
struct Statements<'s, 't> {
    path: &'s Path,
    sql: &'s TablesSql,
    transaction: &'s mut Transaction<'t>,
    /// The last statement, in the author's words.
    last: &'s mut Option<String>,
    has_failed: bool,
}

impl Statements<'_, '_> {
    fn query(&mut self, sql: &str, params: Vec<TableValue>) -> Result<SqliteQuery> {
        *self.last = Some(sql.to_owned());
        self.has_failed = true;
        let text = self.sql.translate(OPERATION, sql, params.len(), Use::Change)?;
        query(OPERATION, text, params)
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        application(OPERATION, self.path, error.into())
    }
}

#[async_trait]
impl TableConnection for Statements<'_, '_> {
    async fn execute(&mut self, sql: &str, params: Vec<TableValue>) -> Result<u64> {
        let query = self.query(sql, params)?;
        let done = query.execute(self.transaction.connection()).await;
        let done = done.map_err(|error| self.failed(error))?;
        self.has_failed = false;
        Ok(done.rows_affected())
    }

    async fn query(&mut self, sql: &str, params: Vec<TableValue>) -> Result<Vec<TableRow>> {
        let query = self.query(sql, params)?;
        let found = query.fetch_all(self.transaction.connection()).await;
        let found = found.map_err(|error| self.failed(error))?;
        let mut rows = Rows::default();
        for row in &found {
            rows.push(row)?;
        }
        self.has_failed = false;
        Ok(rows.end())
    }
}
