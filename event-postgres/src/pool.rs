//! The held connections: one statement at a time, no ping before or after, so that a call is one round trip.
//!
//! A connection goes back only after a whole answer; one whose future was dropped, whose time was up or whose server
//! ended it is closed. When one breaks, the idle ones opened before are closed too: a server that restarted would
//! otherwise fail as many calls as there are connections.

mod held;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::health::PoolUse;
use event_core::{Error, Result};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{self, Failure};
use crate::options::{Address, PgOptions};
use crate::pooler::PoolerMode;
use crate::sql::{Begin, PgQuery};

const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const NO_SESSION: &str =
    "it needs a session, which no pooler gives: name the server itself with `direct=host:port`";
const NOT_POOLED: &str =
    "it needs a session, which no pooler gives: open the store on the server itself for it";

/// Connections that are kept open.
pub(crate) struct Pool {
    driver: PgConnectOptions,
    mode: PoolerMode,
    /// Where a session may be kept: not behind a pooler.
    session: Option<PgConnectOptions>,
    /// What opens the transaction of a statement behind a pooler.
    begin: Begin,
    size: u32,
    permits: Semaphore,
    idle: Mutex<Idle>,
    acquire_timeout: Duration,
    deadline: Duration,
}

#[derive(Default)]
struct Idle {
    /// Counts breakdowns; a connection from before the last one is not kept.
    epoch: u64,
    connections: Vec<PgConnection>,
}

impl Pool {
    /// A pool without connections; they are opened on demand.
    pub(crate) fn new(options: &PgOptions) -> Self {
        Self {
            driver: options.driver(),
            mode: options.get_pooler_mode(),
            session: options.direct_driver(),
            begin: Begin::new(&options.settings()),
            size: options.get_pool_size(),
            permits: Semaphore::new(options.get_pool_size() as usize),
            idle: Mutex::default(),
            acquire_timeout: options.get_acquire_timeout(),
            deadline: options.deadline(),
        }
    }

    /// A pool for another server with the same store, reached without a pooler.
    pub(crate) fn at(options: &PgOptions, address: &Address) -> Self {
        let direct = options.clone().pooler_mode(PoolerMode::Direct);
        let driver = direct.driver_at(address);
        Self { session: Some(driver.clone()), driver, ..Self::new(&direct) }
    }

    /// Runs one statement and gives back all its rows.
    pub(crate) async fn fetch(
        &self,
        operation: &'static str,
        query: PgQuery<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut rows = Vec::new();
        self.each(operation, query, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// Runs one statement and hands over its rows as they come: what is made of them is made while the server sends on.
    pub(crate) async fn each(
        &self,
        operation: &'static str,
        query: PgQuery<'_>,
        take: impl FnMut(PgRow),
    ) -> Result<(), Failure> {
        let mut held = self.hold(operation).await?;
        let answer = self.exchange(&mut held.connection, query, take);
        match timeout(self.deadline, answer).await {
            Ok(Ok(())) => {
                held.keep();
                Ok(())
            }
            Ok(Err(error)) => {
                if error::is_fatal(&error) {
                    held.broke();
                } else {
                    held.keep();
                }
                Err(error::failure(operation, error))
            }
            Err(_) => {
                held.broke();
                Err(self.no_answer(operation).into())
            }
        }
    }

    /// One statement on a connection, as what stands between wants it: alone, or in a transaction that brings its
    /// settings along.
    pub(crate) async fn exchange(
        &self,
        connection: &mut PgConnection,
        query: PgQuery<'_>,
        mut take: impl FnMut(PgRow),
    ) -> Result<(), sqlx::Error> {
        if self.mode.is_pooled() {
            self.begin.query().execute(&mut *connection).await?;
        }
        let answer = async {
            let mut rows = query.persistent(self.mode.prepares()).fetch(&mut *connection);
            while let Some(row) = rows.try_next().await? {
                take(row);
            }
            Ok(())
        };
        let answer = answer.await;
        if self.mode.is_pooled() {
            let end = if answer.is_ok() { COMMIT } else { ROLLBACK };
            let ended = sqlx::raw_sql(end).execute(&mut *connection).await;
            return answer.and(ended.map(|_| ()));
        }
        answer
    }

    /// What stands between this pool and the server.
    pub(crate) const fn mode(&self) -> PoolerMode {
        self.mode
    }

    /// How the connections are used now.
    pub(crate) fn usage(&self) -> PoolUse {
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let free = count(self.permits.available_permits());
        PoolUse {
            size: self.size,
            idle: count(self.idle().connections.len()),
            busy: self.size.saturating_sub(free),
        }
    }

    /// Opens a connection that the pool does not keep.
    pub(crate) async fn open(&self, operation: &'static str) -> Result<PgConnection> {
        self.open_at(operation, &self.driver).await
    }

    /// Opens a connection to somewhere else, in the time of this pool.
    pub(crate) async fn open_at(
        &self,
        operation: &'static str,
        driver: &PgConnectOptions,
    ) -> Result<PgConnection> {
        match timeout(self.acquire_timeout, driver.connect()).await {
            Ok(connected) => connected.map_err(|error| error::error(operation, error)),
            Err(_) => Err(Error::connection(operation, NoAnswer(self.acquire_timeout))),
        }
    }

    /// Opens a connection for several statements that belong together, to the server itself.
    pub(crate) async fn open_session(&self, operation: &'static str) -> Result<PgConnection> {
        match &self.session {
            Some(driver) => self.open_at(operation, driver).await,
            None => Err(Error::adapter(operation, NO_SESSION)),
        }
    }

    /// Refuses what keeps one of the pool's own connections for several statements, where a pooler stands in between.
    pub(crate) fn require_session(&self, operation: &'static str) -> Result<()> {
        if self.mode.is_pooled() { Err(Error::adapter(operation, NOT_POOLED)) } else { Ok(()) }
    }

    /// How long a statement may take, on the server and on the way.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The error for a statement that took longer; what it did is unknown.
    pub(crate) fn no_answer(&self, operation: &'static str) -> Error {
        Error::connection(operation, NoAnswer(self.deadline))
    }

    /// Takes no more statements and closes what is idle.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let connections = std::mem::take(&mut self.idle().connections);
        for connection in connections {
            // Nothing is lost with a connection that does not close in good order.
            let _ = timeout(Duration::from_secs(1), connection.close()).await;
        }
    }

    /// Keeps a connection that was opened for something else.
    pub(crate) async fn adopt(&self, connection: PgConnection) {
        let (epoch, full) = {
            let idle = self.idle();
            (idle.epoch, idle.connections.len() >= self.size as usize)
        };
        if !full {
            self.keep(epoch, connection);
            return;
        }
        // Nothing is lost with a connection that does not close in good order.
        let _ = timeout(Duration::from_secs(1), connection.close()).await;
    }

    fn keep(&self, epoch: u64, connection: PgConnection) {
        let mut idle = self.idle();
        if idle.epoch == epoch && !self.permits.is_closed() {
            idle.connections.push(connection);
        }
    }

    fn broke(&self, epoch: u64) {
        let mut idle = self.idle();
        if idle.epoch == epoch {
            idle.epoch += 1;
            idle.connections.clear();
        }
    }

    fn exhausted(&self, operation: &'static str) -> Error {
        Error::overloaded(
            operation,
            format!(
                "all {} connections were busy for {:?}; raise `pool_size`",
                self.size, self.acquire_timeout
            ),
        )
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server did not answer in time; what it did is unknown.
#[derive(Debug)]
struct NoAnswer(Duration);

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer from the server within {:?}", self.0)
    }
}

impl std::error::Error for NoAnswer {}
