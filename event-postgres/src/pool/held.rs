//! [`Held`]: a connection of the pool for several statements.

use event_core::Result;
use event_sql::error::closed;
use sqlx::postgres::PgConnection;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::Pool;

/// A connection that is held. Dropping it closes it and abandons what is in flight on it.
pub(crate) struct Held<'p> {
    pool: &'p Pool,
    _permit: SemaphorePermit<'p>,
    epoch: u64,
    pub(crate) connection: PgConnection,
}

impl Pool {
    /// Takes a connection, or opens one.
    pub(crate) async fn hold(&self, operation: &'static str) -> Result<Held<'_>> {
        let permit = match timeout(self.acquire_timeout, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(closed(operation)),
            Err(_) => return Err(self.exhausted(operation)),
        };
        let (epoch, kept) = {
            let mut idle = self.idle();
            (idle.epoch, idle.connections.pop())
        };
        let connection = match kept {
            Some(connection) => connection,
            None => self.open(operation).await?,
        };
        Ok(Held { pool: self, _permit: permit, epoch, connection })
    }
}

impl Held<'_> {
    /// Returns it to the pool, after a complete answer.
    pub(crate) fn keep(self) {
        self.pool.keep(self.epoch, self.connection);
    }

    /// It broke, and so may have those that were opened before it.
    pub(crate) fn broke(self) {
        self.pool.broke(self.epoch);
    }
}
