//! The driver's options for a file.

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

use super::{SqliteOptions, Synchronous};

/// Bytes of a page of a new file.
const PAGE: u32 = 4_096;

impl SqliteOptions {
    /// For a connection that writes.
    pub(crate) fn writer(&self) -> SqliteConnectOptions {
        let driver = self.driver().create_if_missing(self.create);
        match self.max_size / u64::from(PAGE) {
            0 => driver,
            pages => driver.pragma("max_page_count", pages.to_string()),
        }
    }

    /// For a connection that reads.
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
            .page_size(PAGE)
            .row_buffer_size(256)
            .disable_statement_logging()
    }
}
