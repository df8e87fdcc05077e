//! The held connections: one statement at a time, no ping before or after, so that a call is one round trip.
//!
//! A connection goes back only after a whole answer; one whose future was dropped, whose time was up or whose server
//! ended it is closed. When one breaks, the idle ones opened before are closed too: a server that restarted would
//! otherwise fail as many calls as there are connections.

mod held;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::{Error, PoolUse, Result};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{self, Failure};
use crate::options::PgOptions;
use crate::sql::PgQuery;

/// Connections that are kept open.
pub(crate) struct Pool {
    driver: PgConnectOptions,
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
            size: options.get_pool_size(),
            permits: Semaphore::new(options.get_pool_size() as usize),
            idle: Mutex::default(),
            acquire_timeout: options.get_acquire_timeout(),
            deadline: options.deadline(),
        }
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
        mut take: impl FnMut(PgRow),
    ) -> Result<(), Failure> {
        let mut held = self.hold(operation).await?;
        let answer = async {
            let mut rows = query.fetch(&mut held.connection);
            while let Some(row) = rows.try_next().await? {
                take(row);
            }
            Ok(())
        };
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
        match timeout(self.acquire_timeout, self.driver.connect()).await {
            Ok(connected) => connected.map_err(|error| error::error(operation, error)),
            Err(_) => Err(Error::connection(operation, NoAnswer(self.acquire_timeout))),
        }
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
