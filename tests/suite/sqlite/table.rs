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

use super::backup::limited;
use super::{all_events, new_file, open, open_store, stream};

/// Environment of the process that may only read the file: its path.
const CHILD: &str = "EVENTS_READ_ONLY_CHILD";
/// Environment of the process that changes its directory: the folder to begin in.
const MOVING: &str = "EVENTS_MOVING_CHILD";

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

type Harm = fn(&Path, &Path);

/// What happens to the file at the first path, the second is that of a backup of it; and whether readers look at what was
/// harmed.
const HARMS: [(&str, Harm, bool); 6] = [
    ("removed", |path, _| fs::remove_file(path).unwrap(), true),
    ("replaced by its backup", |path, backup| fs::rename(backup, path).unwrap(), true),
    ("moved", |path, _| fs::rename(path, beside(path, ".moved")).unwrap(), true),
    (
        "an older copy restored over it",
        |path, _| assert!(fs::copy(beside(path, ".earlier"), path).unwrap() > 0),
        false,
    ),
    (
        "its folder moved",
        |path, _| {
            let folder = path.parent().unwrap();
            fs::rename(folder, beside(folder, ".moved")).unwrap();
        },
        true,
    ),
    ("its log removed", |path, _| fs::remove_file(beside(path, "-wal")).unwrap(), false),
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

/// Prints a line, and returns what each call said.
fn row<const N: usize>(harm: &str, cells: [(&str, String); N]) -> [String; N] {
    let shown = cells.iter().map(|(call, said)| format!("{call} → {said}"));
    eprintln!("| {harm} | {} |", shown.collect::<Vec<_>>().join(" | "));
    cells.map(|(_, said)| said)
}

fn events(count: usize) -> String {
    format!("{count} events")
}

/// What every call says that looks at a file which is not the store any more.
const GONE: &str = "adapter_error: removed, moved or replaced";

#[tokio::test]
async fn a_harmed_file_acknowledges_nothing() {
    for (name, harm, is_seen_by_readers) in HARMS {
        let folder = new_file();
        fs::create_dir(&folder).unwrap();
        let (path, backup) = (folder.join("games.db"), new_file());
        for earlier in [true, false] {
            let store = open_store(&path).await;
            store.append(&stream("s"), Any, Noted::many(3)).await.unwrap();
            store.close().await;
            if earlier {
                fs::copy(&path, beside(&path, ".earlier")).unwrap();
            }
        }
        let adapter = Arc::new(open(&path).await);
        let store = never(&adapter);
        store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
        store.health().await.unwrap();
        adapter.backup(&backup).await.unwrap();

        harm(&path, &backup);
        let appended = store.append(&stream("s"), Any, Noted::many(1)).await;
        let health = store.health().await;
        let copied = adapter.backup(beside(&backup, ".2")).await;
        let read = store.read_stream(&stream("s"), ReadOptions::forward()).await;
        let all = store.read_all(AllOptions::new()).await;
        // An append whose outcome is unknown may be among them.
        for page in [&read, &all] {
            assert!(page.as_ref().is_ok_and(|page| page.len() <= 8) || page.is_err(), "{name}");
        }
        let [appended, health, copied, read, all] = row(
            name,
            [
                ("append", said(appended, |_| "stored".into())),
                ("health", said(health, |_| "fine".into())),
                ("backup", said(copied, |()| "written".into())),
                ("read", said(read, |page| events(page.len()))),
                ("read all", said(all, |page| events(page.len()))),
            ],
        );
        assert_eq!([appended, health, copied], [GONE; 3], "{name}");
        if is_seen_by_readers {
            assert_eq!([read, all], [GONE; 2], "{name}");
        }
        store.close().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_that_is_killed_harms_nothing() {
    let path = new_file();
    let adapter = Arc::new(open(&path).await);
    let store = never(&adapter);
    for _ in 0..10 {
        store.append(&stream("s"), Any, Noted::many(1_000)).await.unwrap();
    }
    let folder = new_file();
    fs::create_dir(&folder).unwrap();
    let copy = folder.join("copy.db");
    let killed = limited(&path, &copy, "");
    assert!(!killed.status.success());
    let of_its_name = if copy.exists() { "a file" } else { "nothing" };
    let appended = store.append(&stream("other"), Any, Noted::many(1)).await;
    let version = store.stream_version(&stream("s")).await;
    let said = row(
        "killed while it makes a backup",
        [
            ("of the backup's name", of_its_name.to_owned()),
            ("append", said(appended, |_| "stored".into())),
            ("version", said(version, |version| version.get().to_string())),
            ("health", said(store.health().await, |_| "fine".into())),
            ("next backup", said(adapter.backup(&copy).await, |()| "written".into())),
        ],
    );
    assert_eq!(said, ["nothing", "stored", "10000", "fine", "written"]);
    store.close().await;
}

#[test]
fn a_changed_directory_is_another_one_for_no_call() {
    let folder = new_file();
    fs::create_dir(&folder).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::table::process_that_changes_its_directory", "--nocapture"])
        .env(MOVING, &folder)
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = answer.lines().find_map(|line| line.split_once("moved: "));
    let line =
        line.unwrap_or_else(|| panic!("{answer}{}", String::from_utf8_lossy(&output.stderr)));
    let [said] = row("chdir", [("append, read, health, backup", line.1.to_owned())]);
    assert_eq!(said, "stored, 4 events, fine, written");
}

/// Entry point of the process that changes its directory. Does nothing as an ordinary test.
#[test]
fn process_that_changes_its_directory() {
    let Some(folder) = std::env::var_os(MOVING) else { return };
    let folder = Path::new(&folder);
    let there = folder.join("there");
    fs::create_dir(&there).unwrap();
    std::env::set_current_dir(folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let adapter = Arc::new(SqliteAdapter::connect("sqlite:games.db").await.unwrap());
        let store = never(&adapter);
        store.append(&stream("s"), Any, Noted::many(3)).await.unwrap();
        std::env::set_current_dir(&there).unwrap();
        let appended = store.append(&stream("s"), Any, Noted::many(1)).await;
        let read = store.read_all(AllOptions::new()).await;
        println!(
            "moved: {}, {}, {}, {}",
            said(appended, |_| "stored".into()),
            said(read, |page| events(page.len())),
            said(store.health().await, |_| "fine".into()),
            said(adapter.backup(folder.join("copy.db")).await, |()| "written".into()),
        );
        assert!(!there.join("games.db").exists());
        store.close().await;
    });
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
    let [_, small, read, health] = row(
        "full disk",
        [
            ("append", said(refused, |_| "stored".into())),
            ("a small append", said(small, |_| "stored".into())),
            ("read", said(read, |page| events(page.len()))),
            ("health", said(store.health().await, |_| "fine".into())),
        ],
    );
    assert_eq!([small, read, health], ["stored", "1 events", "fine"]);
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
    let [said] = row("may only be read", [("open", line)]);
    assert!(said.contains("cannot be written"), "{said}");
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
