//! [`Inspection`]: what an operator asks of the file itself: its settings, its room, and where it is.

use std::path::Path;

use event_core::Result;

use crate::network;
use crate::row::Cells;
use crate::sql;
use crate::store::Store;

const OPERATION: &str = "inspect the file";

/// The answer of [`SqliteAdapter::inspect`](crate::SqliteAdapter::inspect).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// `PRAGMA journal_mode`, as SQLite says it: `wal`, unless another program changed it.
    pub journal_mode: String,
    /// `PRAGMA synchronous` of this program's connections: 0 is off, 1 normal, 2 full, 3 extra.
    pub synchronous: i64,
    /// The size of the file.
    pub bytes: u64,
    /// How much of it holds nothing any more.
    pub unused_bytes: u64,
    /// How large the file may grow; `None` for as large as the disk.
    pub most_bytes: Option<u64>,
    /// The size of the write-ahead log.
    pub write_ahead_bytes: u64,
    /// The type of the network file system that it is on; `None` for one of this machine.
    pub network: Option<String>,
}

/// The size of the log beside the file, whoever wrote it.
fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |it| it.len())
}

/// Asks the file.
pub(crate) async fn inspect(store: &Store) -> Result<Inspection> {
    let row = store.fetch_one(OPERATION, sql::SETTINGS.query()).await?;
    let cells = Cells::new(&row);
    let pages = |name| cells.get::<i64>(name).map(i64::unsigned_abs);
    let page = pages("page_size")?;
    Ok(Inspection {
        journal_mode: cells.get("journal_mode")?,
        synchronous: cells.get("synchronous")?,
        bytes: pages("page_count")?.saturating_mul(page),
        unused_bytes: pages("freelist_count")?.saturating_mul(page),
        most_bytes: store.pool.most_bytes(),
        write_ahead_bytes: log_bytes(store.pool.path()),
        network: network::of(store.pool.path()),
    })
}
