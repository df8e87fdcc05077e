//! The backup: the file as a whole, copied while others read and write.
//!
//! It is written beside its place under a temporary name, checked, and given its name once it is on the disk; so what has
//! the name is whole. A program that was killed meanwhile leaves the temporary file: it holds a lock on it while it
//! lives, and the next backup into the folder removes those that nobody holds.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use event_core::{Error, EventId, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection};

use crate::error::{self, shown};
use crate::pool::run;
use crate::sql;
use crate::store::Store;
use crate::verify::faults;

const OPERATION: &str = "copy the store";
/// What the name of an unfinished copy ends with.
const UNFINISHED: &str = ".unfinished-backup";

/// Copies the store into a new file; see [`SqliteAdapter::backup`](crate::SqliteAdapter::backup).
pub(crate) async fn backup(store: &Store, path: &Path) -> Result<()> {
    store.pool.prove(OPERATION).await?;
    let place = Place::of(path)?;
    place.clean();
    let copy = place.begin()?;
    store.fetch(OPERATION, sql::BACKUP.query().bind(copy.text()?)).await?;
    finish(&copy.path).await?;
    // SQLite leaves it to the system when the copy reaches the disk.
    copy.lock.sync_all().map_err(|error| Error::adapter(OPERATION, error))?;
    place.publish(&copy)
}

/// Gives the copy an id of its own, and reads all of it.
async fn finish(path: &Path) -> Result<()> {
    let failed = |error| error::error(OPERATION, path, error);
    let driver = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    // A copy that is not finished is thrown away: it needs no journal beside it.
    let driver = driver.journal_mode(SqliteJournalMode::Off).disable_statement_logging();
    let mut copy: SqliteConnection = driver.connect().await.map_err(failed)?;
    let renewed = run(&mut copy, sql::RENEW_ID).await;
    let checked = run(&mut copy, sql::CHECK).await;
    let _ = copy.close().await;
    renewed.map_err(failed)?;
    let found = faults(&checked.map_err(failed)?)?;
    if found.is_empty() {
        return Ok(());
    }
    let reason = format!("the copy is damaged, as the store may be: {}", found.join("; "));
    Err(Error::Corrupt { at: None, reason })
}

/// Where the copy will be.
struct Place {
    path: PathBuf,
    folder: PathBuf,
    name: OsString,
}

impl Place {
    /// It must be free.
    fn of(path: &Path) -> Result<Self> {
        let absolute = std::path::absolute(path).map_err(|e| Error::adapter(OPERATION, e))?;
        let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(Error::adapter(OPERATION, format!("{} names no file", shown(path))));
        };
        if absolute.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let (folder, name) = (folder.to_owned(), name.to_owned());
        Ok(Self { path: absolute, folder, name })
    }

    /// Removes what killed programs left. Nothing depends on it.
    fn clean(&self) {
        let Ok(entries) = self.folder.read_dir() else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // SQLite may have left a journal beside it.
            let Some((copy, "" | "-journal")) = name.split_once(UNFINISHED) else { continue };
            let held = File::open(self.folder.join(format!("{copy}{UNFINISHED}")));
            if held.is_ok_and(|file| file.try_lock().is_err()) {
                continue;
            }
            tracing::info!(path = %shown(&path), "removing an unfinished backup");
            let _ = std::fs::remove_file(&path);
        }
    }

    fn begin(&self) -> Result<Unfinished> {
        let mut name = self.name.clone();
        name.push(format!(".{}{UNFINISHED}", EventId::new()));
        let path = self.folder.join(name);
        let created = OpenOptions::new().write(true).create_new(true).open(&path);
        let lock = created.map_err(|error| {
            let reason =
                format!("{}: {error}; its folder must exist, and be writable", shown(&path));
            Error::adapter(OPERATION, reason)
        })?;
        let unfinished = Unfinished { path, lock };
        // Where the file system has no locks, a backup beside this one might take it for a left one.
        let _ = unfinished.lock.try_lock();
        Ok(unfinished)
    }

    /// Gives the copy its name, unless something has it by now.
    fn publish(&self, copy: &Unfinished) -> Result<()> {
        let failed = |error| Error::adapter(OPERATION, error);
        match std::fs::hard_link(&copy.path, &self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(&self.path));
            }
            // Some file systems have no links.
            Err(_) if self.path.symlink_metadata().is_ok() => return Err(exists(&self.path)),
            Err(_) => std::fs::rename(&copy.path, &self.path).map_err(failed)?,
        }
        sync_folder(&self.folder).map_err(failed)
    }
}

/// A copy that has not its name yet. Dropped, it is removed: its name by then is another one.
struct Unfinished {
    path: PathBuf,
    lock: File,
}

impl Unfinished {
    fn text(&self) -> Result<String> {
        let text = self.path.to_str().map(str::to_owned);
        text.ok_or_else(|| Error::adapter(OPERATION, "the path of the copy is not UTF-8"))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn exists(path: &Path) -> Error {
    let reason =
        format!("{} exists; a backup overwrites nothing, choose another name", shown(path));
    Error::adapter(OPERATION, reason)
}

/// A name is on the disk once its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
