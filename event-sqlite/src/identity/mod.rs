//! [`Identity`]: which file the store is, and the proof that it is still there.
//!
//! SQLite works on the file that it opened, whatever happens to its name: what is written into a file that was removed
//! is gone with the last connection. So the store compares what its paths lead to with what it opened, before and after
//! each transaction. A file that is overwritten in place keeps its inode; its contents are compared once its time of
//! modification changes: every file has an id, which a backup gets anew, and positions only grow.

mod stat;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use event_core::{Error, Result};

use self::stat::{FileKey, Found, with_times, without_times};
use crate::error::shown;

/// How many symbolic links a path may lead through.
const MOST_LINKS: u32 = 40;

/// The file of a store and the two that SQLite keeps beside it while the store is open.
pub(crate) struct Identity {
    main: PathBuf,
    write_ahead: PathBuf,
    shared_memory: PathBuf,
    opened: OnceLock<Opened>,
}

/// What was opened first.
struct Opened {
    main: FileKey,
    write_ahead: FileKey,
    shared_memory: FileKey,
    id: Vec<u8>,
    proved: Mutex<Proved>,
}

/// What the file held when it was last read without its write-ahead log.
#[derive(Debug, Clone, Copy, Default)]
struct Proved {
    stamp: Option<Stamp>,
    /// The last position; `None` until the file itself has the tables.
    last: Option<i64>,
}

/// Changes with each write to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

/// What all files are found to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting {
    /// Bytes of the write-ahead log.
    pub(crate) write_ahead: u64,
    /// The file was written since it was last proved to be the store.
    pub(crate) unproved: Option<Stamp>,
}

impl Identity {
    /// The file at a path of [`resolved`].
    pub(crate) fn new(path: &Path) -> Self {
        let beside = |suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        Self {
            main: path.to_owned(),
            write_ahead: beside("-wal"),
            shared_memory: beside("-shm"),
            opened: OnceLock::new(),
        }
    }

    /// From now on the store is what its paths lead to; a connection must have it open.
    pub(crate) fn fix(&self, operation: &'static str, id: Vec<u8>) -> Result<()> {
        let key = |path| {
            without_times(path).map(|found| found.key).map_err(|e| gone(operation, path, &e))
        };
        let opened = Opened {
            main: key(&self.main)?,
            write_ahead: key(&self.write_ahead)?,
            shared_memory: key(&self.shared_memory)?,
            id,
            proved: Mutex::default(),
        };
        let _ = self.opened.set(opened);
        Ok(())
    }

    /// Whether the store is open, so that no file may be created for it any more.
    pub(crate) fn is_fixed(&self) -> bool {
        self.opened.get().is_some()
    }

    /// Checks the file alone.
    pub(crate) fn look(&self, operation: &'static str) -> Result<()> {
        match self.opened.get() {
            Some(opened) => {
                let found = without_times(&self.main);
                compare(operation, &self.main, found, opened.main).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Checks the file and those beside it.
    pub(crate) fn look_at_all(&self, operation: &'static str) -> Result<Option<Sighting>> {
        let Some(opened) = self.opened.get() else { return Ok(None) };
        let main = compare(operation, &self.main, with_times(&self.main), opened.main)?;
        let found = without_times(&self.shared_memory);
        compare(operation, &self.shared_memory, found, opened.shared_memory)?;
        let found = without_times(&self.write_ahead);
        let write_ahead = compare(operation, &self.write_ahead, found, opened.write_ahead)?.bytes;
        let stamp = Stamp { bytes: main.bytes, modified: main.modified };
        let unproved = (opened.proved().stamp != Some(stamp)).then_some(stamp);
        Ok(Some(Sighting { write_ahead, unproved }))
    }

    /// Checks the id that a connection reads.
    pub(crate) fn check_id(&self, operation: &'static str, found: Option<&[u8]>) -> Result<()> {
        match self.opened.get() {
            Some(opened) if found != Some(&opened.id) => Err(self.is_another(operation)),
            _ => Ok(()),
        }
    }

    /// Records what the file held by itself, without its write-ahead log: its id and the last position, `None` where
    /// it has no such tables.
    pub(crate) fn prove(
        &self,
        operation: &'static str,
        stamp: Option<Stamp>,
        found: Option<(&[u8], i64)>,
    ) -> Result<()> {
        let Some(opened) = self.opened.get() else { return Ok(()) };
        let mut proved = opened.proved();
        match (found, proved.last) {
            // A new store is in the write-ahead log before it is in the file.
            (None, None) => {}
            (Some((id, last)), before) if id == opened.id && before <= Some(last) => {
                proved.last = Some(last);
            }
            _ => return Err(self.is_another(operation)),
        }
        proved.stamp = stamp;
        Ok(())
    }

    fn is_another(&self, operation: &'static str) -> Error {
        replaced(operation, &self.main, "another store was written over it")
    }
}

impl Opened {
    fn proved(&self) -> MutexGuard<'_, Proved> {
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path that names the same file from every directory, without symbolic links.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..MOST_LINKS {
        if let Ok(path) = path.canonicalize() {
            return Ok(path);
        }
        // The file is missing, but a link may lead to where it will be.
        let Ok(target) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    Ok(match (parent, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        // Opening it says what is missing.
        _ => path,
    })
}

fn compare(
    operation: &'static str,
    path: &Path,
    found: io::Result<Found>,
    opened: FileKey,
) -> Result<Found> {
    match found {
        Ok(found) if found.key == opened => Ok(found),
        Ok(_) => Err(replaced(operation, path, "another file has its name")),
        Err(error) => Err(gone(operation, path, &error)),
    }
}

fn gone(operation: &'static str, path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            replaced(operation, path, "there is no file of its name")
        }
        _ => replaced(operation, path, &error.to_string()),
    }
}

fn replaced(operation: &'static str, path: &Path, found: &str) -> Error {
    let reason = format!(
        "{} was removed, moved or replaced while the store had it open ({found}); nothing is acknowledged any more, and what was \
         written last may be lost: stop every program that has the store open, put the file back, or restore a backup where no \
         `-wal` and no `-shm` file of another store lies beside it, and start again",
        shown(path)
    );
    Error::adapter(operation, reason)
}
