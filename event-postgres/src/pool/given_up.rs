//! [`GivenUp`]: a connection whose caller went away. Its statement is cancelled on the server, and its permit returns
//! when the server has ended it: as many statements run as there are permits, however fast callers give up.
//!
//! A cancel request of the protocol needs a key that the driver keeps for itself; `pg_cancel_backend` does the same
//! through one more connection, which serves all that are waiting and is closed then. What has written something is not
//! cancelled: its end is waited for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

use super::open::Link;
use super::{Process, Shared, close};
use crate::error;
use crate::options::Server;

/// Most statements end by themselves within this time.
const SOON: Duration = Duration::from_millis(20);
/// Answers that may still arrive on a connection: those of its statement, of what prepared it, of a rollback.
const ANSWERS: usize = 8;
/// How long one round of cancel requests may take.
const CANCEL: Duration = Duration::from_secs(5);

/// A connection in the middle of a statement that nobody waits for.
pub(super) struct GivenUp {
    pub(super) shared: Arc<Shared>,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) epoch: u64,
    pub(super) link: Link,
    pub(super) in_transaction: bool,
}

impl GivenUp {
    /// Ends what is in flight, and returns the permit.
    pub(super) async fn end(self) {
        let Self { shared, permit, epoch, mut link, in_transaction } = self;
        metrics::counter!("event_store_calls_given_up_total").increment(1);
        let mut ended = timeout(SOON, settle(&mut link)).await;
        if ended.is_err() {
            if let Some(process) = &link.process {
                shared.cancel(process).await;
            }
            ended = timeout(shared.deadline, settle(&mut link)).await;
        }
        match ended {
            Ok(true) if !in_transaction => shared.keep(epoch, link),
            Ok(true) => close(link.connection).await,
            // It broke; the next call opens another one.
            Ok(false) | Err(_) => drop(link),
        }
        drop(permit);
    }
}

/// Reads what the server still sends; whether the connection can be used again.
async fn settle(link: &mut Link) -> bool {
    for _ in 0..ANSWERS {
        match link.connection.ping().await {
            Ok(()) => return true,
            // The error of the statement itself, and not the end of the connection.
            Err(failed) if !error::is_fatal(&failed) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Cancel requests that wait for the connection that sends them.
#[derive(Default)]
pub(super) struct Abandoned(Mutex<BTreeMap<String, Requests>>);

/// The requests for one host.
#[derive(Default)]
struct Requests {
    is_served: bool,
    waiting: Vec<(i32, oneshot::Sender<()>)>,
}

impl Shared {
    /// Ends what the server still does for a connection that is not of the pool.
    pub(super) async fn end(self: Arc<Self>, mut link: Link) {
        let mut ended = timeout(SOON, settle(&mut link)).await;
        if ended.is_err() {
            if let Some(process) = &link.process {
                self.cancel(process).await;
            }
            ended = timeout(self.deadline, settle(&mut link)).await;
        }
        if matches!(ended, Ok(true)) {
            close(link.connection).await;
        }
    }

    /// Asks the server to cancel what a process does, and waits until it was asked.
    async fn cancel(self: &Arc<Self>, Process { server, pid }: &Process) {
        let (asked, answer) = oneshot::channel();
        let is_served = {
            let mut hosts = self.abandoned.0.lock().unwrap_or_else(PoisonError::into_inner);
            let requests = hosts.entry(server.name.clone()).or_default();
            requests.waiting.push((*pid, asked));
            std::mem::replace(&mut requests.is_served, true)
        };
        if !is_served {
            let serving =
                Serving { shared: Arc::clone(self), server: Arc::clone(server), has_ended: false };
            tokio::spawn(async move { serving.run().await });
        }
        // An error: nobody asks any more. The statement then ends by itself, or by its timeout.
        let _ = answer.await;
    }

    fn take_abandoned(&self, server: &Server) -> Vec<(i32, oneshot::Sender<()>)> {
        let mut hosts = self.abandoned.0.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = hosts.entry(server.name.clone()).or_default();
        let waiting = std::mem::take(&mut requests.waiting);
        requests.is_served = !waiting.is_empty();
        waiting
    }
}

/// The task that sends the cancel requests for one host, all that wait at a time.
struct Serving {
    shared: Arc<Shared>,
    server: Arc<Server>,
    /// Whether another task serves requests from now on.
    has_ended: bool,
}

impl Serving {
    async fn run(mut self) {
        let mut connection = None;
        loop {
            let waiting = self.shared.take_abandoned(&self.server);
            if waiting.is_empty() {
                self.has_ended = true;
                break;
            }
            if connection.is_none() {
                connection = self.shared.open_beside(&self.server).await.ok();
            }
            let pids: Vec<i32> = waiting.iter().map(|(pid, _)| *pid).collect();
            let sent = match &mut connection {
                Some(connection) => {
                    let query = self.shared.sql.cancel.query().bind(pids);
                    matches!(timeout(CANCEL, query.execute(connection)).await, Ok(Ok(_)))
                }
                None => false,
            };
            if !sent {
                connection = None;
            }
            // Only now: a request that arrives later would meet the next statement of the connection.
            drop(waiting);
        }
        if let Some(connection) = connection {
            close(connection).await;
        }
    }
}

impl Drop for Serving {
    /// The runtime may end before the task does.
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let mut hosts = self.shared.abandoned.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.remove(&self.server.name);
    }
}
