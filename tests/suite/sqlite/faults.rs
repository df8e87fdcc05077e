//! What can be wrong with a file: each is an error that says so, and none is made worse.

use std::fs;
use std::path::Path;
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::error::with_causes;
use event_core::{AllOptions, Error, EventStore, ReadOptions, Result, RetryPolicy};
use event_sqlite::{SqliteAdapter, SqliteOptions};
use event_testing::Noted;

use super::{everything, new_file, open, open_store, other_program, run, stream};

async fn refused(path: &Path) -> (Error, String) {
    let options = SqliteOptions::new(path).busy_timeout(Duration::from_millis(20));
    let error = options.connect().await.unwrap_err();
    let said = with_causes(&error);
    (error, said)
}

fn without_retries(adapter: SqliteAdapter) -> EventStore {
    EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap()
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_alone() {
    let text = new_file();
    fs::write(&text, "Dear diary, ".repeat(1_000)).unwrap();
    let other = new_file();
    let mut connection = other_program(&other).await;
    run(&mut connection, "CREATE TABLE schema_migrations (version); CREATE TABLE events (x)").await;
    drop(connection);
    for (path, words) in [(text, "no SQLite database"), (other, "the database of another program")]
    {
        let before = fs::read(&path).unwrap();
        let (error, said) = refused(&path).await;
        assert!(matches!(error, Error::Adapter { .. }) && said.contains(words), "{said}");
        assert!(said.contains(path.to_str().unwrap()), "{said}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store_and_a_missing_one_only_if_it_may() {
    let path = new_file();
    fs::write(&path, "").unwrap();
    assert!(everything(&open_store(&path).await).await.is_empty());

    let missing = SqliteOptions::new(new_file()).create(false);
    let error = missing.clone().connect().await.unwrap_err();
    assert!(with_causes(&error).contains("cannot be opened"), "{}", with_causes(&error));
    assert!(!missing.path().exists());
    let (_, said) = refused(&new_file().join("folder/games.db")).await;
    assert!(said.contains("its folder must exist"), "{said}");
}

#[tokio::test]
async fn the_schema_of_another_build_is_refused() {
    let path = new_file();
    open_store(&path).await.close().await;
    let mut connection = other_program(&path).await;
    run(&mut connection, "UPDATE schema_migrations SET checksum = x'00' WHERE version = 1").await;
    let (_, said) = refused(&path).await;
    assert!(said.contains("0001_store differs"), "{said}");
    run(&mut connection, "INSERT INTO schema_migrations VALUES (99, 'later', x'00', '')").await;
    let (error, _) = refused(&path).await;
    assert!(matches!(error, Error::IncompatibleSchema { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_found_out() {
    let path = new_file();
    let store = open_store(&path).await;
    for name in ["a", "b", "c"] {
        store.append(&stream(name), Any, Noted::many(300)).await.unwrap();
    }
    store.close().await;
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(found_out(&path).await.is_err(), "cut");

    // Damage anywhere: an error or none, but no panic, and no event that was not stored.
    for page in 1..whole.len() / 4_096 {
        let mut bytes = whole.clone();
        bytes[page * 4_096..][..64].fill(0x5a);
        fs::write(&path, &bytes).unwrap();
        assert!(found_out(&path).await.is_err(), "page {page}");
    }
    fs::write(&path, &whole).unwrap();
    found_out(&path).await.unwrap();
}

/// Opens, reads and checks a file.
async fn found_out(path: &Path) -> Result<()> {
    let adapter = SqliteOptions::new(path).connect().await?;
    let checked = adapter.check().await;
    let store = EventStore::new(adapter)?;
    let mut events = store.all_events(AllOptions::new());
    let mut read = Ok(());
    while let Some(event) = events.next().await {
        read = read.and(event.and_then(|event| event.decode::<Noted>()).map(drop));
        if read.is_err() {
            break;
        }
    }
    store.close().await;
    checked.and(read)
}

#[tokio::test]
async fn rows_that_no_store_writes_are_errors_that_name_their_place() {
    let path = new_file();
    let store = open_store(&path).await;
    let id = stream("s");
    store.append(&id, Any, Noted::many(2)).await.unwrap();
    let mut connection = other_program(&path).await;
    for (change, words) in [
        ("UPDATE events SET data = '{' WHERE version = 2", "version 2 of stream \"s\""),
        ("UPDATE events SET data = '{}', metadata = '[]' WHERE version = 2", "version 2 of stream"),
        ("UPDATE events SET data = CAST(x'ff' AS TEXT) WHERE version = 2", "column data"),
        (
            "UPDATE events SET recorded_at = 9223372036854775807 WHERE version = 2",
            "beyond all dates",
        ),
        ("UPDATE events SET schema_version = 4294967296 WHERE version = 2", "version"),
    ] {
        run(&mut connection, "CREATE TEMP TABLE good AS SELECT * FROM events").await;
        run(&mut connection, change).await;
        let error = store.read_stream(&id, ReadOptions::backward()).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{change}: {error:?}");
        assert!(error.to_string().contains(words), "{change}: {error}");
        run(&mut connection, "INSERT OR REPLACE INTO events SELECT * FROM good; DROP TABLE good")
            .await;
    }
    assert_eq!(everything(&store).await.len(), 2);
}

#[tokio::test]
async fn a_full_disk_refuses_whole_appends_and_loses_nothing() {
    let path = new_file();
    open_store(&path).await.close().await;
    let limited = SqliteOptions::new(&path).max_size(512 << 10);
    let store = without_retries(limited.connect().await.unwrap());
    let mut stored = 0;
    let error = loop {
        match store.append(&stream("s"), Any, Noted::many(100)).await {
            Ok(appended) => stored = appended.stream_version.get(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Overloaded { .. }), "{error:?}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(stored >= 100);
    assert_eq!(everything(&store).await.len() as u64, stored);
    store.close().await;

    let adapter = open(&path).await;
    adapter.check().await.unwrap();
    let store = EventStore::new(adapter).unwrap();
    let next = store.append(&stream("s"), Any, Noted::many(100)).await.unwrap();
    assert_eq!(next.stream_version.get(), stored + 100);
}

#[tokio::test]
async fn names_of_files_are_taken_as_they_are() {
    let folder = new_file();
    fs::create_dir(&folder).unwrap();
    let names = [
        "a?b=c&d#e%20 'f' \"g\";h.db",
        "file:x.db?mode=memory",
        ":memory:",
        "größe \u{202e}.db",
        "-x",
    ];
    for name in names {
        let path = folder.join(name);
        let store = open_store(&path).await;
        store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
        store.close().await;
        assert!(path.metadata().unwrap().len() > 0, "{name}");
        assert_eq!(everything(&open_store(&path).await).await.len(), 1, "{name}");
    }
    let count = fs::read_dir(&folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        !name.ends_with("-wal") && !name.ends_with("-shm")
    });
    assert_eq!(count.count(), names.len());
}

#[tokio::test]
async fn a_backup_is_a_store_of_one_moment() {
    let path = new_file();
    let adapter = std::sync::Arc::new(open(&path).await);
    let store = EventStore::new(std::sync::Arc::clone(&adapter)).unwrap();
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
    adapter.backup(&copy).await.unwrap();
    writer.await.unwrap();
    assert!(adapter.backup(&copy).await.is_err());
    let copied = open(&copy).await;
    copied.check().await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut other_program(&copy).await)
        .await
        .unwrap();
    assert_eq!(mode, "wal", "readers of the copy do not wait for its writer");
    let copied = everything(&EventStore::new(copied).unwrap()).await;
    let all = everything(&store).await;
    assert!(copied.len() >= 500 && copied.len() % 2 == 0);
    for (copy, event) in copied.iter().zip(&all) {
        assert_eq!(copy.event_id(), event.event_id());
        assert_eq!(copy.position(), event.position());
    }
}
