//! Opening a connection: the hosts in order, each within a time, and what is done first on every new connection.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_core::{Error, Result};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnection, PgRow};
use tokio::time::{Instant, timeout};

use super::Shared;
use crate::error;
use crate::options::{Role, Server, Servers, SessionAttrs};
use crate::row::Cells;
use crate::sql::Statements;

/// For how long a host that failed is tried after the others.
const REST: Duration = Duration::from_secs(10);

/// An open connection, and what is known about its other end.
pub(super) struct Link {
    pub(super) connection: PgConnection,
    pub(super) server: Arc<Server>,
    /// The server process; unknown behind a pooler, which has another one for each transaction.
    pub(super) process: Option<Process>,
}

/// A process of a server.
#[derive(Clone)]
pub(crate) struct Process {
    pub(super) server: Arc<Server>,
    pub(super) pid: i32,
}

/// What the list of hosts taught so far.
#[derive(Default)]
pub(super) struct Resting {
    /// Hosts that failed, and when.
    failed: Mutex<Vec<(usize, Instant)>>,
}

impl Resting {
    /// The hosts, those that failed a moment ago last. Each attempt decides for itself: tasks that move one shared
    /// index would drive each other past the host that answers.
    fn order(&self, hosts: usize) -> Vec<usize> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|(_, since)| since.elapsed() < REST);
        let rests = |host: &usize| failed.iter().any(|(failed, _)| failed == host);
        let mut order: Vec<usize> = (0..hosts).collect();
        order.sort_by_key(rests);
        order
    }

    fn fail(&self, host: usize) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|(other, _)| *other != host);
        failed.push((host, Instant::now()));
    }

    fn recover(&self, host: usize) {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(other, _)| *other != host);
    }
}

impl Shared {
    /// Opens a connection for the pool.
    pub(super) async fn open(&self, operation: &'static str) -> Result<Link> {
        self.open_at(operation, &self.servers, !self.mode.is_pooled()).await
    }

    /// Opens a connection for a word about another one to the same server.
    pub(super) async fn open_beside(&self, server: &Server) -> Result<PgConnection, sqlx::Error> {
        match timeout(self.connect_timeout, server.driver.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Opens a connection to the first host that answers and has the role that is wanted.
    pub(super) async fn open_at(
        &self,
        operation: &'static str,
        servers: &Servers,
        is_session: bool,
    ) -> Result<Link> {
        let wanted = match servers.wanted {
            // A store writes: of several hosts one that lets it is preferred.
            SessionAttrs::Any if servers.is_choice() => SessionAttrs::ReadWrite,
            wanted => wanted,
        };
        let takes_any = servers.wanted.takes_any();
        let (mut second_best, mut refused) = (None, Vec::new());
        for host in self.hosts.order(servers.list.len()) {
            let Some(server) = servers.list.get(host) else { continue };
            match self.open_host(server, wanted, is_session).await {
                Ok((link, role)) if wanted.accept(role) => {
                    self.hosts.recover(host);
                    metrics::counter!("event_store_connections_opened_total").increment(1);
                    return Ok(link);
                }
                Ok((link, _)) if takes_any && second_best.is_none() => second_best = Some(link),
                Ok(_) => {
                    self.hosts.fail(host);
                    refused.push(Refused::Role(server.name.clone(), wanted));
                }
                Err(failed) => {
                    self.hosts.fail(host);
                    refused.push(failed);
                }
            }
        }
        second_best.ok_or_else(|| Refused::into_error(operation, refused))
    }

    async fn open_host(
        &self,
        server: &Arc<Server>,
        wanted: SessionAttrs,
        is_session: bool,
    ) -> Result<(Link, Role), Refused> {
        let opening = async {
            let mut connection = server.driver.connect().await?;
            if !is_session && wanted == SessionAttrs::Any {
                let role = Role { standby: false, read_only: false };
                return Ok((Link { connection, server: Arc::clone(server), process: None }, role));
            }
            let (pid, role) = greet(&mut connection, &self.sql).await?;
            let process = is_session.then(|| Process { server: Arc::clone(server), pid });
            Ok((Link { connection, server: Arc::clone(server), process }, role))
        };
        let name = || server.name.clone();
        match timeout(self.connect_timeout, opening).await {
            Ok(opened) => opened.map_err(|error| Refused::Failed(name(), error)),
            Err(_) => Err(Refused::Silent(name(), self.connect_timeout)),
        }
    }
}

/// What is done first on every new connection: it asks for the process and the role of the server. In one message, and
/// nothing stays in the session, so that it is safe behind a pooler too.
async fn greet(
    connection: &mut PgConnection,
    sql: &Statements,
) -> Result<(i32, Role), sqlx::Error> {
    let row: PgRow = sql.opened.raw().fetch_one(connection).await?;
    let cells = Cells::new(&row);
    let unreadable = |error: Error| sqlx::Error::Protocol(event_core::error::with_causes(&error));
    let role = Role {
        standby: cells.get("standby").map_err(unreadable)?,
        read_only: cells.get("read_only").map_err(unreadable)?,
    };
    Ok((cells.get("pid").map_err(unreadable)?, role))
}

/// Why a host was not used.
#[derive(Debug)]
enum Refused {
    Failed(String, sqlx::Error),
    Silent(String, Duration),
    Role(String, SessionAttrs),
}

impl Refused {
    /// One error for all hosts: its kind is that of the first, its text names every one.
    fn into_error(operation: &'static str, refused: Vec<Self>) -> Error {
        let text = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let failed = refused.into_iter().find_map(|it| match it {
            Self::Failed(_, error) => Some(error),
            Self::Silent(..) | Self::Role(..) => None,
        });
        match failed.map(|failed| error::error(operation, failed)) {
            Some(Error::Adapter { .. }) => Error::adapter(operation, text),
            Some(Error::Overloaded { .. }) => Error::overloaded(operation, text),
            _ => Error::connection(operation, text),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(name, error) => write!(f, "{name}: {}", error::text(error)),
            Self::Silent(name, time) => write!(f, "{name}: no connection within {time:?}"),
            Self::Role(name, wanted) => {
                write!(f, "{name}: it is not what `target_session_attrs={wanted}` asks for")
            }
        }
    }
}
