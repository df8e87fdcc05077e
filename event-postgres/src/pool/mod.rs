//! [`Pool`]: connections that are kept open. One statement at a time, so that a call is one round trip.
//!
//! A connection returns to the pool only after a complete answer, and its permit with it: there are never more than the
//! permits allow, whatever callers do. A call that is given up leaves its connection to a task that cancels the
//! statement and waits for its end (`given_up.rs`). A connection in a state that is not known is closed. When one
//! breaks, the idle ones opened before it are closed too: after a restart of the server as many calls as there are
//! connections would fail otherwise.
//!
//! The driver gives no access to its sockets, so a connection that a firewall has forgotten is noticed here: one that
//! was idle for a while is asked for a sign of life before it is used, and a statement that takes long is looked up on
//! the server (`watch.rs`).

mod described;
mod given_up;
mod held;
mod open;
mod session;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_core::health::PoolUse;
use event_core::{Error, Result};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow, PgStatement};
use sqlx::{Connection, Either, Execute, Executor, SqlStr, Statement as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use self::described::{Described, Types};
use self::given_up::Abandoned;
pub(crate) use self::held::{Held, is_alive};
use self::open::Link;
pub(crate) use self::open::Process;
use self::open::Resting as RestingHosts;
pub(crate) use self::session::Session;
use crate::error::{self, Failure};
use crate::options::{Address, PgOptions, PoolerMode, Server, Servers};
use crate::sql::{Begin, PgQuery, Statements};

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
    shared: Arc<Shared>,
}

/// What the tasks of a pool share with it.
struct Shared {
    servers: Servers,
    hosts: RestingHosts,
    mode: PoolerMode,
    /// Where a session may be kept: not behind a pooler.
    session: Option<Servers>,
    /// The same for transactions that block no reader of the log.
    patient: Option<Servers>,
    /// What opens the transaction of a statement behind a pooler.
    begin: Begin,
    sql: Arc<Statements>,
    size: u32,
    permits: Arc<Semaphore>,
    /// As many again, for transactions that call the application: it may read from the store meanwhile, and that never
    /// waits for the transaction itself.
    apart: Arc<Semaphore>,
    idle: Mutex<Idle>,
    abandoned: Abandoned,
    described: Described,
    acquire_timeout: Duration,
    connect_timeout: Duration,
    deadline: Duration,
    /// Held by the one that looks at the server; when it was out of reach last.
    looking: tokio::sync::Mutex<Option<Instant>>,
    /// How long a transaction may wait for this program, in milliseconds; none: for ever.
    idle_limit: Option<i32>,
    /// How many connections were opened so far.
    opened: AtomicU64,
}

#[derive(Default)]
struct Idle {
    /// Counts broken connections; a connection from before the last one is not kept.
    epoch: u64,
    connections: Vec<(Link, Instant)>,
}

/// Whether a connection is known to be ready for the next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Unknown,
}

impl Pool {
    /// How many connections were opened so far. What was learned on a connection holds for those that were open then: a
    /// server may come back at an earlier point, but no connection survives that.
    pub(crate) fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// Connections at most.
    pub(crate) fn size(&self) -> u32 {
        self.shared.size
    }

    /// A pool without connections; they are opened on demand.
    pub(crate) fn new(options: &PgOptions, sql: Arc<Statements>) -> Self {
        let patient = options.patient().direct_servers();
        Self::of(options, options.servers(), (options.direct_servers(), patient), sql)
    }

    /// A pool for another server with the same store, reached without a pooler.
    pub(crate) fn at(options: &PgOptions, address: &Address, sql: Arc<Statements>) -> Self {
        let servers = options.servers_at(address);
        let sessions = (Some(servers.clone()), Some(options.patient().servers_at(address)));
        Self::of(&options.without_pooler(), servers, sessions, sql)
    }

