//! Operations on the file as a whole: a copy, and a search for damage.

use std::path::Path;

use event_core::{Error, Result};

use crate::error::shown;
use crate::row::Cells;
use crate::sql;
use crate::store::Store;

/// Copies the store into a new file; see [`SqliteAdapter::backup`](crate::SqliteAdapter::backup).
pub(crate) async fn backup(store: &Store, path: &Path) -> Result<()> {
    const OPERATION: &str = "copy the store";
    let Some(text) = path.to_str() else {
        return Err(Error::adapter(OPERATION, "the path of the copy is not UTF-8"));
    };
    if path.exists() {
        let reason = format!("{} exists; a backup overwrites nothing", shown(path));
        return Err(Error::adapter(OPERATION, reason));
    }
    // A path that starts with `file:` would be taken for a URL of SQLite's own.
    let text = Path::new(".").join(text).to_string_lossy().into_owned();
    store.fetch(OPERATION, sql::BACKUP.query().bind(text)).await?;
    // SQLite leaves it to the system when the copy reaches the disk.
    let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::adapter(OPERATION, error))
}

/// Reads the whole file and looks for damage; see [`SqliteAdapter::check`](crate::SqliteAdapter::check).
pub(crate) async fn check(store: &Store) -> Result<()> {
    let rows = store.fetch("check the store", sql::CHECK.query()).await?;
    let found: Vec<String> =
        rows.iter().map(|row| Cells::new(row).first()).collect::<Result<_>>()?;
    match found.as_slice() {
        [ok] if ok == "ok" => Ok(()),
        _ => Err(Error::Corrupt { at: None, reason: found.join("; ") }),
    }
}
