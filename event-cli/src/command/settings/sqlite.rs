//! What `doctor` knows of a file: its settings, its room, and the file system that it is on.

use event_sqlite::{Inspection, SqliteAdapter};

use crate::command::finding::Found;
use crate::failure::Failure;

/// A write-ahead log beyond this is long.
const LONG_LOG: u64 = 64 << 20;
/// Less room on the disk is little.
const LITTLE: u64 = 1 << 30;
/// With less, appends fail soon.
const NONE: u64 = 64 << 20;
/// So much of a file that holds nothing is worth a word, if it is half of it.
const UNUSED: u64 = 64 << 20;

/// Adds what costs safety or speed.
pub(super) async fn examine(adapter: &SqliteAdapter, all: &mut Vec<Found>) -> Result<(), Failure> {
    let inspection = adapter.inspect().await?;
    settings(&inspection, all);
    size(&inspection, all);
    all.extend(free(adapter.path()).and_then(|free| disk(free, inspection.bytes)));
    Ok(())
}

fn settings(it: &Inspection, all: &mut Vec<Found>) {
    match it.synchronous {
        0 => all.push(Found::bad(
            "synchronous is off: a crash of the machine can destroy the file",
            "leave it to the program, which sets it to `full`",
        )),
        1 => all.push(Found::warning(
            "synchronous is normal: a loss of power may take back acknowledged events",
            "leave `synchronous=normal` out of the URL, here and in the programs",
        )),
        _ => {}
    }
    if it.journal_mode != "wal" {
        all.push(Found::warning(
            format!(
                "journal_mode is {}: readers and the writer wait for each other",
                it.journal_mode
            ),
            "stop every program that uses the file; `PRAGMA journal_mode = WAL`",
        ));
    }
    if let Some(kind) = &it.network {
        all.push(on_network(kind));
    }
}

fn on_network(kind: &str) -> Found {
    Found::bad(
        format!(
            "the file is on {kind}, a network file system: its locks may not hold, and two machines destroy it"
        ),
        "move it to a disk of this machine, or copy it into PostgreSQL, `copy --to postgres://…`",
    )
}

fn size(it: &Inspection, all: &mut Vec<Found>) {
    if it.write_ahead_bytes > LONG_LOG {
        all.push(Found::warning(
            format!("the write-ahead log is {} MiB long", it.write_ahead_bytes >> 20),
            "a read that does not end keeps it from being emptied: end it",
        ));
    }
    if let Some(most) = it.most_bytes.filter(|most| it.bytes >= most / 10 * 9) {
        all.push(Found::warning(
            format!("the file has {} of the {} MiB that it may have", it.bytes >> 20, most >> 20),
            "raise `max_size_mb` in the URL of the programs, or remove events, `truncate`",
        ));
    }
    if it.unused_bytes > UNUSED && it.unused_bytes > it.bytes / 2 {
        all.push(Found::warning(
            format!(
                "{} of the {} MiB of the file hold nothing",
                it.unused_bytes >> 20,
                it.bytes >> 20
            ),
            "new events will fill them; `backup` writes a file without them",
        ));
    }
}

fn disk(free: u64, file: u64) -> Option<Found> {
    let remedy = "make room on the disk, or move the file";
    if free < NONE {
        let what = format!("the disk has {} MiB left: appends fail soon", free >> 20);
        return Some(Found::bad(what, remedy));
    }
    let is_little = free < LITTLE || free < file / 10;
    is_little.then(|| Found::warning(format!("the disk has {} MiB left", free >> 20), remedy))
}

/// The bytes that are left for programs on the disk of a file, if the system says so.
#[cfg(unix)]
fn free(path: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
const fn free(_: &std::path::Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::finding::Severity;

    #[test]
    fn a_disk_is_judged_by_what_is_left_of_it() {
        let severity = |free, file| disk(free, file).map(|it| it.severity);
        assert_eq!(severity(1 << 20, 0), Some(Severity::Bad));
        assert_eq!(severity(900 << 20, 0), Some(Severity::Warning));
        assert_eq!(severity(2 << 30, 30 << 30), Some(Severity::Warning));
        assert_eq!(severity(2 << 30, 10 << 30), None);
        assert!(on_network("nfs4").what.contains("nfs4"));
    }
}