    fn of(
        options: &PgOptions,
        servers: Servers,
        (session, patient): (Option<Servers>, Option<Servers>),
        sql: Arc<Statements>,
    ) -> Self {
        let shared = Shared {
            hosts: RestingHosts::default(),
            servers,
            mode: options.pooler_mode,
            session,
            patient,
            begin: Begin::new(&options.settings()),
            sql,
            size: options.pool_size,
            permits: Arc::new(Semaphore::new(options.pool_size as usize)),
            apart: Arc::new(Semaphore::new(options.pool_size as usize)),
            idle: Mutex::default(),
            abandoned: Abandoned::default(),
            described: Described::default(),
            acquire_timeout: options.acquire_timeout,
            connect_timeout: options.connect_timeout(),
            deadline: options.deadline(),
            looking: tokio::sync::Mutex::default(),
            idle_limit: options.idle_limit(),
            opened: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Runs one statement and hands over each row as it arrives: it is decoded while the server still sends.
    pub(crate) async fn each(
        &self,
        operation: &'static str,
        mut query: PgQuery<'_>,
        mut take: impl FnMut(PgRow),
    ) -> Result<(), Failure> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode);
        let arguments = arguments.map_err(|error| error::failure(operation, error))?;
        let (text, arguments) = (query.sql(), arguments.unwrap_or_default());
        let mut is_repeated = false;
        loop {
            let query = sqlx::query_with(text.clone(), arguments.clone());
            // Boxed: every call of the store contains it.
            match Box::pin(self.once(operation, query, &mut take)).await? {
                (_, Ok(())) => return Ok(()),
                // Nothing was done. Another connection prepares the statement anew.
                (_, Err(failed)) if error::is_stale(&failed) && !is_repeated => is_repeated = true,
                (at, Err(failed)) => {
                    return Err(error::failure_at(operation, at.as_deref(), failed));
                }
            }
        }
    }

    /// One attempt, and the server that answered.
    async fn once(
        &self,
        operation: &'static str,
        query: PgQuery<'_>,
        take: &mut impl FnMut(PgRow),
    ) -> Result<(Option<Arc<Server>>, Result<(), sqlx::Error>), Failure> {
        let mut held = self.hold(operation).await?;
        let (process, server) = (held.process(), held.server());
        if self.mode().is_pooled() {
            held.begins();
        }
        let answer = self.exchange(held.connection(), query, take);
        let answered = timeout(self.shared.deadline, self.shared.watched(process, answer)).await;
        let Ok(Ok((state, answer))) = answered else {
            held.broke();
            let at = server.map_or_else(|| "the server".to_owned(), |server| server.name.clone());
            return Err(Error::connection(operation, NoAnswer(at)).into());
        };
        match &answer {
            Ok(()) => held.keep(),
            Err(failed) => after(failed, state, held),
        }
        Ok((server, answer))
    }

    /// The types that the server expects for the parameters of a statement; `None` where they cannot be known: behind a pooler,
    /// without the address of the server itself. They are asked for once, see [`forget_types`](Self::forget_types).
    pub(crate) async fn types(
        &self,
        operation: &'static str,
        text: &SqlStr,
    ) -> Result<Option<Types>, Failure> {
        if let Some(types) = self.shared.described.find(text.as_str()) {
            return Ok(Some(types));
        }
        let types = if !self.mode().is_pooled() {
            self.describe(operation, text.clone()).await?
        } else if self.shared.session.is_some() {
            let mut connection = self.open_session(operation).await?;
            let prepared = timeout(self.shared.deadline, connection.prepare(text.clone())).await;
            let prepared = prepared.map_err(|_| self.no_answer(operation))?;
            let types = prepared.map(|statement| types_of(&statement));
            let _ = timeout(CLOSE, connection.close()).await;
            types.map_err(|failed| error::failure(operation, failed))?
        } else {
            None
        };
        if let Some(types) = &types {
            self.shared.described.keep(text.as_str(), types);
        }
        Ok(types)
    }

    /// Whether the types of a statement are remembered from an earlier call.
    pub(crate) fn knows_types(&self, text: &SqlStr) -> bool {
        self.shared.described.find(text.as_str()).is_some()
    }

    /// Forgets the types of a statement that failed: its tables may have been made anew.
    pub(crate) fn forget_types(&self, text: &SqlStr) {
        self.shared.described.forget(text.as_str());
    }

    async fn describe(
        &self,
        operation: &'static str,
        text: SqlStr,
    ) -> Result<Option<Types>, Failure> {
        let mut held = self.hold(operation).await?;
        let prepared = timeout(self.shared.deadline, held.connection().prepare(text)).await;
        let types = match prepared {
            Ok(Ok(statement)) => types_of(&statement),
            Ok(Err(failed)) => {
                after(&failed, State::Ready, held);
                return Err(error::failure(operation, failed));
            }
            Err(_) => {
                held.broke();
                return Err(self.no_answer(operation).into());
            }
        };
        held.keep();
        Ok(types)
    }

