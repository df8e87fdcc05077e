//! [`Transaction`]: the write lock, and what is done under it.

use std::future::Future;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio::sync::MutexGuard;

use super::Pool;
use crate::error::{self, Failure};
use crate::sql::{self, SqliteQuery};

/// Statements within one transaction, whoever began it.
pub(crate) trait Statements: Send {
    /// Runs a statement and returns all its rows.
    fn fetch(
        &mut self,
        query: SqliteQuery,
    ) -> impl Future<Output = Result<Vec<SqliteRow>, Failure>> + Send;

    /// Runs a statement without rows; returns how many it changed.
    fn execute(&mut self, query: SqliteQuery) -> impl Future<Output = Result<u64, Failure>> + Send;
}

impl Statements for Transaction<'_> {
    async fn fetch(&mut self, query: SqliteQuery) -> Result<Vec<SqliteRow>, Failure> {
        Transaction::fetch(self, query).await
    }

    async fn execute(&mut self, query: SqliteQuery) -> Result<u64, Failure> {
        Transaction::execute(self, query).await
    }
}

/// A transaction of an application, on a connection of its own.
pub(crate) struct Callers<'c> {
    pub(crate) connection: &'c mut SqliteConnection,
    pub(crate) pool: &'c Pool,
    pub(crate) operation: &'static str,
}

impl Statements for Callers<'_> {
    async fn fetch(&mut self, query: SqliteQuery) -> Result<Vec<SqliteRow>, Failure> {
        let rows = query.fetch_all(&mut *self.connection).await;
        rows.map_err(|error| error::failure(self.operation, self.pool.path(), error))
    }

    async fn execute(&mut self, query: SqliteQuery) -> Result<u64, Failure> {
        let done = query.execute(&mut *self.connection).await;
        done.map(|done| done.rows_affected())
            .map_err(|error| error::failure(self.operation, self.pool.path(), error))
    }
}

/// The write lock, and what is done under it. Dropped before its end, it closes the connection, which undoes all of it.
pub(crate) struct Transaction<'p> {
    pub(super) pool: &'p Pool,
    pub(super) slot: MutexGuard<'p, Option<SqliteConnection>>,
    pub(super) connection: SqliteConnection,
    pub(super) operation: &'static str,
}

impl Transaction<'_> {
    /// Runs a statement and returns all its rows.
    pub(crate) async fn fetch(&mut self, query: SqliteQuery) -> Result<Vec<SqliteRow>, Failure> {
        let rows = query.fetch_all(&mut self.connection).await;
        rows.map_err(|error| error::failure(self.operation, self.pool.path(), error))
    }

    /// Runs a statement without rows; returns how many it changed.
    pub(crate) async fn execute(&mut self, query: SqliteQuery) -> Result<u64, Failure> {
        let done = query.execute(&mut self.connection).await;
        done.map(|done| done.rows_affected())
            .map_err(|error| error::failure(self.operation, self.pool.path(), error))
    }

    /// The connection, for an application's statements; their errors leave the transaction as it is.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Commits.
    pub(crate) async fn commit(self) -> Result<(), Failure> {
        self.end(sql::COMMIT.query()).await.map(drop)
    }

    /// Undoes everything. It cannot fail: SQLite may have undone the transaction already, as on a full disk, and a
    /// connection that does not answer is closed, which undoes it as well.
    pub(crate) async fn rollback(mut self) {
        if self.execute(sql::ROLLBACK.query()).await.is_ok() {
            *self.slot = Some(self.connection);
        }
    }

    /// Runs a statement that ends with the commit, and returns its rows. If it writes an event id that is in use, the
    /// transaction is undone.
    ///
    /// The commit counts only if the file is still in its place.
    pub(crate) async fn end(mut self, query: SqliteQuery) -> Result<Vec<SqliteRow>, Failure> {
        let rows = match self.fetch(query).await {
            Err(Failure::IdTaken) => {
                self.rollback().await;
                return Err(Failure::IdTaken);
            }
            Err(failure) => return Err(failure),
            Ok(rows) => rows,
        };
        let proved = self.pool.prove(self.operation).await;
        *self.slot = Some(self.connection);
        proved?;
        Ok(rows)
    }
}
