//! A full disk in the middle of every kind of transaction: the error says so, and the store goes on once there is room.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::error::{BoxError, with_causes};
use event_core::projection::InlineEvent;
use event_core::{Delete, Error, Event, EventStore, Filter, RecordedEvent, RetryPolicy, StreamId};
use event_sqlite::{
    SqliteAdapter, SqliteInlineProjection, SqliteOptions, SqliteProjection, SqliteTables,
};
use event_testing::Noted;
use sqlx::SqliteConnection;

use super::{all_events, new_file, open, open_store, plain_connection, run, stream};
use crate::travel::exported;

const LIMIT: u64 = 1 << 20;

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

/// Writes a page for each event.
struct Pages;

const PAGE: &str = "INSERT INTO {pages} VALUES (zeroblob(4000))";

impl SqliteProjection for Pages {
    type Event = Notes;
    const NAME: &'static str = "pages";
    const BUILD: u32 = 1;

    fn filter(&self) -> Filter {
        Filter::all().category("paged")
    }

    async fn create(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
    ) -> Result<(), BoxError> {
        let create = "CREATE TABLE {pages} (page BLOB NOT NULL) STRICT";
        sqlx::query(tables.sql(create)).execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        for (Notes::Noted(_), _) in events {
            sqlx::query(tables.sql(PAGE)).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// Writes a hundred pages for each append.
struct Inline;

impl SqliteInlineProjection for Inline {
    type Event = Notes;

    fn wants(&self, stream_id: &StreamId) -> bool {
        stream_id.category() == "inline"
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        _: Vec<InlineEvent<Notes>>,
    ) -> Result<(), BoxError> {
        for _ in 0..100 {
            sqlx::query("INSERT INTO pages VALUES (zeroblob(4000))")
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

/// A store with little room left, besides a stream `filler`.
async fn nearly_full(path: &Path) -> Arc<SqliteAdapter> {
    open(path).await;
    let mut other = plain_connection(path).await;
    run(&mut other, "CREATE TABLE pages (page BLOB NOT NULL) STRICT").await;
    let limited = SqliteOptions::new(path).max_size(LIMIT).connect().await.unwrap();
    let adapter = Arc::new(limited.inline(Inline));
    let store = store(&adapter);
    let filler = [Noted::new("x".repeat(700 << 10))];
    store.append(&stream("filler"), Any, filler).await.unwrap();
    adapter
}

fn store(adapter: &Arc<SqliteAdapter>) -> EventStore {
    EventStore::builder(Arc::clone(adapter)).retry(RetryPolicy::never()).build().unwrap()
}

fn assert_full(error: &Error) {
    let said = with_causes(error);
    assert!(said.contains("the disk is full"), "{said}");
    assert!(!said.contains("no transaction is active"), "{said}");
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn an_inline_projection_on_a_full_disk() {
    let adapter = nearly_full(&new_file()).await;
    let store = store(&adapter);
    for _ in 0..3 {
        let error = store.append(&stream("inline-1"), Any, Noted::many(1)).await.unwrap_err();
        assert_full(&error);
        store.append(&stream("small"), Any, Noted::many(1)).await.unwrap();
    }
    store.delete_stream(&stream("filler"), Any, Delete::Hard).await.unwrap();
    let appended = store.append(&stream("inline-1"), Any, Noted::many(1)).await.unwrap();
    assert_eq!(appended.stream_version.get(), 1);
}

#[tokio::test]
async fn a_projection_on_a_full_disk_goes_on_once_there_is_room() {
    let path = new_file();
    let adapter = nearly_full(&path).await;
    let store = store(&adapter);
    let last = store.append(&stream("paged-1"), Any, Noted::many(100)).await.unwrap();
    let mut projector = adapter.projector(Pages).await.unwrap();
    for _ in 0..3 {
        assert_full(&projector.catch_up().await.unwrap_err());
    }
    let running = tokio::spawn(async move { projector.run().await });
    store.delete_stream(&stream("filler"), Any, Delete::Hard).await.unwrap();
    loop {
        assert!(!running.is_finished(), "{:?}", running.await);
        let status = adapter.projection_status("pages", Some(1)).await.unwrap().unwrap();
        if status.position >= last.position {
            assert_eq!(status.events, 100);
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
}

#[tokio::test]
async fn an_import_on_a_full_disk() {
    let source = open_store(&new_file()).await;
    for n in 0..10 {
        let events = vec![Noted::new("y".repeat(6_000)); 10];
        source.append(&stream(&format!("s-{n}")), Any, events).await.unwrap();
    }
    let adapter = nearly_full(&new_file()).await;
    let store = store(&adapter);
    let export = exported(&source).await;
    for _ in 0..2 {
        assert_full(&store.import().read(&*export).await.unwrap_err());
    }
    store.append(&stream("small"), Any, Noted::many(1)).await.unwrap();
    store.delete_stream(&stream("filler"), Any, Delete::Hard).await.unwrap();
    store.import().read(&*export).await.unwrap();
    assert_eq!(all_events(&store).await.len(), 101);
}
