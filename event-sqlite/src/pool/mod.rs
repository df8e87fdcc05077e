//! [`Pool`]: connections that are kept open: one that writes, and a few that read beside it.
//!
//! A connection returns to the pool only after a complete answer. One whose future was dropped in the middle is closed,
//! which undoes what it had not committed. Each has a thread of its own, where SQLite works and waits.
//!
//! One more connection is open from the start to the end. While it is, no program removes the files beside the store, so
//! that they can be compared with those that were opened.

mod proof;
mod transaction;
mod write_ahead;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_core::{Error, Result};
use event_sql::error::closed;
use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(crate) use self::transaction::{Callers, Statements, Transaction};
use self::write_ahead::WriteAhead;
use crate::error::{self, Failure};
use crate::identity::Identity;
use crate::options::SqliteOptions;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery, Statement};

/// The connections to one file.
pub(crate) struct Pool {
    options: SqliteOptions,
    readers: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
    writer: tokio::sync::Mutex<Option<SqliteConnection>>,
    /// Open from the start to the end.
    anchor: tokio::sync::Mutex<Option<SqliteConnection>>,
    identity: Identity,
    /// Held while the contents of the file are read and judged.
    proving: tokio::sync::Mutex<()>,
    /// The last proof failed: the next transaction does not even begin without one.
    is_suspect: AtomicBool,
    write_ahead: WriteAhead,
}

impl Pool {
    /// A pool without connections; they are opened on demand.
    pub(crate) fn new(options: SqliteOptions) -> Self {
        Self {
            readers: Semaphore::new(options.readers as usize),
            identity: Identity::new(options.path()),
            options,
            idle: Mutex::default(),
            writer: tokio::sync::Mutex::default(),
            anchor: tokio::sync::Mutex::default(),
            proving: tokio::sync::Mutex::default(),
            is_suspect: AtomicBool::new(false),
            write_ahead: WriteAhead::default(),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.options.path()
    }

    /// How large the file may grow; `None` for as large as the disk.
    pub(crate) fn most_bytes(&self) -> Option<u64> {
        self.options.most_bytes()
    }

    /// Runs one statement that reads, and returns all its rows.
    pub(crate) async fn fetch(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<Vec<SqliteRow>> {
        let mut rows = Vec::new();
        self.each(operation, query, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// Runs one statement that reads and hands over each row as it arrives.
    pub(crate) async fn each(
        &self,
        operation: &'static str,
        query: SqliteQuery,
        mut take: impl FnMut(SqliteRow),
    ) -> Result<()> {
        let all = |row| {
            take(row);
            true
        };
        self.each_while(operation, query, all).await
    }

    /// The same until `take` returns `false`.
    pub(crate) async fn each_while(
        &self,
        operation: &'static str,
        query: SqliteQuery,
        mut take: impl FnMut(SqliteRow) -> bool,
    ) -> Result<()> {
        let SqliteOptions { readers, acquire_timeout, .. } = self.options;
        let _permit = match timeout(acquire_timeout, self.readers.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(closed(operation)),
            Err(_) => {
                let reason = format!(
                    "all {readers} connections were reading for {acquire_timeout:?}; raise `readers`"
                );
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
            if !take(row) {
                break;
            }
        }
        drop(rows);
        // What was read is of the file that the connection has open, wherever that is by now.
        self.identity.look(operation)?;
        if !self.readers.is_closed() {
            self.idle().push(connection);
        }
        Ok(())
    }

    /// Takes the write lock, and runs a statement that begins the transaction and may read under the lock.
    pub(crate) async fn begin(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<(Transaction<'_>, Vec<SqliteRow>), Failure> {
        let mut transaction = self.lock(operation).await?;
        let rows = transaction.fetch(query).await?;
        Ok((transaction, rows))
    }

    /// Waits until nobody of this program writes. The first statement has to begin the transaction.
    pub(crate) async fn lock(&self, operation: &'static str) -> Result<Transaction<'_>> {
        let mut slot = self.writer.lock().await;
        if self.readers.is_closed() {
            return Err(closed(operation));
        }
        if self.is_suspect.load(Relaxed) {
            self.prove(operation).await?;
        } else {
            // What is refused here is not stored anywhere.
            self.identity.look(operation)?;
        }
        self.bound_write_ahead().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.open(operation, &self.options.writer()).await?,
        };
        Ok(Transaction { pool: self, slot, connection, operation })
    }

    /// Opens a connection that writes and that the pool does not keep.
    pub(crate) async fn open_writer(&self, operation: &'static str) -> Result<SqliteConnection> {
        self.open(operation, &self.options.writer()).await
    }

    async fn open(
        &self,
        operation: &'static str,
        driver: &SqliteConnectOptions,
    ) -> Result<SqliteConnection> {
        let is_first = !self.identity.is_fixed();
        let driver =
            if is_first { driver.clone() } else { driver.clone().create_if_missing(false) };
        let connected = driver.connect().await;
        // A file that is gone is the cause of whatever the driver says.
        self.identity.look(operation)?;
        let mut connection = connected.map_err(|error| self.error(operation, error))?;
        if !is_first {
            let id = self.id(operation, &mut connection).await?;
            self.identity.check_id(operation, id.as_deref())?;
        }
        Ok(connection)
    }

    /// Refuses a connection of another's that has another file open.
    pub(crate) async fn check_file(
        &self,
        operation: &'static str,
        connection: &mut SqliteConnection,
    ) -> Result<()> {
        self.identity.look(operation)?;
        let id = self.id(operation, connection).await?;
        self.identity.check_id(operation, id.as_deref())
    }

    /// The id of the file that a connection has open.
    async fn id(
        &self,
        operation: &'static str,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Vec<u8>>> {
        let rows = run(connection, sql::STORE_ID).await;
        let rows = rows.map_err(|error| self.error(operation, error))?;
        rows.first().map(|row| Cells::new(row).first()).transpose()
    }

    /// Takes no more statements and closes the idle connections, one that may write last: it brings the file up to date,
    /// and leaves no other file beside it.
    pub(crate) async fn close(&self) {
        // Readers at work are waited for, as long as a reader waits for a connection.
        let all = self.readers.acquire_many(self.options.readers);
        let _all = timeout(self.options.acquire_timeout, all).await;
        self.readers.close();
        let connections = std::mem::take(&mut *self.idle());
        let writer = self.writer.lock().await.take();
        let anchor = self.anchor.lock().await.take();
        for connection in connections.into_iter().chain(writer).chain(anchor) {
            // Nothing is lost with a connection that does not close properly.
            let _ = connection.close().await;
        }
    }

    /// The driver's error as ours.
    pub(crate) fn error(&self, operation: &'static str, error: sqlx::Error) -> Error {
        error::error(operation, self.path(), error)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a statement on a connection that the pool does not keep.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    statement: Statement,
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    statement.query().fetch_all(connection).await
}
