//! The file under an open store: removed, moved, replaced, overwritten, or looked for from another directory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use event_core::ExpectedVersion::Any;
use event_core::error::with_causes;
use event_core::{EventId, EventStore, NewEvent, ReadOptions, RetryPolicy};
use event_sqlite::{SqliteAdapter, SqliteOptions};
use event_testing::Noted;

use super::{all_events, new_file, open, open_store, stream};

/// Environment of the process that changes its directory: the folder with the stores.
const CHILD: &str = "EVENTS_DIRECTORY_CHILD";

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn new_folder() -> PathBuf {
    let folder = new_file();
    fs::create_dir(&folder).unwrap();
    folder
}

/// A store of one stream with some events, closed.
async fn filled(path: &Path, name: &str, events: usize) {
    let store = open_store(path).await;
    store.append(&stream(name), Any, Noted::many(events)).await.unwrap();
    store.close().await;
}

type Harm = fn(&Path, &Path);

/// What happens to the file at the first path; the second is that of a backup of it.
const HARMS: [(&str, Harm); 14] = [
    ("removed", |path, _| fs::remove_file(path).unwrap()),
    ("moved", |path, _| fs::rename(path, beside(path, ".moved")).unwrap()),
    ("replaced by a new file", |path, _| {
        fs::remove_file(path).unwrap();
        fs::File::create(path).unwrap().write_all(b"x").unwrap();
    }),
    ("replaced by its backup", |path, backup| fs::rename(backup, path).unwrap()),
    ("replaced by a copy of itself", |path, _| {
        fs::copy(path, beside(path, ".copy")).unwrap();
        fs::rename(beside(path, ".copy"), path).unwrap();
    }),
    ("overwritten by its backup", |path, backup| assert!(fs::copy(backup, path).unwrap() > 0)),
    ("overwritten by an earlier state of itself", |path, backup| {
        assert!(fs::copy(beside(backup, ".earlier"), path).unwrap() > 0);
    }),
    ("overwritten by another store", |path, backup| {
        assert!(fs::copy(beside(backup, ".other"), path).unwrap() > 0);
    }),
    ("emptied", |path, _| drop(fs::File::create(path).unwrap())),
    ("its log removed", |path, _| fs::remove_file(beside(path, "-wal")).unwrap()),
    ("its log moved", |path, _| {
        fs::rename(beside(path, "-wal"), beside(path, "-old")).unwrap();
    }),
    ("its log replaced", |path, _| {
        fs::copy(beside(path, "-wal"), beside(path, "-copy")).unwrap();
        fs::rename(beside(path, "-copy"), beside(path, "-wal")).unwrap();
    }),
    ("its shared memory removed", |path, _| fs::remove_file(beside(path, "-shm")).unwrap()),
    ("its folder moved", |path, _| {
        let folder = path.parent().unwrap();
        fs::rename(folder, beside(folder, ".moved")).unwrap();
    }),
];

