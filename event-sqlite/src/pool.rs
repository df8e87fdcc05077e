//! The held connections: one that writes, and a few that read beside it.
//!
//! A connection goes back only after a whole answer; one whose future was dropped in the middle is closed, which undoes
//! what it had not committed. Each has a thread of its own, where SQLite works and waits.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::{Clock, Error, Result};
use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{self, Failure};
use crate::names::Names;
use crate::options::SqliteOptions;
use crate::sql::{self, SqliteQuery, Statement};

/// The connections to one file.
pub(crate) struct Pool {
    options: SqliteOptions,
    readers: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
    writer: tokio::sync::Mutex<Option<SqliteConnection>>,
    names: Names,
}

impl Pool {
    /// A pool without connections; they are opened on demand.
    pub(crate) fn new(options: SqliteOptions) -> Self {
        Self {
            readers: Semaphore::new(options.get_readers() as usize),
            options,
            idle: Mutex::default(),
            writer: tokio::sync::Mutex::default(),
            names: Names::default(),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.options.path()
    }

    /// What is known of streams by their keys.
    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    /// Where the time of recording comes from.
    pub(crate) fn clock(&self) -> &Clock {
        self.options.get_clock()
    }

    /// Runs one statement that reads, and gives back all its rows.
    pub(crate) async fn fetch(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<Vec<SqliteRow>> {
        let mut rows = Vec::new();
        self.each(operation, query, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// Runs one statement that reads and hands over its rows as they come.
    pub(crate) async fn each(
        &self,
        operation: &'static str,
        query: SqliteQuery,
        mut take: impl FnMut(SqliteRow),
    ) -> Result<()> {
        let wait = self.options.get_acquire_timeout();
        let _permit = match timeout(wait, self.readers.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(closed(operation)),
            Err(_) => {
                let readers = self.options.get_readers();
                let reason =
                    format!("all {readers} connections were reading for {wait:?}; raise `readers`");
                return Err(Error::overloaded(operation, reason));
            }
        };
        let kept = self.idle().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.open(operation, &self.options.reader()).await?,
        };
        let mut rows = query.fetch(&mut connection);
        while let Some(row) = rows.try_next().await.map_err(|error| self.error(operation, error))? {
            take(row);
        }
        drop(rows);
        if !self.readers.is_closed() {
            self.idle().push(connection);
        }
        Ok(())
    }

    /// Takes the write lock, and runs what the statement reads under it.
    pub(crate) async fn begin(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<(Transaction<'_>, Vec<SqliteRow>), Failure> {
        let mut slot = self.writer.lock().await;
        if self.readers.is_closed() {
            return Err(closed(operation).into());
        }
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.open(operation, &self.options.writer()).await?,
        };
        let mut transaction = Transaction { pool: self, slot, connection, operation };
        let rows = transaction.fetch(query).await?;
        Ok((transaction, rows))
    }

    /// Runs one statement that writes, in a transaction of its own; how many rows it changed.
    pub(crate) async fn write(&self, operation: &'static str, query: SqliteQuery) -> Result<u64> {
        let (mut transaction, _) = self.begin(operation, sql::BEGIN.query()).await?;
        let changed = transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Opens a connection that the pool does not keep.
    pub(crate) async fn open(
        &self,
        operation: &'static str,
        driver: &SqliteConnectOptions,
    ) -> Result<SqliteConnection> {
        driver.connect().await.map_err(|error| self.error(operation, error))
    }

    /// Takes no more statements and closes what is idle; one that writes last: it brings the file up to date, and leaves
    /// nothing beside it.
    pub(crate) async fn close(&self) {
        // Whoever reads now is waited for, as long as a reader waits for a connection.
        let all = self.readers.acquire_many(self.options.get_readers());
        let _all = timeout(self.options.get_acquire_timeout(), all).await;
        self.readers.close();
        let connections = std::mem::take(&mut *self.idle());
        let writer = match self.writer.lock().await.take() {
            None if !connections.is_empty() => self.tidier().await.ok(),
            writer => writer,
        };
        for connection in connections.into_iter().chain(writer) {
            // Nothing is lost with a connection that does not close in good order.
            let _ = connection.close().await;
        }
    }

    /// A connection that has the file open for writing, and waits for nobody.
    async fn tidier(&self) -> Result<SqliteConnection, sqlx::Error> {
        let driver = self.options.writer().create_if_missing(false);
        let mut connection = driver.busy_timeout(Duration::ZERO).connect().await?;
        run(&mut connection, sql::APPLIED).await?;
        Ok(connection)
    }

    /// The driver's error as ours.
    pub(crate) fn error(&self, operation: &'static str, error: sqlx::Error) -> Error {
        error::error(operation, self.path(), error)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The write lock, and what is done under it. Dropped before its end, it closes the connection, and nothing of it
/// remains.
pub(crate) struct Transaction<'p> {
    pool: &'p Pool,
    slot: tokio::sync::MutexGuard<'p, Option<SqliteConnection>>,
    connection: SqliteConnection,
    operation: &'static str,
}

impl Transaction<'_> {
    /// Runs a statement and gives back all its rows.
    pub(crate) async fn fetch(&mut self, query: SqliteQuery) -> Result<Vec<SqliteRow>, Failure> {
        let rows = query.fetch_all(&mut self.connection).await;
        rows.map_err(|error| error::failure(self.operation, self.pool.path(), error))
    }

    /// Runs a statement without rows; how many it changed.
    pub(crate) async fn execute(&mut self, query: SqliteQuery) -> Result<u64, Failure> {
        let done = query.execute(&mut self.connection).await;
        done.map(|done| done.rows_affected())
            .map_err(|error| error::failure(self.operation, self.pool.path(), error))
    }

    /// The connection, for statements that are not ours; an error of theirs leaves the transaction as it is.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Makes it last.
    pub(crate) async fn commit(self) -> Result<(), Failure> {
        self.end(sql::COMMIT.query()).await
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), Failure> {
        self.end(sql::ROLLBACK.query()).await
    }

    /// Runs a statement that ends with the commit. If an id in it is in use, the transaction is undone.
    pub(crate) async fn end(mut self, query: SqliteQuery) -> Result<(), Failure> {
        let mut ended = self.execute(query).await;
        if let Err(Failure::IdTaken) = ended {
            self.execute(sql::ROLLBACK.query()).await?;
            ended = Err(Failure::IdTaken);
        } else if ended.is_err() {
            return ended.map(drop);
        }
        *self.slot = Some(self.connection);
        ended.map(drop)
    }
}

/// Runs a statement on a connection of its own.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    statement: Statement,
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    statement.query().fetch_all(connection).await
}

fn closed(operation: &'static str) -> Error {
    Error::adapter(operation, "the store is closed")
}
