//! Backups: consistent, checked, never half of one under its name, and told apart from the store they were made of.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use event_core::ExpectedVersion::Any;
use event_core::error::with_causes;
use event_core::{EventStore, ReadOptions};
use event_testing::Noted;

use super::{all_events, new_file, open, open_store, run, stream};

/// Environment of the process whose backup fails or is killed: the store and the copy.
const CHILD: &str = "EVENTS_BACKUP_CHILD";

#[tokio::test]
async fn a_backup_is_a_consistent_snapshot_of_the_store() {
    let path = new_file();
    let adapter = Arc::new(open(&path).await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("s"), Any, Noted::many(500)).await.unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..50 {
                store.append(&stream("t"), Any, Noted::many(2)).await.unwrap();
            }
        }
    });
    let copy = new_file();
    store.backup(&copy).await.unwrap();
    writer.await.unwrap();
    let copied = open(&copy).await;
    copied.check().await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut super::plain_connection(&copy).await)
        .await
        .unwrap();
    assert_eq!(mode, "wal", "readers of the copy do not wait for its writer");
    let copied = all_events(&EventStore::new(copied).unwrap()).await;
    let all = all_events(&store).await;
    assert!(copied.len() >= 500 && copied.len() % 2 == 0);
    for (copy, event) in copied.iter().zip(&all) {
        assert_eq!(copy.event_id(), event.event_id());
        assert_eq!(copy.position(), event.position());
    }
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_says_where_it_cannot_be() {
    let path = new_file();
    let adapter = open(&path).await;
    let folder = new_file();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "mine").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
    for (place, words) in [
        (path.clone(), "overwrites nothing"),
        (folder.clone(), "overwrites nothing"),
        (folder.join("file"), "overwrites nothing"),
        #[cfg(unix)]
        (folder.join("link"), "overwrites nothing"),
        (folder.join("missing/copy.db"), "its folder must exist"),
    ] {
        let error = adapter.backup(&place).await.unwrap_err();
        assert!(with_causes(&error).contains(words), "{}", with_causes(&error));
    }
    assert_eq!(fs::read(folder.join("file")).unwrap(), b"mine");
    let (a, b) = (folder.join("copy.db"), folder.join("copy.db"));
    let (one, other) = tokio::join!(adapter.backup(&a), adapter.backup(&b));
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
    open(&folder.join("copy.db")).await.check().await.unwrap();
    assert!(unfinished(&folder).is_empty());
}

#[tokio::test]
async fn a_damaged_store_gives_no_backup() {
    let path = new_file();
    let adapter = open(&path).await;
    let mut connection = super::plain_connection(&path).await;
    // A copy takes over rows that break a constraint; its check finds them.
    run(
        &mut connection,
        "PRAGMA ignore_check_constraints = TRUE; INSERT INTO categories VALUES (1, 'c');
         INSERT INTO streams VALUES (1, 1, 's', 1, -1, 1, 'active', 0)",
    )
    .await;
    let copy = new_file();
    let error = adapter.backup(&copy).await.unwrap_err();
    assert!(with_causes(&error).contains("CHECK constraint failed"), "{}", with_causes(&error));
    assert!(!copy.exists());
    assert!(unfinished(copy.parent().unwrap()).is_empty());
}

/// Runs the backup in a process that may write only so much into a file, and ignores the signal for that or dies of it.
pub(super) fn limited(path: &Path, copy: &Path, trap: &str) -> Output {
    Command::new("sh")
        .args(["-c", &format!("{trap}ulimit -f 400; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::backup::process_that_makes_a_backup", "--nocapture"])
        .env(CHILD, std::env::join_paths([path, copy]).unwrap())
        .output()
        .unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_that_fails_or_is_killed_leaves_nothing_of_its_name() {
    let path = new_file();
    let adapter = open(&path).await;
    let store = EventStore::new(adapter).unwrap();
    for _ in 0..10 {
        store.append(&stream("s"), Any, Noted::many(1_000)).await.unwrap();
    }
    store.close().await;
    let folder = new_file();
    fs::create_dir(&folder).unwrap();
    let copy = folder.join("copy.db");

    let failed = limited(&path, &copy, "trap '' XFSZ; ");
    let said = String::from_utf8_lossy(&failed.stdout).into_owned();
    assert!(said.contains("refused: "), "{said}{}", String::from_utf8_lossy(&failed.stderr));
    assert!(!copy.exists() && unfinished(&folder).is_empty(), "{said}");

    let killed = limited(&path, &copy, "");
    assert!(!killed.status.success());
    assert!(!copy.exists());
    assert!(!unfinished(&folder).is_empty(), "the process was killed in the middle of it");

    let adapter = open(&path).await;
    adapter.backup(&copy).await.unwrap();
    assert!(unfinished(&folder).is_empty(), "{:?}", unfinished(&folder));
    let copied = open_store(&copy).await;
    assert_eq!(copied.stream_version(&stream("s")).await.unwrap().get(), 10_000);
    adapter.check().await.unwrap();
}

/// Entry point of the process that makes a backup. Does nothing as an ordinary test.
#[test]
fn process_that_makes_a_backup() {
    let Some(paths) = std::env::var_os(CHILD) else { return };
    let paths: Vec<_> = std::env::split_paths(&paths).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let adapter = open(&paths[0]).await;
        match adapter.backup(&paths[1]).await {
            Ok(()) => println!("done"),
            Err(error) => println!("refused: {}", with_causes(&error)),
        }
    });
}

#[tokio::test]
async fn what_was_restored_is_another_store() {
    let path = new_file();
    let adapter = Arc::new(open(&path).await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("s"), Any, Noted::many(2)).await.unwrap();
    let copy = new_file();
    adapter.backup(&copy).await.unwrap();
    store.append(&stream("s"), Any, Noted::many(2)).await.unwrap();
    // Restored as it should be: nobody has it open, and nothing lies beside it.
    store.close().await;
    fs::rename(&copy, &path).unwrap();
    let store = open_store(&path).await;
    assert_eq!(store.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap().len(), 2);
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
}

fn unfinished(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("unfinished")).collect()
}