#[tokio::test]
async fn a_file_that_is_not_in_its_place_is_noticed_before_an_append_is_acknowledged() {
    let mut unnoticed = Vec::new();
    for (name, harm) in HARMS {
        let (folder, backups) = (new_folder(), new_folder());
        let (path, backup) = (folder.join("games.db"), backups.join("games.db"));
        filled(&path, "s", 3).await;
        fs::copy(&path, beside(&backup, ".earlier")).unwrap();
        filled(&beside(&backup, ".other"), "other", 3).await;
        filled(&path, "s", 3).await;

        let adapter = std::sync::Arc::new(open(&path).await);
        let store = EventStore::builder(std::sync::Arc::clone(&adapter));
        let store = store.retry(RetryPolicy::never()).build().unwrap();
        let known = EventId::new();
        let event = NewEvent::from(Noted::new("x")).with_id(known);
        store.append(&stream("s"), Any, [event]).await.unwrap();
        store.health().await.unwrap();
        adapter.backup(&backup).await.unwrap();

        harm(&path, &backup);
        for n in 0..3 {
            // The first one is stored already: that, too, is an answer about the file.
            let event = NewEvent::from(Noted::new("x"));
            let event = if n == 0 { event.with_id(known) } else { event };
            match store.append(&stream("s"), Any, [event]).await {
                Ok(_) => unnoticed.push((name, "append")),
                Err(error) => {
                    let said = with_causes(&error);
                    assert!(said.contains("was removed, moved or replaced"), "{name}: {said}");
                    assert!(said.contains("restore a backup"), "what to do, {name}: {said}");
                    assert!(!error.is_transient(), "{name}: {said}");
                }
            }
        }
        match store.health().await {
            Ok(_) => unnoticed.push((name, "health")),
            Err(error) => assert!(with_causes(&error).contains("removed, moved"), "{name}"),
        }
        let other = adapter.backup(backups.join("later.db")).await;
        if other.is_ok() {
            unnoticed.push((name, "backup"));
        }
        store.close().await;
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[tokio::test]
async fn a_file_that_is_moved_back_is_the_store_again() {
    let path = new_file();
    let store = open_store(&path).await;
    store.append(&stream("s"), Any, Noted::many(2)).await.unwrap();
    fs::rename(&path, beside(&path, ".moved")).unwrap();
    let error = store.append(&stream("s"), Any, Noted::many(1)).await.unwrap_err();
    assert!(with_causes(&error).contains("was removed, moved or replaced"));
    assert!(store.read_stream(&stream("s"), ReadOptions::forward()).await.is_err());
    fs::rename(beside(&path, ".moved"), &path).unwrap();
    let appended = store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    assert_eq!(appended.stream_version.get(), 3);
    store.close().await;
    assert_eq!(all_events(&open_store(&path).await).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_programs_do_to_the_file_is_no_replacement() {
    let path = new_file();
    let store = open_store(&path).await;
    for round in 0..4 {
        let other = open_store(&path).await;
        for _ in 0..20 {
            store.append(&stream("s"), Any, Noted::many(100)).await.unwrap();
            other.append(&stream("t"), Any, Noted::many(100)).await.unwrap();
        }
        if round % 2 == 0 {
            let mut plain = super::plain_connection(&path).await;
            super::run(&mut plain, "PRAGMA wal_checkpoint(TRUNCATE)").await;
            super::run(&mut plain, "VACUUM").await;
        }
        other.close().await;
    }
    store.health().await.unwrap();
}

#[tokio::test]
async fn a_log_that_readers_let_move_in_part_only_is_no_replacement() {
    let path = new_file();
    let store = open_store(&path).await;
    for round in 1..6 {
        // The first read keeps the large append in the log, the second one keeps what comes after it there: page 1 of
        // the file then counts pages that the file does not have yet.
        let mut first = reading(&path).await;
        for part in 0..4 {
            let large = stream(&format!("large-{round}-{part}"));
            store.append(&large, Any, Noted::many(5_000 + round)).await.unwrap();
        }
        let second = reading(&path).await;
        super::run(&mut first, "COMMIT").await;
        for _ in 0..3 {
            store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
        }
        drop((first, second));
    }
    store.health().await.unwrap();
}

/// A connection in the middle of a read.
async fn reading(path: &Path) -> sqlx::SqliteConnection {
    let mut connection = super::plain_connection(path).await;
    super::run(&mut connection, "BEGIN").await;
    super::run(&mut connection, "SELECT count(*) FROM events").await;
    connection
}

#[test]
fn a_process_that_changes_its_directory_keeps_its_store() {
    let folder = new_folder();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::identity::process_that_changes_its_directory", "--nocapture"])
        .env(CHILD, &folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("both stores are whole"), "{said}");
}

/// Entry point of the process that changes its directory. Does nothing as an ordinary test.
#[test]
fn process_that_changes_its_directory() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let (here, there) = (Path::new(&folder).join("here"), Path::new(&folder).join("there"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for folder in [&here, &there] {
            fs::create_dir(folder).unwrap();
            std::env::set_current_dir(folder).unwrap();
            let store = EventStore::new(SqliteAdapter::connect("sqlite:games.db").await.unwrap());
            store.unwrap().append(&stream("s"), Any, Noted::many(2)).await.unwrap();
        }
        std::env::set_current_dir(&here).unwrap();
        let options = SqliteOptions::new("games.db");
        let adapter = std::sync::Arc::new(options.connect().await.unwrap());
        assert!(adapter.path().is_absolute(), "{}", adapter.path().display());
        std::env::set_current_dir(&there).unwrap();
        let store = EventStore::new(std::sync::Arc::clone(&adapter)).unwrap();
        // More readers than are open, and a writer.
        let id = stream("s");
        let reads = (0..8).map(|_| store.read_stream(&id, ReadOptions::forward()));
        for page in futures_util::future::join_all(reads).await {
            assert_eq!(page.unwrap().len(), 2);
        }
        store.append(&stream("mine"), Any, Noted::many(3)).await.unwrap();
        adapter.backup(here.join("backup.db")).await.unwrap();
        assert_eq!(all_events(&open_store(&here.join("backup.db")).await).await.len(), 5);
        assert_eq!(all_events(&open_store(&here.join("games.db")).await).await.len(), 5);
        assert_eq!(all_events(&open_store(&there.join("games.db")).await).await.len(), 2);
    });
    println!("both stores are whole");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_file_that_does_not_exist_yet_is_followed() {
    let folder = new_folder();
    fs::create_dir(folder.join("data")).unwrap();
    std::os::unix::fs::symlink("data/games.db", folder.join("games.db")).unwrap();
    let adapter = open(&folder.join("games.db")).await;
    assert!(adapter.path().ends_with("data/games.db"), "{}", adapter.path().display());
    let store = EventStore::new(adapter).unwrap();
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    // The link leads elsewhere from now on; the store does not.
    fs::remove_file(folder.join("games.db")).unwrap();
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    store.close().await;
    assert_eq!(all_events(&open_store(&folder.join("data/games.db")).await).await.len(), 2);
}