    /// Runs one statement on a connection, as the pooler mode requires: alone, or in a transaction that brings its
    /// settings along. After an error the connection is ready if no transaction is left open on it.
    pub(crate) async fn exchange(
        &self,
        connection: &mut PgConnection,
        query: PgQuery<'_>,
        mut take: impl FnMut(PgRow),
    ) -> (State, Result<(), sqlx::Error>) {
        let mode = self.mode();
        if mode.is_pooled()
            && let Err(failed) = self.shared.begin.query().execute(&mut *connection).await
        {
            // It may have begun, and failed at a setting.
            return (State::Unknown, Err(failed));
        }
        let answer = async {
            let mut rows = query.persistent(mode.prepares()).fetch(&mut *connection);
            while let Some(row) = rows.try_next().await? {
                take(row);
            }
            Ok(())
        };
        let answer = answer.await;
        if !mode.is_pooled() {
            return (State::Ready, answer);
        }
        let end = if answer.is_ok() { COMMIT } else { ROLLBACK };
        match sqlx::raw_sql(end).execute(&mut *connection).await {
            Ok(_) => (State::Ready, answer),
            Err(failed) => (State::Unknown, answer.and(Err(failed))),
        }
    }

    /// What is between this pool and the server.
    pub(crate) fn mode(&self) -> PoolerMode {
        self.shared.mode
    }

    /// How the connections are used now.
    pub(crate) fn usage(&self) -> PoolUse {
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let free = count(self.shared.permits.available_permits());
        PoolUse {
            size: self.size(),
            idle: count(self.shared.idle().connections.len()),
            busy: self.size().saturating_sub(free),
        }
    }

    /// Refuses, behind a pooler, what keeps one of the pool's own connections for several statements.
    pub(crate) fn require_session(&self, operation: &'static str) -> Result<()> {
        if self.mode().is_pooled() { Err(Error::adapter(operation, NOT_POOLED)) } else { Ok(()) }
    }

    /// How long a statement may take, on the server and on the network.
    pub(crate) fn deadline(&self) -> Duration {
        self.shared.deadline
    }

    /// How long a transaction may wait for this program, in milliseconds; `None`: for ever.
    pub(crate) fn idle_limit(&self) -> Option<i32> {
        self.shared.idle_limit
    }

    /// How long an answer may take that costs the server nothing.
    pub(crate) fn short_deadline(&self) -> Duration {
        self.shared.acquire_timeout.max(Duration::from_secs(2))
    }

    /// The error for a statement that was not answered; what it did is unknown.
    pub(crate) fn no_answer(&self, operation: &'static str) -> Error {
        let servers = self.shared.session.as_ref().unwrap_or(&self.shared.servers);
        Error::connection(operation, NoAnswer(servers.names()))
    }

    /// Takes no more statements and closes the idle connections.
    pub(crate) async fn close(&self) {
        self.shared.permits.close();
        self.shared.apart.close();
        let connections = std::mem::take(&mut self.shared.idle().connections);
        for (link, _) in connections {
            close(link.connection).await;
        }
    }
}

impl Shared {
    fn keep(&self, epoch: u64, link: Link) {
        let mut idle = self.idle();
        if idle.epoch == epoch && !self.permits.is_closed() {
            idle.connections.push((link, Instant::now()));
        }
    }

    fn broke(&self, epoch: u64) {
        metrics::counter!("event_store_connections_broken_total").increment(1);
        let mut idle = self.idle();
        if idle.epoch == epoch {
            idle.epoch += 1;
            idle.connections.clear();
        }
    }

    fn exhausted(&self, operation: &'static str) -> Error {
        let reason = format!(
            "all {} connections were busy for {:?}; raise `pool_size`",
            self.size, self.acquire_timeout
        );
        Error::overloaded(operation, reason)
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a connection after an error.
fn after(failed: &sqlx::Error, state: State, held: Held) {
    if error::is_fatal(failed) {
        held.broke();
    } else if state == State::Ready {
        held.keep();
    } else {
        held.close();
    }
}

/// Closes a connection, in the way that the server expects if it answers.
pub(crate) async fn close(connection: PgConnection) {
    // Nothing is lost with a connection that does not close properly.
    let _ = timeout(CLOSE, connection.close()).await;
}

/// The server did not answer in time; what it did is unknown.
#[derive(Debug, thiserror::Error)]
#[error("no answer from {0}")]
struct NoAnswer(String);

/// The types of the parameters of a statement.
fn types_of(statement: &PgStatement) -> Option<Types> {
    match statement.parameters() {
        Some(Either::Left(types)) => Some(types.into()),
        _ => None,
    }
}
