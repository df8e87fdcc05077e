//! The door: a store is opened from its URL, with its settings, on any backend.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_core::{
    Clock, Error, Event, EventStore, EventVersion, ExpectedVersion, InvalidEvent, MemoryAdapter,
    Migrate, RetryPolicy, StreamId,
};
use event_sqlite::SqliteAdapter;
use event_testing::Noted;
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

#[derive(Serialize, Deserialize)]
struct Dated;

impl Event for Dated {
    const TYPE: &'static str = "connect.dated";
    const VERSION: EventVersion = EventVersion::FIRST;

    fn validate(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if now == DateTime::UNIX_EPOCH { Ok(()) } else { Err(InvalidEvent::new("not the time")) }
    }
}

fn stream() -> StreamId {
    StreamId::new("a").unwrap()
}

#[tokio::test]
async fn every_setting_reaches_the_store() {
    let folder = tempdir().unwrap();
    for url in ["memory:".to_owned(), format!("sqlite:{}", folder.path().join("a.db").display())] {
        let store = EventStore::connect(&url)
            .retry(RetryPolicy::never())
            .clock(Clock::fixed(DateTime::UNIX_EPOCH))
            .stream_limit(Some(2))
            .event_size_limit(40)
            .migrate(Migrate::OnConnect)
            .await
            .unwrap();
        store.append(&stream(), ExpectedVersion::Any, [Dated, Dated]).await.unwrap();
        let error = store.append(&stream(), ExpectedVersion::Any, [Dated]).await.unwrap_err();
        assert!(matches!(error, Error::StreamLimitReached { limit: 2, .. }), "{error:?}");
        let long = [Noted::new("x".repeat(40))];
        let error = store.append(&stream(), ExpectedVersion::Any, long).await.unwrap_err();
        assert!(error.to_string().contains("more than the 40 allowed"), "{error}");
        // The future of the builder may be passed on like any other.
        let again = tokio::time::timeout(Duration::from_mins(1), EventStore::connect(&url));
        again.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_backend_is_found_by_its_type_through_every_handle() {
    let store = EventStore::connect("memory:").await.unwrap();
    assert!(store.backend::<MemoryAdapter>().is_some());
    assert!(store.backend::<SqliteAdapter>().is_none());
    let shared: Arc<dyn Adapter> = Arc::new(Arc::new(MemoryAdapter::new()));
    let boxed: Box<dyn Adapter> = Box::new(shared);
    let store = EventStore::builder(Arc::new(boxed)).build().unwrap();
    assert!(store.all_tenants().backend::<MemoryAdapter>().is_some());
}

#[tokio::test]
async fn a_file_that_is_not_migrated_is_refused_untouched_and_migrated_on_purpose() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.db");
    let url = format!("sqlite:{}", path.display());
    let schema = EventStore::connect(&url).schema().await.unwrap();
    let pending = schema.pending().await.unwrap();
    for migrate in [Migrate::Never, Migrate::Check] {
        let error = EventStore::connect(&url).migrate(migrate).await.unwrap_err();
        let said = with_causes(&error);
        assert!(pending.iter().all(|it| said.contains(&it.name)), "{said}");
        assert!(said.contains("does not exist") && said.contains(".apply()"), "{said}");
    }
    schema.sql().await.unwrap();
    assert!(!path.exists(), "nothing was created");
    assert_eq!(schema.apply().await.unwrap(), pending);
    assert_eq!(schema.apply().await.unwrap(), []);
    let store = EventStore::connect(&url).migrate(Migrate::Check).await.unwrap();
    store.append(&stream(), ExpectedVersion::NoStream, [Noted::new("x")]).await.unwrap();
    assert_eq!(store.schema().pending().await.unwrap(), []);
    assert_eq!(store.schema().apply().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_the_script_wrote_is_a_store() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.db");
    let url = format!("sqlite:{}", path.display());
    let script = EventStore::connect(&url).schema().await.unwrap().sql().await.unwrap();
    let (begin, rest) = script.split_once("-- 0002_").unwrap();
    // By the first migration alone, as an earlier program; then by what is left.
    run(&path, format!("{begin}COMMIT;")).await;
    let schema = EventStore::connect(&url).schema().await.unwrap();
    let left = schema.sql().await.unwrap();
    assert!(left.contains("-- 0002_") && !left.contains("-- 0001_"), "{left}");
    assert_eq!(
        rest.matches("INSERT INTO schema_migrations").count(),
        schema.pending().await.unwrap().len()
    );
    let error = EventStore::connect(&url).migrate(Migrate::Check).await.unwrap_err();
    assert!(with_causes(&error).contains("0002_identity"), "{}", with_causes(&error));
    run(&path, left).await;
    assert_eq!(schema.pending().await.unwrap(), []);
    let store = EventStore::connect(&url).migrate(Migrate::Check).await.unwrap();
    store.append(&stream(), ExpectedVersion::NoStream, [Noted::new("x")]).await.unwrap();
    assert!(store.verify().await.unwrap().is_sound());
}

/// Runs a script as another program does.
async fn run(path: &std::path::Path, script: String) {
    use sqlx::{AssertSqlSafe, Connection};

    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_store_in_memory_has_no_schema_to_migrate() {
    for migrate in [Migrate::Never, Migrate::Check] {
        let store = EventStore::connect("memory:").migrate(migrate).await.unwrap();
        assert_eq!(store.schema().pending().await.unwrap(), []);
        assert_eq!(store.schema().sql().await.unwrap(), "");
        assert_eq!(store.schema().apply().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_url_without_a_file_is_refused_with_words() {
    for url in ["sqlite:", "sqlite://", "sqlite:?readers=2"] {
        let error = EventStore::connect(url).await.unwrap_err();
        assert_eq!(error.code(), "invalid_url");
        assert!(error.to_string().contains("names no file"), "{error}");
    }
}
