//! Network file systems: where locks do not hold, or the shared memory of the write-ahead log is not shared, two
//! machines that use a file destroy it. SQLite cannot detect that; the system's list of mounts can.

use std::path::Path;

/// The types of file systems that may be on another machine.
const NETWORK: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "ncpfs",
    "ceph",
    "glusterfs",
    "lustre",
    "gfs2",
    "ocfs2",
    "beegfs",
    "9p",
];

/// The type of the network file system that holds a file. Only Linux has the list of mounts; elsewhere nothing is known.
pub(crate) fn of(path: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    network(&mounts, &path.canonicalize().ok()?).map(str::to_owned)
}

/// Logs a warning if the file is on a file system of another machine.
pub(crate) fn warn(path: &Path) {
    if let Some(kind) = of(path) {
        tracing::warn!(
            path = %path.display(),
            file_system = kind,
            "the store is on a network file system: no other machine may use it at the same time, and its locks may not hold"
        );
    }
}

/// The type of the network file system that holds a path, by a list of mounts; `None` for a local one.
fn network<'m>(mounts: &'m str, path: &Path) -> Option<&'m str> {
    let of_line = |line: &'m str| {
        let mut words = line.split(' ').skip(1);
        let point = words.next()?.replace("\\040", " ");
        let kind = words.next()?;
        path.starts_with(&point).then_some((point.len(), kind))
    };
    // Of equal mount points the last is mounted over the others.
    let (_, kind) = mounts.lines().filter_map(of_line).max_by_key(|(length, _)| *length)?;
    (NETWORK.contains(&kind) || kind.starts_with("fuse.sshfs")).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_decides() {
        let mounts = "\
            /dev/vda / ext4 rw 0 0\n\
            server:/home /home nfs4 rw 0 0\n\
            /dev/vdb /home/local\\040disk ext4 rw 0 0\n\
            broken";
        for (path, expected) in [
            ("/var/games.db", None),
            ("/home/ann/games.db", Some("nfs4")),
            ("/home/local disk/games.db", None),
            ("/homework/games.db", None),
        ] {
            assert_eq!(network(mounts, Path::new(path)), expected, "{path}");
        }
        assert_eq!(network("", Path::new("/x")), None);
    }
}
