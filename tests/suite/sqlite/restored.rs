//! The log of a file is replaced under living readers: an older copy is restored through SQLite, and other events are stored
//! in the place of those that are gone. Every reader handles what the log holds now, or says where it differs.

use std::path::Path;

use chrono::TimeDelta;
use event_core::broadcast::EventCache;
use event_core::error::BoxError;
use event_core::{
    AllOptions, BatchSize, Delete, Error, Event, EventId, EventStore, EventStream, EventVersion,
    ExpectedVersion, Filter, NewEvent, Position, ReadOptions, RecordedEvent, StartFrom,
    StreamVersion,
};
use event_sqlite::{SqliteAdapter, SqliteProjection, SqliteTables};
use event_testing::Noted;
use sqlx::SqliteConnection;
use std::sync::Arc;
use std::time::Duration;

use super::{all_events, new_file, open, open_store, plain_connection, stream};
use crate::readers::{
    Seen, broadcast, durable, pages, plain, projection, reader, report, wait_until,
};

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

/// The ids of all notes, in a table of the file.
struct Ids;

impl SqliteProjection for Ids {
    type Event = Notes;
    const NAME: &'static str = "ids";
    const BUILD: u32 = 1;

    async fn create(
        &self,
        connection: &mut SqliteConnection,
        _: &SqliteTables,
    ) -> Result<(), BoxError> {
        sqlx::raw_sql("CREATE TABLE noted_ids (id BLOB NOT NULL)").execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        _: &SqliteTables,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        for (_, recorded) in events {
            let insert = sqlx::query("INSERT INTO noted_ids VALUES (?1)");
            insert.bind(recorded.event_id().as_uuid()).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

async fn append(store: &EventStore, count: usize) {
    for _ in 0..count / 10 {
        store.append(&stream("kept"), ExpectedVersion::Any, Noted::many(10)).await.unwrap();
    }
}

async fn log(path: &Path) -> Vec<EventId> {
    ids(&mut plain_connection(path).await, "SELECT event_id FROM events ORDER BY position").await
}

async fn ids(connection: &mut SqliteConnection, sql: &'static str) -> Vec<EventId> {
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(sql).fetch_all(connection).await.unwrap();
    ids.into_iter().map(EventId::from_uuid).collect()
}

/// Gives every table the rows of an older copy, in one transaction, as a restore through SQLite does.
async fn restore(path: &Path, copy: &Path) {
    let mut connection = plain_connection(path).await;
    let run = async |connection: &mut SqliteConnection, sql: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
    };
    run(&mut connection, "PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 20000".into()).await;
    run(&mut connection, format!("ATTACH '{}' AS old", copy.display())).await;
    run(&mut connection, "BEGIN IMMEDIATE".into()).await;
    // What is restored is neither stored nor removed anew.
    let triggers = "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'";
    let triggers: Vec<(String, String)> =
        sqlx::query_as(triggers).fetch_all(&mut connection).await.unwrap();
    for (trigger, _) in &triggers {
        run(&mut connection, format!("DROP TRIGGER main.{trigger}")).await;
    }
    let tables =
        "SELECT name FROM old.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    for table in tables {
        run(&mut connection, format!("DELETE FROM main.{table}")).await;
        run(&mut connection, format!("INSERT INTO main.{table} SELECT * FROM old.{table}")).await;
    }
    for (_, sql) in triggers {
        run(&mut connection, sql).await;
    }
    run(&mut connection, "COMMIT".into()).await;
}

/// What is left of a read that began before.
async fn rest_of(mut begun: EventStream, name: &str, now: &[EventId], lost: usize) {
    let rest = Seen::default();
    while let Some(event) = begun.next().await {
        match event {
            Ok(event) => rest.see(&event),
            Err(error) => rest.end(error),
        }
    }
    let diverged = matches!(&*rest.said.lock().unwrap(), Some(Error::LogDiverged { .. }));
    assert_eq!(diverged, lost > 0, "{name}: the pages mixed two logs");
    report(name, &rest, now, lost);
}

/// 100 events that the copy has, `lost` that it lacks, 300 that another process stores after the restore.
async fn restored(lost: usize) {
    let path = new_file();
    let store = open_store(&path).await;
    append(&store, 100).await;
    let adapter = Arc::new(open(&path).await);
    catch_up(&adapter).await;
    let kept = log(&path).await;
    let mut readers = vec![
        reader("durable", |seen| durable(store.clone(), seen)),
        reader("plain", |seen| plain(store.clone(), seen)),
        reader("broadcast", |seen| broadcast(store.clone(), seen)),
        reader("projection", |seen| projection(store.clone(), seen)),
        reader("pages", |seen| pages(store.clone(), seen)),
    ];
    for reader in &readers {
        wait_until(reader.name, async || reader.seen.has(&kept)).await;
    }
    let mut connection = plain_connection(&path).await;
    let checkpoint = "SELECT coalesce(max(position), 0) FROM subscription_partitions";
    wait_until("a checkpoint", async || {
        let mut connection = plain_connection(&path).await;
        sqlx::query_scalar::<_, i64>(checkpoint).fetch_one(&mut connection).await.unwrap() >= 100
    })
    .await;
    let copy = new_file();
    let into = format!("VACUUM INTO '{}'", copy.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut connection).await.unwrap();

    append(&store, lost).await;
    catch_up(&adapter).await;
    let gone = log(&path).await;
    for reader in &readers {
        wait_until(reader.name, async || reader.seen.has(&gone)).await;
    }
    let small = BatchSize::new(10).unwrap();
    let mut all = store.all_events(AllOptions::new().limit(small));
    let mut forward = store.stream_events(&stream("kept"), ReadOptions::forward().limit(small));
    let mut backward = store.stream_events(&stream("kept"), ReadOptions::backward().limit(small));
    for _ in 0..75 + lost {
        all.next().await.unwrap().unwrap();
        forward.next().await.unwrap().unwrap();
    }
    backward.next().await.unwrap().unwrap();

    restore(&path, &copy).await;
    let other = open_store(&path).await;
    append(&other, 300).await;
    other.close().await;
    let now = log(&path).await;
    assert!(now.len() == 400 && now[..100] == kept);

    eprintln!("a copy restored that lacks {lost} of the commits:");
    for reader in readers.drain(..) {
        let done = async || reader.seen.ended() || reader.seen.has(&now);
        wait_until(reader.name, done).await;
        reader.task.abort();
        report(reader.name, &reader.seen, &now, lost);
    }
    rest_of(all, "read in progress", &now, lost).await;
    rest_of(forward, "stream in progress", &now, lost).await;
    rest_of(backward, "stream in progress, backward", &now, lost).await;
    catch_up(&adapter).await;
    let in_table = ids(&mut connection, "SELECT id FROM noted_ids ORDER BY rowid").await;
    eprintln!("  projection in tables: {} of {} of the new log", in_table.len(), now.len());
    assert_eq!(in_table, now, "the tables are as old as the log, and go on with it");
    store.close().await;
    let again = all_events(&open_store(&path).await).await;
    assert_eq!(again.iter().map(RecordedEvent::event_id).collect::<Vec<_>>(), now);
}

async fn catch_up(adapter: &Arc<SqliteAdapter>) {
    adapter.projector(Ids).await.unwrap().catch_up().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_goes_on_when_nothing_was_lost() {
    restored(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_says_so_when_commits_are_lost() {
    restored(20).await;
    restored(200).await;
}

async fn copy_of(path: &Path) -> std::path::PathBuf {
    let copy = new_file();
    let into = format!("VACUUM INTO '{}'", copy.display());
    let mut connection = plain_connection(path).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut connection).await.unwrap();
    copy
}

fn after(position: u64) -> AllOptions {
    AllOptions::new().after(Position::new(position))
}

fn is_refused(page: &event_core::Result<Vec<RecordedEvent>>) -> bool {
    matches!(page, Err(Error::LogDiverged { .. }))
}

/// Whatever the log of now holds there: nothing yet, less than before, or other events.
#[tokio::test]
async fn a_bare_position_of_the_lost_part_is_refused_until_a_page_contained_it() {
    for again in [0, 10, 300] {
        let path = new_file();
        let store = open_store(&path).await;
        append(&store, 100).await;
        assert_eq!(store.read_all(AllOptions::new()).await.unwrap().len(), 100);
        let copy = copy_of(&path).await;
        append(&store, 20).await;
        assert_eq!(store.read_all(after(100)).await.unwrap().len(), 20);
        restore(&path, &copy).await;
        let other = open_store(&path).await;
        append(&other, again).await;
        other.close().await;

        assert!(is_refused(&store.read_all(after(120)).await), "{again}: at the end");
        assert!(is_refused(&store.read_all(after(105)).await), "{again}: amid");
        let backward = AllOptions::new().backward().limit(BatchSize::new(1).unwrap());
        let last = store.read_all(backward).await.unwrap()[0].position().get();
        assert_eq!(last, 100 + again as u64);
        let change = store.health().await.unwrap().log_change.unwrap();
        assert_eq!((change.seen.get(), change.common.get()), (120, 100));
        // What both logs have proves a position, and so does a page of the log of now.
        assert_eq!(store.read_all(after(100)).await.unwrap().len(), again);
        if again > 0 {
            assert_eq!(store.read_all(after(105)).await.unwrap().len(), again - 5);
        }
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_the_lost_part_is_refused_wherever_it_is_named() {
    let path = new_file();
    let store = open_store(&path).await;
    append(&store, 100).await;
    let copy = copy_of(&path).await;
    append(&store, 200).await;
    assert_eq!(store.read_all(after(100)).await.unwrap().len(), 200);
    restore(&path, &copy).await;
    let other = open_store(&path).await;
    append(&other, 50).await;
    other.close().await;
    crate::contested::positions_are_refused(&store, &[300, 250, 120], 150).await;
    store.close().await;
}

#[tokio::test]
async fn events_that_were_removed_are_no_other_log() {
    let path = new_file();
    let store = open_store(&path).await;
    append(&store, 20).await;
    let gone = stream("gone");
    store.append(&gone, ExpectedVersion::Any, Noted::many(5)).await.unwrap();
    let mut subscription = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    for _ in 0..25 {
        subscription.next().await.unwrap().unwrap();
    }
    assert_eq!(store.read_all(after(0)).await.unwrap().len(), 25);
    store.delete_stream(&gone, ExpectedVersion::Any, Delete::Hard).await.unwrap();
    assert_eq!(store.read_all(after(25)).await.unwrap().len(), 0);
    assert_eq!(store.read_all(after(22)).await.unwrap().len(), 0);
    append(&store, 10).await;
    assert_eq!(store.read_all(after(25)).await.unwrap().len(), 10);
    assert_eq!(subscription.next().await.unwrap().unwrap().position().get(), 26);
    assert_eq!(store.health().await.unwrap().log_change, None);
    store.close().await;
}

/// An append is the first call after the restore: the census that it completes is that of the log of now.
#[tokio::test]
async fn an_append_after_a_restore_records_its_version_anew() {
    let path = new_file();
    let store = open_store(&path).await;
    let copy = copy_of(&path).await;
    append(&store, 10).await;
    assert_eq!(store.read_all(AllOptions::new()).await.unwrap().len(), 10);
    restore(&path, &copy).await;
    append(&store, 10).await;
    assert!(is_refused(&store.read_all(after(10)).await));
    let found = store.verify().await.unwrap();
    assert!(found.is_sound(), "{found:?}");
    store.close().await;
}

/// The same for one event to a stream that the copy has, which is stored in one call.
#[tokio::test]
async fn an_event_for_a_stream_of_the_copy_records_its_version_anew() {
    let path = new_file();
    let store = open_store(&path).await;
    let data = serde_json::value::RawValue::from_string("{}".into()).unwrap();
    let other = NewEvent::raw("other", EventVersion::FIRST, data);
    store.append(&stream("kept"), ExpectedVersion::NoStream, [other]).await.unwrap();
    let copy = copy_of(&path).await;
    for _ in 0..3 {
        store.append(&stream("kept"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    }
    assert_eq!(store.read_all(AllOptions::new()).await.unwrap().len(), 4);
    restore(&path, &copy).await;
    let exact = ExpectedVersion::Exact(StreamVersion::new(1));
    store.append(&stream("kept"), exact, Noted::many(1)).await.unwrap();
    let mut connection = plain_connection(&path).await;
    let versions = "SELECT event_type FROM event_versions ORDER BY event_type";
    let versions: Vec<String> =
        sqlx::query_scalar(versions).fetch_all(&mut connection).await.unwrap();
    assert_eq!(versions, [Noted::TYPE, "other"]);
    store.close().await;
}

#[tokio::test]
async fn a_cache_of_events_holds_none_that_are_gone() {
    let path = new_file();
    let store = open_store(&path).await;
    append(&store, 10).await;
    let copy = new_file();
    let into = format!("VACUUM INTO '{}'", copy.display());
    let mut connection = plain_connection(&path).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(into)).execute(&mut connection).await.unwrap();
    let cache = EventCache::new(1_000, TimeDelta::hours(1));
    let following = tokio::spawn({
        let (cache, store) = (cache.clone(), store.clone());
        async move { cache.follow(&store, Filter::all()).await }
    });
    // It begins at the end of the log of some moment.
    wait_until("a cached event", async || {
        append(&store, 10).await;
        !cache.is_empty()
    })
    .await;
    restore(&path, &copy).await;
    append(&open_store(&path).await, 10).await;
    let ended = tokio::time::timeout(Duration::from_mins(1), following).await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::LogDiverged { .. })), "{ended:?}");
    assert!(cache.is_empty(), "{cache:?}");
}
