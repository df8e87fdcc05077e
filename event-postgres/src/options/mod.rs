//! [`PgOptions`]: where the store is and how it is used, from a URL or step by step.

mod address;
mod driver;
mod hosts;
mod keepalive;
mod pooler_mode;
mod servers;
mod url;

use std::fmt;
use std::time::Duration;

use event_core::{Migrate, Result};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

pub(crate) use self::hosts::{Host as Address, Role, SessionAttrs};
use self::keepalive::Keepalive;
pub use self::pooler_mode::PoolerMode;
pub(crate) use self::servers::{Server, Servers};
use self::url::invalid;
use crate::sql::{DEFAULT_SCHEMA, Schema};

/// The name that the server shows for connections without another.
const NAME: &str = "event-postgres";

/// How to open a store.
///
/// Made from a URL, which is read as libpq reads it: `postgres://user:password@host:port/database?key=value&…`. There may
/// be several hosts, `host1:port1,host2:port2`; each connection tries them in order, those that just failed last. A host
/// that begins with a slash is the folder of a socket, in the URL `%2Frun%2Fpostgresql` or `?host=/run/postgresql`. The
/// keys of this crate are
///
/// | key | meaning | default |
/// |---|---|---|
/// | `schema` | the schema that holds the tables | `event_store` |
/// | `pool_size` | connections at most; see [`PgOptions::pool_size`] | 8 |
/// | `acquire_timeout_ms` | how long to wait for a connection | 5000 |
/// | `statement_timeout_ms` | how long a statement may run | 30000 |
/// | `lock_timeout_ms` | how long a statement waits for a lock; 0: as long as it may run | 10000 |
/// | `idle_transaction_timeout_ms` | how long a transaction of the store may wait for this program; 0: for ever | 10000 |
/// | `append_lanes` | tasks that store waiting appends together; 0: each append is stored alone | 4 |
/// | `frontier_wait_ms` | how long `read_all` waits for a commit in flight | 100 |
/// | `notify` | whether processes wake each other's subscriptions: `on`, or `off` for polling alone | `on` |
/// | `pooler_mode` | what is between: `direct` for nothing, `transaction`, `transaction_prepared`; see [`PoolerMode`] | `direct` |
/// | `direct` | `host:port` of the server itself, behind a pooler: for schema migrations and wake-ups | none |
/// | `replica` | `host:port` of a standby that serves reads; may be given several times, see [`PgOptions::replica`] | none |
/// | `allow_asynchronous_commit` | whether a server may be used that acknowledges commits before they are stored: `on` or `off` | `off` |
///
/// and those of libpq
///
/// | key | meaning | default |
/// |---|---|---|
/// | `host`, `hostaddr`, `port` | lists with commas, instead of those before the database; `hostaddr` instead of `host` | `PGHOST`, `PGPORT` |
/// | `dbname`, `user`, `password` | instead of those in the address | `PGDATABASE`, `PGUSER`, `PGPASSWORD`, the password file |
/// | `target_session_attrs` | which of the hosts are used: `any`, `read-write`, `read-only`, `primary`, `standby`, `prefer-standby` | `any` |
/// | `connect_timeout` | seconds to open a connection to one host; 0: `acquire_timeout_ms` | 0 |
/// | `keepalives` | whether the server asks a silent program for a sign of life: 1 or 0 | 1 |
/// | `keepalives_idle`, `keepalives_interval`, `keepalives_count` | after how many seconds, how many seconds apart, how often in vain | 30, 10, 3 |
/// | `tcp_user_timeout` | milliseconds for which data of the server may stay unacknowledged; 0: as the system says | 30000 |
/// | `sslmode`, `sslrootcert`, `sslcert`, `sslkey` | encryption | `prefer` |
/// | `application_name`, `fallback_application_name` | the name that the server shows | `event-postgres` |
/// | `options` | settings of the session, `-c name=value`, or each as `options[name]=value` | `PGOPTIONS` |
/// | `statement-cache-capacity` | prepared statements kept by a connection | 100 |
///
/// Any other key is an error. With `any`, of several hosts one that takes writes is preferred.
///
/// ```
/// use event_postgres::PgOptions;
///
/// let options: PgOptions = "postgres://bot:secret@db/games?schema=events&pool_size=4".parse()?;
/// assert!(!format!("{options:?}").contains("secret"));
/// assert!("postgres://db/games?pool=4".parse::<PgOptions>().is_err());
/// # Ok::<(), event_core::Error>(())
/// ```
#[derive(Clone)]
pub struct PgOptions {
    /// User, password, database, encryption; without a host.
    connect: PgConnectOptions,
    hosts: Vec<Address>,
    target_session_attrs: SessionAttrs,
    connect_timeout: Option<Duration>,
    keepalive: Keepalive,
    pub(crate) schema: Schema,
    pub(crate) pool_size: u32,
    pub(crate) acquire_timeout: Duration,
    statement_timeout: Duration,
    lock_timeout: Duration,
    idle_transaction_timeout: Duration,
    pub(crate) frontier_wait: Duration,
    pub(crate) append_lanes: u32,
    pub(crate) notify: bool,
    pub(crate) pooler_mode: PoolerMode,
    direct: Option<Address>,
    pub(crate) replicas: Vec<Address>,
    pub(crate) allow_asynchronous_commit: bool,
    pub(crate) migrate: Migrate,
}

