//! [`Health`]: whether a store can be reached, how fast it answers, and what blocks its readers.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::read_model_state::ReadModelInfo;
use super::subscription_state::SubscriptionInfo;
use crate::value::{Escaped, Position};

/// The answer of a backend to a health check, see [`EventStore::health`](crate::EventStore::health).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How long one round trip to the backend took.
    pub latency: Duration,
    /// The backend's software and version, as it reports them.
    pub server: String,
    /// Whether it only accepts reads, as a standby does.
    pub read_only: bool,
    /// The version of the store's schema; `None` if it has none.
    pub schema_version: Option<i64>,
    /// The use of the connection pool; `None` if there is none.
    pub pool: Option<PoolUse>,
    /// What blocks readers of the global order now; `None` if nothing does.
    pub stall: Option<Stall>,
    /// Bytes of the write-ahead log that lies beside a file; `None` if there is none.
    pub write_ahead_bytes: Option<u64>,
    /// The last time that the log turned out to be another one than this process had read; `None` if it never did.
    pub log_change: Option<LogChange>,
    /// The durable subscriptions that the handle sees: state, last error, lag, parked events. Empty if they cannot be listed.
    pub subscriptions: Vec<SubscriptionInfo>,
    /// The builds of views and projections: state, lag, last error. Empty if they cannot be listed.
    pub read_models: Vec<ReadModelInfo>,
}

impl Health {
    /// The health of a backend of which only this is known.
    pub fn new(server: impl Into<String>, latency: Duration) -> Self {
        Self {
            latency,
            server: server.into(),
            read_only: false,
            schema_version: None,
            pool: None,
            stall: None,
            write_ahead_bytes: None,
            log_change: None,
            subscriptions: Vec::new(),
            read_models: Vec::new(),
        }
    }
}

/// The use of a backend's connection pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// The maximum number of connections.
    pub size: u32,
    /// Open connections that are free.
    pub idle: u32,
    /// Connections in use.
    pub busy: u32,
}

/// The log was replaced under a living process: by a failover to a server that lacks the last commits, or by the restore of an
/// older copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChange {
    /// The highest position that this process had seen before.
    pub seen: Position,
    /// The highest position at which the current log is known to hold the same event: later events may be gone.
    pub common: Position,
    /// When it was found out, by the clock of this process.
    pub at: DateTime<Utc>,
}

impl fmt::Display for LogChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, common, .. } = self;
        write!(
            f,
            "the log was replaced: this process had seen position {seen}, and the log of now is known to be the same up to {common} only"
        )
    }
}

/// A transaction in flight that readers of the global order wait for: later events are stored, but not visible yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// The last position that is visible to readers.
    pub after: Position,
    /// The last position that is stored.
    pub stored: Position,
    /// How long this process has observed readers waiting at this position.
    pub waited: Duration,
    /// The transactions that may be writing the events in between; empty if the backend cannot tell, as on a standby.
    pub blockers: Vec<Blocker>,
}

impl Stall {
    /// A stall without known blockers.
    pub const fn new(after: Position, stored: Position, waited: Duration) -> Self {
        Self { after, stored, waited, blockers: Vec::new() }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, stored, waited, blockers } = self;
        write!(
            f,
            "readers wait at position {after} for {waited:.1?}; events are stored up to {stored}"
        )?;
        for (at, blocker) in blockers.iter().enumerate() {
            write!(f, "{} {blocker}", if at == 0 { ", blocked by" } else { ";" })?;
        }
        Ok(())
    }
}

/// A transaction that blocks readers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// The process id on the server; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// The application name of the client, or the name of the prepared transaction.
    pub application: String,
    /// The role that it is connected as.
    pub role: String,
    /// Its state: `active`, `idle in transaction`, `prepared`.
    pub state: String,
    /// Its last statement; empty if this role is not allowed to see it.
    pub query: String,
    /// How long its transaction has been open.
    pub age: Duration,
}

impl Blocker {
    /// A blocker of which only the process id is known.
    pub const fn new(pid: Option<i32>) -> Self {
        Self {
            pid,
            application: String::new(),
            role: String::new(),
            state: String::new(),
            query: String::new(),
            age: Duration::ZERO,
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, application, role, state, query, age } = self;
        match pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => f.write_str("a prepared transaction")?,
        }
        write!(
            f,
            " (application \"{}\", role \"{}\", {state}, {age:.1?} old)",
            Escaped(application),
            Escaped(role)
        )?;
        if query.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(query)) }
    }
}
