//! [`SqliteOptions`]: which file, and how it is used, from a URL or step by step.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use event_core::{Clock, Error, Result};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

/// When an append is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Once it is on the disk: it survives the loss of power.
    #[default]
    Full,
    /// Once the system has it: it survives the program's end, and the loss of power may take the last moments.
    Normal,
}

/// How to open a store.
///
/// Made from a URL: `sqlite:path?key=value&…` or `sqlite://path?…`, where `sqlite:///var/games.db` is an absolute path
/// and `%3F` stands for a `?` in it. The keys:
///
/// | key | meaning | default |
/// |---|---|---|
/// | `create` | whether a missing file is created, `true` or `false` | `true` |
/// | `synchronous` | `full` or `normal`, see [`Synchronous`] | `full` |
/// | `busy_timeout_ms` | how long to wait for another program that writes | 5000 |
/// | `max_size_mb` | how large the file may grow, in MiB; 0 for as large as the disk | 0 |
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
#[derive(Clone)]
pub struct SqliteOptions {
    path: PathBuf,
    create: bool,
    synchronous: Synchronous,
    busy_timeout: Duration,
    max_size: u64,
    readers: u32,
    acquire_timeout: Duration,
    clock: Clock,
}

/// Bytes of a page of a new file.
const PAGE: u64 = 4_096;

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
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets whether a missing file is created. Its folder is never.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Sets when an append is answered.
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

    /// Sets how many bytes the file may grow to; 0, the default, for as many as the disk has. Appends beyond it fail as they
    /// do when the disk is full, and nothing that is stored is lost. Up to 4 KiB less.
    #[must_use]
    pub const fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
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

    /// Sets where the time of recording comes from; the machine's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) const fn get_readers(&self) -> u32 {
        self.readers
    }

    pub(crate) const fn get_acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    pub(crate) const fn get_clock(&self) -> &Clock {
        &self.clock
    }

    /// What the driver needs for a connection that writes.
    pub(crate) fn writer(&self) -> SqliteConnectOptions {
        let driver = self.driver().create_if_missing(self.create);
        match self.max_size / PAGE {
            0 => driver,
            pages => driver.pragma("max_page_count", pages.to_string()),
        }
    }

    /// What the driver needs for a connection that reads.
    pub(crate) fn reader(&self) -> SqliteConnectOptions {
        self.driver().read_only(true)
    }

    fn driver(&self) -> SqliteConnectOptions {
        // A path that starts with `file:` would be taken for a URL of SQLite's own.
        let path = Path::new(".").join(&self.path);
        let synchronous = match self.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        };
        SqliteConnectOptions::new()
            .filename(path)
            .synchronous(synchronous)
            .busy_timeout(self.busy_timeout)
            .foreign_keys(false)
            .page_size(4_096)
            .row_buffer_size(256)
            .disable_statement_logging()
    }

    fn set(mut self, key: &str, value: &str) -> Result<Self, String> {
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("`{key}` is not a number from 0 to {}", u32::MAX))
        };
        let millis = || number().map(|millis| Duration::from_millis(millis.into()));
        match key {
            "create" => {
                self.create =
                    value.parse().map_err(|_| "`create` is `true` or `false`".to_owned())?;
            }
            "synchronous" => {
                self.synchronous = match value {
                    "full" => Synchronous::Full,
                    "normal" => Synchronous::Normal,
                    _ => return Err("`synchronous` is `full` or `normal`".into()),
                }
            }
            "busy_timeout_ms" => self = self.busy_timeout(millis()?),
            "max_size_mb" => self.max_size = u64::from(number()?) << 20,
            "readers" => match number()? {
                0 => return Err("`readers` must be at least 1".into()),
                readers => self = self.readers(readers),
            },
            "acquire_timeout_ms" => self.acquire_timeout = millis()?,
            _ => {
                return Err(format!(
                    "unknown key `{}`, expected one of: create, synchronous, busy_timeout_ms, max_size_mb, readers, acquire_timeout_ms",
                    key.escape_debug()
                ));
            }
        }
        Ok(self)
    }
}

impl FromStr for SqliteOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidUrl {
            given: event_core::store::without_password(url),
            reason,
        };
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(invalid("it does not start with `sqlite:`".into()));
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = decoded(place.strip_prefix("//").unwrap_or(place)).map_err(invalid)?;
        if path.is_empty() {
            return Err(invalid("it names no file; write `sqlite:path/to/file.db`".into()));
        }
        if path == ":memory:" {
            let reason =
                "readers and the writer share a file; for a store in memory, write `memory:`";
            return Err(invalid(reason.into()));
        }
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .try_fold(Self::new(path), |options, pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                options.set(key, value)
            })
            .map_err(invalid)
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("path", &self.path)
            .field("create", &self.create)
            .field("synchronous", &self.synchronous)
            .field("busy_timeout", &self.busy_timeout)
            .field("max_size", &self.max_size)
            .field("readers", &self.readers)
            .field("acquire_timeout", &self.acquire_timeout)
            .finish_non_exhaustive()
    }
}

/// A path with its `%xx` replaced.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
            _ => return Err("a `%` must be followed by two hex digits; write `%25` for one".into()),
        }
    }
    match String::from_utf8(bytes) {
        Ok(path) if path.contains('\0') => Err("a path cannot hold a NUL".into()),
        Ok(path) => Ok(path),
        Err(_) => Err("its path is not UTF-8".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Result<String, String> {
        match url.parse::<SqliteOptions>() {
            Ok(options) => Ok(options.path().to_string_lossy().into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_url_names_a_file() {
        for (url, expected) in [
            ("sqlite:games.db", "games.db"),
            ("sqlite://games.db", "games.db"),
            ("sqlite:///var/games.db", "/var/games.db"),
            ("sqlite:a%3Fb%25 c#d.db?readers=2", "a?b% c#d.db"),
            ("sqlite:file:x.db", "file:x.db"),
        ] {
            assert_eq!(path(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_url_that_nothing_can_be_made_of_says_why() {
        for (url, words) in [
            ("sqlite:", "names no file"),
            ("sqlite://", "names no file"),
            ("sqlite::memory:", "write `memory:`"),
            ("postgres://x", "does not start with `sqlite:`"),
            ("sqlite:x?readers=0", "at least 1"),
            ("sqlite:x?readers=many", "not a number"),
            ("sqlite:x?synchronous=off", "`full` or `normal`"),
            ("sqlite:x?create=maybe", "`true` or `false`"),
            ("sqlite:x?journal=off", "unknown key `journal`"),
            ("sqlite:x%zz", "two hex digits"),
            ("sqlite:x%00", "NUL"),
            ("sqlite:x%ff", "not UTF-8"),
        ] {
            let said = path(url).unwrap_err();
            assert!(said.contains(words), "{url}: {said}");
        }
    }
}
