//! [`SqliteOptions`]: which file, and how it is used, from a URL or step by step.

mod driver;
mod url;

use std::path::{Path, PathBuf};
use std::time::Duration;

use event_core::{Clock, Error, Migrate, Result};

use crate::identity::resolved;

/// When an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Once it is on the disk: it survives the loss of power.
    #[default]
    Full,
    /// Once the operating system has it: it survives the end of the program; a loss of power may lose the last moments.
    Normal,
}

/// How to open a store.
///
/// Made from a URL: `sqlite:path?key=value&…` or `sqlite://path?…`, where `sqlite:///var/games.db` is an absolute path
/// and `%3F` is a `?` in it. The keys:
///
/// | key | meaning | default |
/// |---|---|---|
/// | `create` | whether a missing file is created, `true` or `false` | `true` |
/// | `synchronous` | `full` or `normal`, see [`Synchronous`] | `full` |
/// | `busy_timeout_ms` | how long to wait for another program that writes | 5000 |
/// | `max_size_mb` | how large the file may grow, in MiB; 0: as large as the disk | 0 |
/// | `readers` | connections that read at the same time | 4 |
/// | `acquire_timeout_ms` | how long a read waits for a connection | 5000 |
///
/// Any other key is an error. There is no `sqlite::memory:`: a store without a file is `memory:`.
///
/// ```
/// use std::path::Path;
///
/// use event_sqlite::SqliteOptions;
///
/// let options: SqliteOptions = "sqlite:games.db?synchronous=normal".parse()?;
/// assert_eq!(options.path(), Path::new("games.db"));
/// assert!("sqlite:games.db?sync=off".parse::<SqliteOptions>().is_err());
/// assert!("sqlite::memory:".parse::<SqliteOptions>().is_err());
/// # Ok::<(), event_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    path: PathBuf,
    create: bool,
    synchronous: Synchronous,
    busy_timeout: Duration,
    max_size: u64,
    pub(crate) readers: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) clock: Clock,
    pub(crate) migrate: Migrate,
}

impl SqliteOptions {
    /// A store in a file, with the defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create: true,
            synchronous: Synchronous::Full,
            busy_timeout: Duration::from_secs(5),
            max_size: 0,
            readers: 4,
            acquire_timeout: Duration::from_secs(5),
            clock: Clock::system(),
            migrate: Migrate::OnConnect,
        }
    }

    /// The file. A relative path counts from the directory that the process has when it connects.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same file, whatever directory the process changes to.
    pub(crate) fn resolve(mut self) -> Result<Self> {
        let operation = "find the store's file";
        self.path = resolved(&self.path).map_err(|error| Error::adapter(operation, error))?;
        Ok(self)
    }

    /// Sets whether a missing file is created. Its folder is never created.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Sets when an append is acknowledged.
    #[must_use]
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Sets how long a call waits for another program that writes to the file; at most an hour.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(Duration::from_hours(1));
        self
    }

    /// Sets how many bytes the file may grow to, rounded down to 4 KiB; by default 0: as many as the disk has. Appends
    /// beyond it fail as they do when the disk is full; nothing that is stored is lost.
    #[must_use]
    pub const fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
        self
    }

    /// Sets what happens to a schema that lacks migrations; by default they are applied. Otherwise a missing file is not
    /// created, either.
    #[must_use]
    pub const fn migrate(mut self, migrate: Migrate) -> Self {
        self.migrate = migrate;
        self
    }

    /// Sets how many connections read at the same time; 1 to 1 000.
    #[must_use]
    pub fn readers(mut self, connections: u32) -> Self {
        self.readers = connections.clamp(1, 1_000);
        self
    }

    /// Sets how long a read waits for a free connection.
    #[must_use]
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Sets where the time of recording comes from; by default the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}
