//! [`OpenBuild`]: writes the tables of one build, in transactions on a connection of its own.

use std::sync::{Arc, Mutex, PoisonError};

use event_core::adapter::{
    BuildMove, Cause, NotWritten, OpenTables, TableConnection, TableWork, async_trait,
};
use event_core::error::BoxError;
use event_core::projection::{TableRow, TableValue};
use event_core::{Error, Position, Result};
use event_sql::inline::applying;
use event_sql::projector::Move;
use event_sql::tables::{TablesSql, Use};
use sqlx::postgres::{PgArguments, PgConnection, PgStatement, PgTypeInfo};
use sqlx::{AssertSqlSafe, Either, Executor, SqlSafeStr, SqlStr, Statement};

use super::values::{Rows, arguments};
use crate::error;
use crate::projection::attempt::{self, Target, Work};

const OPERATION: &str = "write a table projection";

/// The tables of one build.
pub(super) struct OpenBuild {
    pub(super) target: Target,
    pub(super) sql: Arc<TablesSql>,
}

/// The statement that failed, in the author's words.
type Failed = Arc<Mutex<Option<String>>>;

impl OpenBuild {
    fn work(&self, work: Box<dyn TableWork>) -> (Portable, Failed) {
        let failed = Failed::default();
        (Portable { work, sql: Arc::clone(&self.sql), failed: Arc::clone(&failed) }, failed)
    }
}

#[async_trait]
impl OpenTables for OpenBuild {
    fn without_tenant(&self) -> Option<&str> {
        self.sql.without_tenant()
    }

    async fn write(
        &mut self,
        step: BuildMove,
        work: Box<dyn TableWork>,
    ) -> Result<bool, NotWritten> {
        let (work, failed) = self.work(work);
        let to = (step.from, Move::to(step.up_to, step.events, step.last), step.is_current);
        let written = attempt::write(&mut self.target, to, step.epoch, work).await;
        written.map_err(|refused| in_statement(refused, &failed))
    }

    async fn try_out(&mut self, from: Position, work: Box<dyn TableWork>) -> Option<NotWritten> {
        let (work, failed) = self.work(work);
        let refused = attempt::try_out(&mut self.target, from, work).await?;
        Some(in_statement(refused, &failed))
    }
}

/// Does work in a transaction of another's.
pub(super) async fn run(
    connection: &mut PgConnection,
    sql: &TablesSql,
    work: Box<dyn TableWork>,
) -> Result<(), NotWritten> {
    let failed = Failed::default();
    let mut statements = Statements { connection, sql, failed: &failed };
    let done = applying(work.run(&mut statements)).await;
    done.map_err(|refused| {
        let refused = error::application(OPERATION, refused);
        in_statement(NotWritten::new(refused, Cause::Projection, None), &failed)
    })
}

/// The same with the author's statement in place of the server's.
fn in_statement(mut refused: NotWritten, failed: &Failed) -> NotWritten {
    if refused.cause == Cause::Projection {
        refused.statement = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
    refused
}

/// What a projection does within a transaction.
struct Portable {
    work: Box<dyn TableWork>,
    sql: Arc<TablesSql>,
    failed: Failed,
}

impl Work for Portable {
    async fn run(self, connection: &mut PgConnection) -> Result<(), BoxError> {
        let mut statements = Statements { connection, sql: &self.sql, failed: &self.failed };
        self.work.run(&mut statements).await
    }
}

/// The statements of a projection within a transaction.
struct Statements<'s> {
    connection: &'s mut PgConnection,
    sql: &'s TablesSql,
    failed: &'s Failed,
}

impl Statements<'_> {
    /// The statement as the server knows it, with parameters of the server's types.
    async fn prepare(&mut self, sql: &str, params: &[TableValue]) -> Result<(SqlStr, PgArguments)> {
        let text = self.sql.translate(OPERATION, sql, params.len(), Use::Change)?;
        let text = AssertSqlSafe(text).into_sql_str();
        let prepared = self.connection.prepare(text.clone()).await.map_err(failed)?;
        let types = types_of(&prepared);
        Ok((text, arguments(OPERATION, params, types.as_deref())?))
    }

    async fn change(&mut self, sql: &str, params: &[TableValue]) -> Result<u64> {
        let (text, arguments) = self.prepare(sql, params).await?;
        let done = sqlx::query_with(text, arguments).execute(&mut *self.connection).await;
        Ok(done.map_err(failed)?.rows_affected())
    }

    async fn fetch(&mut self, sql: &str, params: &[TableValue]) -> Result<Vec<TableRow>> {
        let (text, arguments) = self.prepare(sql, params).await?;
        let found = sqlx::query_with(text, arguments).fetch_all(&mut *self.connection).await;
        let mut rows = Rows::default();
        found.map_err(failed)?.iter().for_each(|row| rows.push(row));
        rows.end()
    }

    fn noted<T>(&self, sql: &str, result: Result<T>) -> Result<T> {
        if result.is_err() {
            let mut slot = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_insert_with(|| sql.to_owned());
        }
        result
    }
}

#[async_trait]
impl TableConnection for Statements<'_> {
    async fn execute(&mut self, sql: &str, params: Vec<TableValue>) -> Result<u64> {
        let done = self.change(sql, &params).await;
        self.noted(sql, done)
    }

    async fn query(&mut self, sql: &str, params: Vec<TableValue>) -> Result<Vec<TableRow>> {
        let found = self.fetch(sql, &params).await;
        self.noted(sql, found)
    }
}

/// What the error means is found out where the transaction ends.
fn failed(error: sqlx::Error) -> Error {
    Error::adapter(OPERATION, error)
}

/// The types of the parameters of a statement.
pub(super) fn types_of(statement: &PgStatement) -> Option<Vec<PgTypeInfo>> {
    match statement.parameters() {
        Some(Either::Left(types)) => Some(types.to_vec()),
        _ => None,
    }
}
