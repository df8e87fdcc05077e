//! What a caller sees when the file of an open store is harmed, as a table: the test prints it and checks that nothing is
//! acknowledged that is not kept. Living readers of a log that is replaced are in `restored.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use event_core::ExpectedVersion::Any;
use event_core::error::with_causes;
use event_core::{AllOptions, Error, EventStore, ReadOptions, Result, RetryPolicy};
use event_sqlite::{SqliteAdapter, SqliteOptions};
use event_testing::Noted;

use super::{all_events, new_file, open, open_store, stream};

/// Environment of the process that may only read the file: its path.
const CHILD: &str = "EVENTS_READ_ONLY_CHILD";

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

type Harm = fn(&Path, &Path);

/// What happens to the file at the first path; the second is that of a backup of it.
const HARMS: [(&str, Harm); 6] = [
    ("removed", |path, _| fs::remove_file(path).unwrap()),
    ("replaced by its backup", |path, backup| fs::rename(backup, path).unwrap()),
    ("moved", |path, _| fs::rename(path, beside(path, ".moved")).unwrap()),
    ("an older copy restored over it", |path, _| {
        assert!(fs::copy(beside(path, ".earlier"), path).unwrap() > 0);
    }),
    ("its folder moved", |path, _| {
        let folder = path.parent().unwrap();
        fs::rename(folder, beside(folder, ".moved")).unwrap();
    }),
    ("its log removed", |path, _| fs::remove_file(beside(path, "-wal")).unwrap()),
];

fn never(adapter: &Arc<SqliteAdapter>) -> EventStore {
    EventStore::builder(Arc::clone(adapter)).retry(RetryPolicy::never()).build().unwrap()
}

/// An answer in a few words.
fn said<T>(answer: Result<T>, shown: impl FnOnce(T) -> String) -> String {
    match answer {
        Ok(answer) => shown(answer),
        Err(error) => words(&error),
    }
}

fn words(error: &Error) -> String {
    let said = with_causes(error);
    let cause = ["removed, moved or replaced", "the disk is full", "cannot be written", "readonly"];
    let cause = cause.iter().find(|cause| said.contains(**cause));
    let again = if error.is_transient() { ", passing" } else { "" };
    format!("{}{again}: {}", error.code(), cause.copied().unwrap_or(&said))
}

fn row(harm: &str, cells: &[(&str, String)]) {
    let cells = cells.iter().map(|(call, said)| format!("{call} → {said}"));
    eprintln!("| {harm} | {} |", cells.collect::<Vec<_>>().join(" | "));
}

#[tokio::test]
async fn a_harmed_file_acknowledges_nothing() {
    for (name, harm) in HARMS {
        let folder = new_file();
        fs::create_dir(&folder).unwrap();
        let (path, backup) = (folder.join("games.db"), new_file());
        let first = open_store(&path).await;
        first.append(&stream("s"), Any, Noted::many(3)).await.unwrap();
        first.close().await;
        fs::copy(&path, beside(&path, ".earlier")).unwrap();
        let adapter = Arc::new(open(&path).await);
        let store = never(&adapter);
        store.append(&stream("s"), Any, Noted::many(3)).await.unwrap();
        adapter.backup(&backup).await.unwrap();

        harm(&path, &backup);
        let appended = store.append(&stream("s"), Any, Noted::many(1)).await;
        let health = store.health().await;
        assert!(appended.is_err() && health.is_err(), "{name}");
        let read = store.read_stream(&stream("s"), ReadOptions::forward()).await;
        let all = store.read_all(AllOptions::new()).await;
        if let (Ok(page), Ok(all)) = (&read, &all) {
            assert!(page.len() <= 6 && all.len() <= 6, "{name}");
        }
        let events = |events: usize| format!("{events} events");
        row(
            name,
            &[
                ("append", said(appended, |_| "stored".into())),
                ("read", said(read, |page| events(page.len()))),
                ("read all", said(all, |page| events(page.len()))),
                ("health", said(health, |_| "fine".into())),
                (
                    "backup",
                    said(adapter.backup(beside(&backup, ".2")).await, |()| "written".into()),
                ),
            ],
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_full_disk_passes_once_there_is_room() {
    let path = new_file();
    let limited = SqliteOptions::new(&path).max_size(1 << 20).connect().await.unwrap();
    let store = never(&Arc::new(limited));
    let large = |kib: usize| [Noted::new("x".repeat(kib << 10))];
    store.append(&stream("filler"), Any, large(500)).await.unwrap();
    let refused = store.append(&stream("s"), Any, large(900)).await;
    assert!(refused.as_ref().is_err_and(Error::is_transient), "{refused:?}");
    let small = store.append(&stream("s"), Any, large(1)).await;
    assert_eq!(small.as_ref().unwrap().stream_version.get(), 1);
    let read = store.read_stream(&stream("s"), ReadOptions::forward()).await;
    row(
        "full disk",
        &[
            ("append", said(refused, |_| "stored".into())),
            ("a small append", said(small, |_| "stored".into())),
            ("read", said(read, |page| format!("{} events", page.len()))),
            ("health", said(store.health().await, |_| "fine".into())),
        ],
    );
    store.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_only_be_read_is_refused_in_words() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("games.db");
    let store = open_store(&path).await;
    store.append(&stream("s"), Any, Noted::many(3)).await.unwrap();
    store.close().await;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(&path, 0o444).unwrap();
    mode(folder.path(), 0o555).unwrap();
    // Permissions do not bind root.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
    let user: &[&str] = if is_root { &["runuser", "-u", "nobody", "--"] } else { &["env"] };
    let output = Command::new(user[0])
        .args(&user[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::table::process_that_may_only_read", "--nocapture"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    mode(folder.path(), 0o755).unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let line = answer.lines().find_map(|line| line.split_once("opened: "));
    let line = line.unwrap_or_else(|| panic!("{answer}{errors}")).1.to_owned();
    assert!(output.status.success() && line.starts_with("refused"), "{answer}{errors}");
    row("may only be read", &[("open", line)]);
    assert_eq!(all_events(&open_store(&path).await).await.len(), 3);
}

/// Entry point of the process that may only read. Does nothing as an ordinary test.
#[test]
fn process_that_may_only_read() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match SqliteOptions::new(Path::new(&path)).connect().await {
            Ok(_) => println!("opened: stored"),
            Err(error) => println!("opened: refused, {}: {}", error.code(), with_causes(&error)),
        }
    });
}
