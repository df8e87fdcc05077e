//! [`Found`]: what a path leads to.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) key: FileKey,
    pub(super) bytes: u64,
    /// When it was modified last; `None` if that was not asked.
    pub(super) modified: Option<SystemTime>,
}

/// Device and inode.
pub(super) type FileKey = (u64, u64);

/// Looks at a file with its times.
pub(super) fn with_times(path: &Path) -> io::Result<Found> {
    std::fs::metadata(path).map(|found| of(&found))
}

/// Looks at a file without its times.
///
/// Since Linux 6.13 a file whose times were asked for gets a new one with the next write, which `fsync` then has to store as
/// well: an append took 40 µs longer where the times of the write-ahead log were asked for after each.
#[cfg(target_os = "linux")]
pub(super) fn without_times(path: &Path) -> io::Result<Found> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

    match statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE) {
        Ok(found) => Ok(Found {
            key: (makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino),
            bytes: found.stx_size,
            modified: None,
        }),
        // Before Linux 4.11, and where a sandbox forbids it.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => with_times(path),
        Err(error) => Err(error.into()),
    }
}

/// Looks at a file: elsewhere asking for its times costs nothing.
#[cfg(not(target_os = "linux"))]
pub(super) fn without_times(path: &Path) -> io::Result<Found> {
    with_times(path)
}

fn of(found: &Metadata) -> Found {
    Found { key: key(found), bytes: found.len(), modified: found.modified().ok() }
}

#[cfg(unix)]
fn key(found: &Metadata) -> FileKey {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Elsewhere the time of creation tells files apart.
#[cfg(not(unix))]
fn key(found: &Metadata) -> FileKey {
    let created =
        found.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    (0, created.map_or(0, |age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_key_with_and_without_its_times() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let (with, without) = (with_times(&path).unwrap(), without_times(&path).unwrap());
        assert_eq!((with.key, with.bytes), (without.key, without.bytes));
        assert!(with.modified.is_some() && with.bytes > 0);
        #[cfg(target_os = "linux")]
        assert_eq!(without.modified, None);
        let missing = without_times(Path::new("/no/such/file")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
