//! A search for damage in the file as a whole.

use event_core::{Error, Result};
use sqlx::sqlite::SqliteRow;

use crate::row::Cells;
use crate::sql;
use crate::store::Store;

/// Reads the whole file and looks for damage; see [`SqliteAdapter::check`](crate::SqliteAdapter::check).
pub(crate) async fn check(store: &Store) -> Result<()> {
    let rows = store.fetch("check the store", sql::CHECK.query()).await?;
    match faults(&rows)? {
        found if found.is_empty() => Ok(()),
        found => Err(Error::Corrupt { at: None, reason: found.join("; ") }),
    }
}

/// What SQLite's own check found.
pub(crate) fn faults(rows: &[SqliteRow]) -> Result<Vec<String>> {
    let found: Vec<String> =
        rows.iter().map(|row| Cells::new(row).first()).collect::<Result<_>>()?;
    Ok(if found == ["ok"] { Vec::new() } else { found })
}
