//! [`Held`]: a connection of the pool for one or several statements, and the permit for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_core::{Error, Result};
use event_sql::error::closed;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::given_up::GivenUp;
use super::{Link, Pool, Process, Shared};
use crate::options::Server;

/// A connection that was idle for longer is asked for a sign of life before it is used: whatever is between may have
/// forgotten it.
const FRESH: Duration = Duration::from_secs(1);
/// How long that sign may take. The connection that is opened otherwise costs little.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// A connection that is held. Dropped without a word about its state, it is left to a task that ends what is in flight
/// on it, and keeps the permit until then.
pub(crate) struct Held {
    shared: Arc<Shared>,
    epoch: u64,
    /// Both are there until the end.
    rest: Option<(OwnedSemaphorePermit, Link)>,
    in_transaction: bool,
}

impl Pool {
    /// Takes a connection, or opens one.
    pub(crate) async fn hold(&self, operation: &'static str) -> Result<Held> {
        self.hold_of(&self.shared.permits, operation).await
    }

    /// The same for a transaction that calls the application.
    pub(crate) async fn hold_apart(&self, operation: &'static str) -> Result<Held> {
        self.hold_of(&self.shared.apart, operation).await
    }

    async fn hold_of(&self, permits: &Arc<Semaphore>, operation: &'static str) -> Result<Held> {
        let shared = &self.shared;
        let permits = Arc::clone(permits).acquire_owned();
        let permit = match timeout(shared.acquire_timeout, permits).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(closed(operation)),
            Err(_) => return Err(shared.exhausted(operation)),
        };
        let (epoch, kept) = {
            let mut idle = shared.idle();
            (idle.epoch, idle.connections.pop())
        };
        let Some((link, since)) = kept else {
            return Held::open(Arc::clone(shared), permit, epoch, operation).await;
        };
        let mut held = Held::new(Arc::clone(shared), permit, epoch, link);
        if is_alive(held.connection(), since).await {
            return Ok(held);
        }
        let permit = held.replace();
        let epoch = shared.idle().epoch;
        match permit {
            Some(permit) => Held::open(Arc::clone(shared), permit, epoch, operation).await,
            None => Err(closed(operation)),
        }
    }
}

/// Whether a connection that is idle since a moment still answers.
pub(crate) async fn is_alive(connection: &mut PgConnection, since: Instant) -> bool {
    since.elapsed() < FRESH || matches!(timeout(SIGN_OF_LIFE, connection.ping()).await, Ok(Ok(())))
}

impl Held {
    fn new(shared: Arc<Shared>, permit: OwnedSemaphorePermit, epoch: u64, link: Link) -> Self {
        Self { shared, epoch, rest: Some((permit, link)), in_transaction: false }
    }

    /// Opens a connection in a task of its own: a caller that goes away meanwhile leaves no half-open connection beside
    /// those of the permits.
    async fn open(
        shared: Arc<Shared>,
        permit: OwnedSemaphorePermit,
        epoch: u64,
        operation: &'static str,
    ) -> Result<Self> {
        let opening = tokio::spawn(async move {
            let link = shared.open(operation).await?;
            shared.opened.fetch_add(1, Ordering::SeqCst);
            Ok(Self::new(shared, permit, epoch, link))
        });
        match opening.await {
            Ok(opened) => opened,
            Err(ended) => Err(Error::connection(operation, ended)),
        }
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        match &mut self.rest {
            Some((_, link)) => &mut link.connection,
            None => unreachable!("the connection is taken by methods that consume its holder"),
        }
    }

    /// The server process; unknown behind a pooler.
    pub(super) fn process(&self) -> Option<Process> {
        self.rest.as_ref().and_then(|(_, link)| link.process.clone())
    }

    /// The server.
    pub(super) fn server(&self) -> Option<Arc<Server>> {
        self.rest.as_ref().map(|(_, link)| Arc::clone(&link.server))
    }

    /// A transaction is begun on it: given up, it cannot be used again.
    pub(crate) fn begins(&mut self) {
        self.in_transaction = true;
    }

    /// Returns it to the pool, after a complete answer.
    pub(crate) fn keep(mut self) {
        if let Some((_permit, link)) = self.rest.take() {
            self.shared.keep(self.epoch, link);
        }
    }

    /// It broke, and so may have those that were opened before it.
    pub(crate) fn broke(mut self) {
        drop(self.rest.take());
        self.shared.broke(self.epoch);
    }

    /// Its state is not known: only this one is closed.
    pub(crate) fn close(mut self) {
        drop(self.rest.take());
    }

    /// As [`Held::broke`], with the permit for another one.
    fn replace(mut self) -> Option<OwnedSemaphorePermit> {
        let permit = self.rest.take().map(|(permit, _)| permit);
        self.shared.broke(self.epoch);
        permit
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some((permit, link)) = self.rest.take() else { return };
        // Without a runtime nothing waits for the server: the connection is closed as it is.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (shared, epoch) = (Arc::clone(&self.shared), self.epoch);
            let given_up =
                GivenUp { shared, permit, epoch, link, in_transaction: self.in_transaction };
            runtime.spawn(given_up.end());
        }
    }
}
