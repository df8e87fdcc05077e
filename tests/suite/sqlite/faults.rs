//! Faulty files: no store, damaged, of another build, at the size limit. Each is a specific error and no stored event is lost.

use std::fs;
use std::path::Path;
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::error::with_causes;
use event_core::{
    AllOptions, Error, Event, EventStore, ReadOptions, RecordedEvent, Result, RetryPolicy,
};
use event_sqlite::{SqliteAdapter, SqliteOptions};
use event_testing::Noted;

use super::{all_events, new_file, open, open_store, plain_connection, run, stream};

/// Events of any kind, as a tool appends them again.
#[derive(Event)]
enum Anything {
    Noted(Noted),
    #[event(other)]
    Other(RecordedEvent),
}

async fn refused(path: &Path) -> (Error, String) {
    let options = SqliteOptions::new(path).busy_timeout(Duration::from_millis(20));
    let error = options.connect().await.unwrap_err();
    let message = with_causes(&error);
    (error, message)
}

fn without_retries(adapter: SqliteAdapter) -> EventStore {
    EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap()
}

#[tokio::test]
async fn files_that_are_no_store_are_refused_and_not_changed() {
    let text = new_file();
    fs::write(&text, "Dear diary, ".repeat(1_000)).unwrap();
    let other = new_file();
    let mut connection = plain_connection(&other).await;
    run(&mut connection, "CREATE TABLE schema_migrations (version); CREATE TABLE events (x)").await;
    drop(connection);
    for (path, expected) in
        [(text, "no SQLite database"), (other, "the database of another program")]
    {
        let before = fs::read(&path).unwrap();
        let (error, message) = refused(&path).await;
        assert!(matches!(error, Error::Adapter { .. }) && message.contains(expected), "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store_and_a_missing_file_only_with_create() {
    let path = new_file();
    fs::write(&path, "").unwrap();
    assert!(all_events(&open_store(&path).await).await.is_empty());

    let missing = SqliteOptions::new(new_file()).create(false);
    let error = missing.clone().connect().await.unwrap_err();
    assert!(with_causes(&error).contains("cannot be opened"), "{}", with_causes(&error));
    assert!(!missing.path().exists());
    let (_, message) = refused(&new_file().join("folder/games.db")).await;
    assert!(message.contains("its folder must exist"), "{message}");
}

#[tokio::test]
async fn the_schema_of_another_build_is_refused() {
    let path = new_file();
    open_store(&path).await.close().await;
    let mut connection = plain_connection(&path).await;
    run(&mut connection, "UPDATE schema_migrations SET checksum = x'00' WHERE version = 1").await;
    let (_, message) = refused(&path).await;
    assert!(message.contains("0001_store differs"), "{message}");
    run(&mut connection, "INSERT INTO schema_migrations VALUES (99, 'later', x'00', '')").await;
    let (error, _) = refused(&path).await;
    assert!(matches!(error, Error::IncompatibleSchema { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_detected() {
    let path = new_file();
    let store = open_store(&path).await;
    for name in ["a", "b", "c"] {
        store.append(&stream(name), Any, Noted::many(300)).await.unwrap();
    }
    store.close().await;
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(open_and_read(&path).await.is_err(), "cut in half");

    // Damage in any page is an error, never a panic.
    for page in 1..whole.len() / 4_096 {
        let mut bytes = whole.clone();
        bytes[page * 4_096..][..64].fill(0x5a);
        fs::write(&path, &bytes).unwrap();
        assert!(open_and_read(&path).await.is_err(), "page {page}");
    }
    fs::write(&path, &whole).unwrap();
    open_and_read(&path).await.unwrap();
}

/// Opens a file, runs the integrity check and reads all events.
async fn open_and_read(path: &Path) -> Result<()> {
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
async fn a_row_that_cannot_be_read_is_marked_and_stops_no_page() {
    let path = new_file();
    let store = open_store(&path).await;
    let id = stream("s");
    store.append(&id, Any, Noted::many(2)).await.unwrap();
    let mut connection = plain_connection(&path).await;
    for (change, expected) in [
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
        let page = store.read_stream(&id, ReadOptions::backward()).await.unwrap();
        let error = page[0].decode::<Noted>().unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{change}: {error:?}");
        assert!(error.to_string().contains(expected), "{change}: {error}");
        assert!(error.to_string().contains("of stream \"s\""), "{change}: {error}");
        page[1].decode::<Noted>().unwrap();
        let all = all_events(&store).await;
        assert_eq!(all.len(), 2, "{change}");
        assert!(all[0].damage().is_none() && all[1].damage().is_some(), "{change}");
        // What was not read is not stored anew, here or elsewhere.
        let again = [Anything::Other(all[1].clone())];
        let error = store.append(&stream("again"), Any, again).await.unwrap_err();
        assert_eq!(error.code(), "serialization_failed", "{change}: {error}");
        assert!(store.export().write_to(&mut Vec::new()).await.is_err(), "{change}");
        assert!(store.digest().await.is_err(), "{change}");
        let target = EventStore::in_memory().unwrap();
        let _ = store.copy_to(&target).await.unwrap_err();
        assert!(all_events(&target).await.is_empty(), "{change}");
        run(&mut connection, "INSERT OR REPLACE INTO events SELECT * FROM good; DROP TABLE good")
            .await;
    }
    assert_eq!(all_events(&store).await.len(), 2);
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
    assert_eq!(all_events(&store).await.len() as u64, stored);
    store.close().await;

    let adapter = open(&path).await;
    adapter.check().await.unwrap();
    let store = EventStore::new(adapter).unwrap();
    let next = store.append(&stream("s"), Any, Noted::many(100)).await.unwrap();
    assert_eq!(next.stream_version.get(), stored + 100);
}

#[tokio::test]
async fn file_names_are_taken_literally() {
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
        assert_eq!(all_events(&open_store(&path).await).await.len(), 1, "{name}");
    }
    let count = fs::read_dir(&folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        !name.ends_with("-wal") && !name.ends_with("-shm")
    });
    assert_eq!(count.count(), names.len());
}
