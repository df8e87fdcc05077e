//! [`Health`]: whether a store can be reached, how fast, and what holds its readers up.

use std::fmt;
use std::time::Duration;

use crate::value::{Escaped, Position};

/// How a store is; asked of its backend by [`EventStore::health`](crate::EventStore::health).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How long one question to the backend took.
    pub latency: Duration,
    /// The backend's software and its version, as it says itself.
    pub server: String,
    /// Whether it can only be read: a standby.
    pub read_only: bool,
    /// The version of the store's schema, where it has one.
    pub schema_version: Option<i64>,
    /// How the connections are used, where there are any.
    pub pool: Option<PoolUse>,
    /// What holds up readers of everything now; `None` when nothing does.
    pub stall: Option<Stall>,
}

impl Health {
    /// A backend that answered, and of which nothing else is known.
    pub fn new(server: impl Into<String>, latency: Duration) -> Self {
        Self {
            latency,
            server: server.into(),
            read_only: false,
            schema_version: None,
            pool: None,
            stall: None,
        }
    }
}

/// Connections of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections at most.
    pub size: u32,
    /// Open ones that wait for work.
    pub idle: u32,
    /// Those at work.
    pub busy: u32,
}

/// A commit under way that readers of everything wait for: events behind it are stored and not shown yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// The last position that readers are shown.
    pub after: Position,
    /// The last position that is stored.
    pub stored: Position,
    /// How long this process has seen readers wait there.
    pub waited: Duration,
    /// Who may be writing the events that are missing between the two; none where the backend cannot tell, as on a standby.
    pub blockers: Vec<Blocker>,
}

impl Stall {
    /// A stall whose causes are not known yet.
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
            write!(f, "{} {blocker}", if at == 0 { ", held up by" } else { ";" })?;
        }
        Ok(())
    }
}

/// A transaction that holds up readers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// The process on the server; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// What the client calls itself, or the name of the prepared transaction.
    pub application: String,
    /// The role it is connected as.
    pub role: String,
    /// What it does: `active`, `idle in transaction`, `prepared`.
    pub state: String,
    /// Its last statement, as far as this role may see it.
    pub query: String,
    /// How long its transaction is open.
    pub age: Duration,
}

impl Blocker {
    /// A process of which nothing else is known.
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
