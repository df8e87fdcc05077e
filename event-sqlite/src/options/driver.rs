//! The driver's options for a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use event_core::Migrate;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

use super::{SqliteOptions, Synchronous};

/// Bytes of a page of a new file.
const PAGE: u32 = 4_096;
/// How long writers wait at most while the write-ahead log is started anew.
const LONGEST_RESET: Duration = Duration::from_secs(1);

impl SqliteOptions {
    /// For a connection that writes.
    pub(crate) fn writer(&self) -> SqliteConnectOptions {
        let may_create = self.create && self.migrate == Migrate::OnConnect;
        let driver = self.driver().create_if_missing(may_create);
        match self.max_size / u64::from(PAGE) {
            0 => driver,
            pages => driver.pragma("max_page_count", pages.to_string()),
        }
    }

    /// How large the file may grow; `None` for as large as the disk.
    pub(crate) fn most_bytes(&self) -> Option<u64> {
        let pages = self.max_size / u64::from(PAGE);
        (pages > 0).then(|| pages * u64::from(PAGE))
    }

    /// For the connection that is open for as long as the store is.
    pub(crate) fn anchor(&self) -> SqliteConnectOptions {
        // While it waits for readers, nobody writes.
        self.writer().busy_timeout(self.busy_timeout.min(LONGEST_RESET))
    }

    /// For a connection that reads.
    pub(crate) fn reader(&self) -> SqliteConnectOptions {
        self.driver().read_only(true)
    }

    /// Options of a connection that reads the file without its write-ahead log.
    ///
    /// A log that readers let move in part only leaves a file whose first page counts pages that are still in the log.
    /// SQLite reads such a file only where the schema may be written, which a read-only file forbids by itself; the
    /// setting has to come before any that reads the first page, as `synchronous` does.
    pub(crate) fn file_alone(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.as_path())
            .read_only(true)
            .immutable(true)
            .foreign_keys(false)
            .pragma("writable_schema", "on")
            .disable_statement_logging()
    }

    /// A path that starts with `file:` would be taken for a URL of SQLite's own.
    fn as_path(&self) -> PathBuf {
        Path::new(".").join(&self.path)
    }

    fn driver(&self) -> SqliteConnectOptions {
        let synchronous = match self.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        };
        SqliteConnectOptions::new()
            .filename(self.as_path())
            .synchronous(synchronous)
            .busy_timeout(self.busy_timeout)
            .foreign_keys(false)
            .page_size(PAGE)
            .row_buffer_size(256)
            .disable_statement_logging()
    }
}
