//! [`Store`]: what the statements of the other files need to run.

use std::path::Path;

use chrono::{DateTime, Utc};
use event_core::{Clock, Result};
use event_sql::census::Census;
use event_sql::error::no_answer;
use event_sql::inline::refuse_within_another;
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;
use crate::lineage::Lineage;
use crate::names::Names;
use crate::options::SqliteOptions;
use crate::pool::{Pool, Transaction};
use crate::sql::{self, SqliteQuery};
use crate::thread::StoreThread;

/// The connections to one file, and what is kept of it in memory.
pub(crate) struct Store {
    pub(crate) pool: Pool,
    /// The owners and names of streams by their keys.
    pub(crate) names: Names,
    /// The versions of events that this process knows to be recorded.
    pub(crate) census: Census,
    /// Whether the log is the one that this process has read.
    pub(crate) lineage: Lineage,
    /// Where what holds the write lock runs.
    pub(crate) thread: StoreThread,
    clock: Clock,
}

impl Store {
    /// A store without connections; they are opened on demand.
    pub(crate) fn new(options: SqliteOptions) -> Result<Self> {
        let clock = options.clock.clone();
        let (names, census, lineage) = Default::default();
        let thread = StoreThread::start()?;
        Ok(Self { pool: Pool::new(options), names, census, lineage, thread, clock })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.pool.path()
    }

    /// The time of recording.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Runs one statement that reads, and returns all its rows.
    pub(crate) async fn fetch(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<Vec<SqliteRow>> {
        self.pool.fetch(operation, query).await
    }

    /// Runs one statement that reads and returns a row.
    pub(crate) async fn fetch_one(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<SqliteRow> {
        let rows = self.pool.fetch(operation, query).await?;
        rows.into_iter().next().ok_or_else(|| no_answer(operation))
    }

    /// Takes the write lock, and runs a statement that begins the transaction and may read under the lock.
    pub(crate) async fn begin(
        &self,
        operation: &'static str,
        query: SqliteQuery,
    ) -> Result<(Transaction<'_>, Vec<SqliteRow>), Failure> {
        refuse_within_another(operation)?;
        self.pool.begin(operation, query).await
    }

    /// Waits until nobody of this program writes. The first statement has to begin the transaction.
    pub(crate) async fn lock(&self, operation: &'static str) -> Result<Transaction<'_>> {
        refuse_within_another(operation)?;
        self.pool.lock(operation).await
    }

    /// Runs one statement that writes, in a transaction of its own; returns how many rows it changed.
    pub(crate) async fn write(&self, operation: &'static str, query: SqliteQuery) -> Result<u64> {
        let (mut transaction, _) = self.begin(operation, sql::BEGIN.query()).await?;
        let changed = transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(changed)
    }
}
