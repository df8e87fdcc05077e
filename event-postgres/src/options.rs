//! [`PgOptions`]: where the store is and how it is used, from a URL or step by step.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use event_core::{Error, Result};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::sql::{DEFAULT_SCHEMA, Schema};

/// How to open a store.
///
/// Made from a URL: `postgres://user:password@host:port/database?key=value&…` with the keys of this crate
///
/// | key | meaning | default |
/// |---|---|---|
/// | `schema` | the schema that holds the tables | `event_store` |
/// | `pool_size` | connections at most | 8 |
/// | `acquire_timeout_ms` | how long to wait for a connection | 5000 |
/// | `statement_timeout_ms` | how long a statement may run | 30000 |
/// | `append_lanes` | tasks that store waiting appends together, 0 for each alone | 4 |
/// | `frontier_wait_ms` | how long `read_all` waits for a commit that is under way | 100 |
/// | `notify` | whether processes wake each other's subscriptions: `on`, or `off` for polling alone | `on` |
///
/// and those of the driver: `application_name`, `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `host`, `hostaddr`,
/// `port`, `dbname`, `user`, `password`, `options`, `statement-cache-capacity`. Any other key is an error. What the
/// URL leaves out comes from `PGHOST` and its siblings, as with libpq.
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
    connect: PgConnectOptions,
    schema: Schema,
    pool_size: u32,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    frontier_wait: Duration,
    append_lanes: u32,
    notify: bool,
}

const DRIVER_KEYS: [&str; 18] = [
    "application_name",
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
    "statement-cache-capacity",
];

impl PgOptions {
    fn new(connect: PgConnectOptions) -> Result<Self, String> {
        let name = connect.get_application_name().is_none();
        let connect = if name { connect.application_name("event-postgres") } else { connect };
        Ok(Self {
            connect: connect.disable_statement_logging(),
            schema: Schema::new(DEFAULT_SCHEMA)?,
            pool_size: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            frontier_wait: Duration::from_millis(100),
            append_lanes: 4,
            notify: true,
        })
    }

    /// Sets the schema that holds the tables: several stores may share a database.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] when the name is not `[a-z_][a-z0-9_]{0,62}`.
    pub fn schema(mut self, name: &str) -> Result<Self> {
        self.schema = Schema::new(name).map_err(|reason| invalid("postgres:", reason))?;
        Ok(self)
    }

    /// Sets how many connections are kept at most; at least one.
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

    /// Sets how long the server works on one statement.
    #[must_use]
    pub const fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// Sets how long `read_all` waits for commits under way in front of events that are visible.
    #[must_use]
    pub const fn frontier_wait(mut self, wait: Duration) -> Self {
        self.frontier_wait = wait;
        self
    }

    /// Sets how many tasks take waiting appends and store them together, in one transaction each time; 0 stores every
    /// append alone. A lone append is as fast either way.
    #[must_use]
    pub fn append_lanes(mut self, lanes: u32) -> Self {
        self.append_lanes = lanes.min(64);
        self
    }

    /// Sets whether this process tells others of its commits, and hears of theirs: subscriptions then need one more
    /// connection, which no pooler may share. Without, commits of others are found by polling, 5 ms to 1 s later.
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

    pub(crate) fn get_schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) const fn get_pool_size(&self) -> u32 {
        self.pool_size
    }

    pub(crate) const fn get_acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    pub(crate) const fn get_frontier_wait(&self) -> Duration {
        self.frontier_wait
    }

    pub(crate) const fn get_append_lanes(&self) -> u32 {
        self.append_lanes
    }

    pub(crate) const fn get_notify(&self) -> bool {
        self.notify
    }

    /// How long an answer may take to come back: the server's own limit, and time for the way.
    pub(crate) fn deadline(&self) -> Duration {
        self.statement_timeout.saturating_add(Duration::from_secs(5))
    }

    /// What the driver needs. The frontier and the row locks of the append rely on READ COMMITTED.
    pub(crate) fn driver(&self) -> PgConnectOptions {
        let timeout = self.statement_timeout.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
        self.connect.clone().options([
            ("default_transaction_isolation", "read committed".to_owned()),
            ("statement_timeout", timeout.to_string()),
            // Pages are small: compiling a plan or starting workers costs more than reading them.
            ("jit", "off".to_owned()),
            ("max_parallel_workers_per_gather", "0".to_owned()),
            // Every page comes from an index, in its order, and ends early. Other plans read and sort all that is left
            // of the log for each page, which the planner chooses where its statistics are young.
            ("enable_seqscan", "off".to_owned()),
            ("enable_bitmapscan", "off".to_owned()),
            ("enable_hashjoin", "off".to_owned()),
            ("enable_mergejoin", "off".to_owned()),
        ])
    }

    fn set(mut self, key: &str, value: &str) -> Result<Self, String> {
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("`{key}` is not a number from 0 to {}", u32::MAX))
        };
        let millis = || number().map(|millis| Duration::from_millis(millis.into()));
        let some = || match number()? {
            0 => Err(format!("`{key}` must be at least 1")),
            _ => millis(),
        };
        match key {
            "schema" => self.schema = Schema::new(value)?,
            "pool_size" => match number()? {
                0 => return Err("`pool_size` must be at least 1".into()),
                size => self = self.pool_size(size),
            },
            "acquire_timeout_ms" => self.acquire_timeout = some()?,
            "statement_timeout_ms" => self.statement_timeout = some()?,
            "append_lanes" => self = self.append_lanes(number()?),
            "frontier_wait_ms" => self.frontier_wait = millis()?,
            "notify" => match value {
                "on" => self.notify = true,
                "off" => self.notify = false,
                _ => return Err("`notify` is `on` or `off`".into()),
            },
            _ => {
                return Err(format!(
                    "unknown key `{}`, expected one of: schema, pool_size, acquire_timeout_ms, statement_timeout_ms, append_lanes, frontier_wait_ms, notify, {}",
                    key.escape_debug(),
                    DRIVER_KEYS.join(", ")
                ));
            }
        }
        Ok(self)
    }
}

impl FromStr for PgOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(invalid(url, "it does not start with `postgres://`".into()));
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let is_driver_key = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default();
            DRIVER_KEYS.contains(&key) || key.starts_with("options[")
        };
        let (theirs, ours): (Vec<_>, Vec<_>) =
            query.split('&').filter(|pair| !pair.is_empty()).partition(is_driver_key);
        let connect = format!("{place}?{}", theirs.join("&"))
            .parse()
            .map_err(|error| invalid(url, crate::error::reason(error)))?;
        ours.into_iter()
            .try_fold(Self::new(connect), |options, pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok(options?.set(key, value))
            })
            .and_then(|options: Result<Self, String>| options)
            .map_err(|reason| invalid(url, reason))
    }
}

/// The URL is named without password and without keys, which may hold one too.
fn invalid(url: &str, reason: String) -> Error {
    let place = url.split('?').next().unwrap_or_default();
    Error::InvalidUrl { given: event_core::without_password(place), reason }
}

impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions")
            .field("host", &self.connect.get_host())
            .field("port", &self.connect.get_port())
            .field("user", &self.connect.get_username())
            .field("database", &self.connect.get_database())
            .field("schema", &self.schema.as_str())
            .field("pool_size", &self.pool_size)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("frontier_wait", &self.frontier_wait)
            .field("append_lanes", &self.append_lanes)
            .field("notify", &self.notify)
            .finish_non_exhaustive()
    }
}