impl PgOptions {
    fn new(connect: PgConnectOptions, hosts: Vec<Address>) -> Result<Self, String> {
        let is_unnamed = connect.get_application_name().is_none();
        let connect = if is_unnamed { connect.application_name(NAME) } else { connect };
        Ok(Self {
            connect: connect.disable_statement_logging(),
            hosts,
            target_session_attrs: SessionAttrs::default(),
            connect_timeout: None,
            keepalive: Keepalive::default(),
            schema: Schema::new(DEFAULT_SCHEMA)?,
            pool_size: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_transaction_timeout: Duration::from_secs(10),
            frontier_wait: Duration::from_millis(100),
            append_lanes: 4,
            notify: true,
            pooler_mode: PoolerMode::Direct,
            direct: None,
            replicas: Vec::new(),
            allow_asynchronous_commit: false,
            migrate: Migrate::OnConnect,
        })
    }

    /// Sets the schema that holds the tables: several stores may share a database.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`](event_core::Error::InvalidUrl) when the name is not `[a-z_][a-z0-9_]{0,62}`.
    pub fn schema(mut self, name: &str) -> Result<Self> {
        self.schema = Schema::new(name).map_err(|reason| invalid("postgres:", reason))?;
        Ok(self)
    }

    /// Sets how many connections are used at the same time at most; at least one. A call that is given up keeps its
    /// connection until the server has ended its statement, so giving up opens no others.
    ///
    /// Beside them there are: one that listens for commits of other processes, one for each projector and for an import
    /// that runs, as many again for appends with an inline projection, which may read from the store meanwhile, and for moments one that cancels statements and looks after slow ones.
    #[must_use]
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections.clamp(1, 10_000);
        self
    }

    /// Sets how long a call waits for a free connection, and for a new one to open.
    #[must_use]
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Sets how long the server works on one statement. Less than the deadline of the store's
    /// [`RetryPolicy`](event_core::RetryPolicy), or a statement that took so long is not tried again.
    #[must_use]
    pub const fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// Sets how long a statement waits for a lock that another transaction holds, before it fails as
    /// [`Error::Overloaded`](event_core::Error::Overloaded); zero: as long as the statement may run.
    #[must_use]
    pub const fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Sets how long a transaction of the store may wait for this program, before the server ends its connection. A
    /// program that stops between an append and its commit blocks all readers of the log for so long; zero: for ever.
    #[must_use]
    pub const fn idle_transaction_timeout(mut self, timeout: Duration) -> Self {
        self.idle_transaction_timeout = timeout;
        self
    }

    /// Sets what is between this program and the server.
    #[must_use]
    pub const fn pooler_mode(mut self, mode: PoolerMode) -> Self {
        self.pooler_mode = mode;
        self
    }

    /// Names the server itself, `host:port`, where a pooler is in between: schema migrations and wake-ups between
    /// processes go there. Without it, the schema must be up to date already, and subscriptions poll. User, password
    /// and database are those of the store.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`](event_core::Error::InvalidUrl) when it is no `host:port`.
    pub fn direct(mut self, address: &str) -> Result<Self> {
        self.direct = Some(address.parse().map_err(|reason| invalid("postgres:", reason))?);
        Ok(self)
    }

    /// Adds a standby, `host:port`, that serves reads of streams and of all streams; user, password and database are
    /// those of the store. A process picks one at random and keeps to it; when it cannot be reached the next one is
    /// asked, and the primary last.
    ///
    /// **A standby lags.** An event that was just appended, even by this process, may not be there yet: a read sees an
    /// earlier state, and a decision made on it meets
    /// [`Error::WrongExpectedVersion`](event_core::Error::WrongExpectedVersion). Appends, `stream_info`, snapshots and
    /// the live end of subscriptions use the primary; a subscription that catches up reads a standby that is far
    /// enough.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`](event_core::Error::InvalidUrl) when it is no `host:port`.
    pub fn replica(mut self, address: &str) -> Result<Self> {
        self.replicas.push(address.parse().map_err(|reason| invalid("postgres:", reason))?);
        Ok(self)
    }

    /// Allows a server whose `synchronous_commit` is off: its crash may lose commits that were acknowledged, and that
    /// readers have seen. Refused by default.
    #[must_use]
    pub const fn allow_asynchronous_commit(mut self, allow: bool) -> Self {
        self.allow_asynchronous_commit = allow;
        self
    }

    /// Sets what happens to a schema that lacks migrations; by default they are applied.
    #[must_use]
    pub const fn migrate(mut self, migrate: Migrate) -> Self {
        self.migrate = migrate;
        self
    }

    /// Sets how long `read_all` waits for commits in flight whose positions are lower than those of visible events.
    #[must_use]
    pub const fn frontier_wait(mut self, wait: Duration) -> Self {
        self.frontier_wait = wait;
        self
    }

    /// Sets how many tasks take waiting appends and store them together, in one transaction each time; 0 stores every
    /// append alone. A single append is as fast either way.
    #[must_use]
    pub fn append_lanes(mut self, lanes: u32) -> Self {
        self.append_lanes = lanes.min(64);
        self
    }

    /// Sets whether this process notifies others of its commits, and listens for theirs: subscriptions then need one
    /// more connection, which no pooler may share. Without it, commits of others are found by polling, 5 ms to 1 s
    /// later.
    #[must_use]
    pub const fn notify(mut self, on: bool) -> Self {
        self.notify = on;
        self
    }

    /// Sets the name that the server shows for these connections.
    #[must_use]
    pub fn application_name(mut self, name: &str) -> Self {
        self.connect = self.connect.application_name(name);
        self
    }
}

impl PgOptions {
    /// How long it may take to open a connection to one host.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or(self.acquire_timeout)
    }
}

impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions")
            .field("hosts", &self.hosts)
            .field("target_session_attrs", &self.target_session_attrs)
            .field("user", &self.connect.get_username())
            .field("database", &self.connect.get_database())
            .field("schema", &self.schema.as_str())
            .field("pool_size", &self.pool_size)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("idle_transaction_timeout", &self.idle_transaction_timeout)
            .field("frontier_wait", &self.frontier_wait)
            .field("append_lanes", &self.append_lanes)
            .field("notify", &self.notify)
            .field("pooler_mode", &self.pooler_mode)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}
