//! [`Pool`]: connections that are kept open. One statement at a time, no ping before or after, so that a call is one
//! round trip.
//!
//! A connection returns to the pool only after a complete answer. It is closed if its future was dropped, its time was
//! up or its server ended it. When one breaks, the idle connections opened before it are closed too: after a restart of
//! the server as many calls as there are connections would fail otherwise.

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
use crate::options::{Address, PgOptions, PoolerMode};
use crate::sql::{Begin, PgQuery};

const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const NO_SESSION: &str =
    "it needs a session, which no pooler gives: name the server itself with `direct=host:port`";
const NOT_POOLED: &str =
    "it needs a session, which no pooler gives: open the store on the server itself for it";
/// How long closing one connection may take.
const CLOSE: Duration = Duration::from_secs(1);

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
    /// Counts broken connections; a connection from before the last one is not kept.
    epoch: u64,
    connections: Vec<PgConnection>,
}

impl Pool {
    /// Connections at most.
    pub(crate) const fn size(&self) -> u32 {
        self.size
    }

    /// A pool without connections; they are opened on demand.
    pub(crate) fn new(options: &PgOptions) -> Self {
        Self {
            driver: options.driver(),
            mode: options.pooler_mode,
            session: options.direct_driver(),
            begin: Begin::new(&options.settings()),
            size: options.pool_size,
            permits: Semaphore::new(options.pool_size as usize),
            idle: Mutex::default(),
            acquire_timeout: options.acquire_timeout,
            deadline: options.deadline(),
        }
    }

    /// A pool for another server with the same store, reached without a pooler.
    pub(crate) fn at(options: &PgOptions, address: &Address) -> Self {
        let direct = options.clone().pooler_mode(PoolerMode::Direct);
        let driver = direct.driver_at(address);
        Self { session: Some(driver.clone()), driver, ..Self::new(&direct) }
    }

    /// Runs one statement and hands over each row as it arrives: it is decoded while the server still sends.
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

    /// Runs one statement on a connection, as the pooler mode requires: alone, or in a transaction that brings its
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

    /// What is between this pool and the server.
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

    /// Opens a connection to another server, within the timeout of this pool.
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

    /// Opens a connection to the server itself, for several statements that belong together.
    pub(crate) async fn open_session(&self, operation: &'static str) -> Result<PgConnection> {
        match &self.session {
            Some(driver) => self.open_at(operation, driver).await,
            None => Err(Error::adapter(operation, NO_SESSION)),
        }
    }

    /// Refuses, behind a pooler, what keeps one of the pool's own connections for several statements.
    pub(crate) fn require_session(&self, operation: &'static str) -> Result<()> {
        if self.mode.is_pooled() { Err(Error::adapter(operation, NOT_POOLED)) } else { Ok(()) }
    }

    /// How long a statement may take, on the server and on the network.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The error for a statement that took longer; what it did is unknown.
    pub(crate) fn no_answer(&self, operation: &'static str) -> Error {
        Error::connection(operation, NoAnswer(self.deadline))
    }

    /// Takes no more statements and closes the idle connections.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let connections = std::mem::take(&mut self.idle().connections);
        for connection in connections {
            close(connection).await;
        }
    }

    /// Keeps a connection that was opened for something else.
    pub(crate) async fn adopt(&self, connection: PgConnection) {
        let (epoch, full) = {
            let idle = self.idle();
            (idle.epoch, idle.connections.len() >= self.size as usize)
        };
        if full {
            close(connection).await;
        } else {
            self.keep(epoch, connection);
        }
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

async fn close(connection: PgConnection) {
    // Nothing is lost with a connection that does not close properly.
    let _ = timeout(CLOSE, connection.close()).await;
}

/// The server did not answer in time; what it did is unknown.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the server within {0:?}")]
struct NoAnswer(Duration);
