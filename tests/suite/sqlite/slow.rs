//! Projections that take long, and projections that fail: appends wait for a bounded time, and the error says what failed.

use std::sync::Arc;
use std::time::Duration;

use event_core::error::{BoxError, with_causes};
use event_core::{Event, EventStore, ExpectedVersion, NewEvent, RecordedEvent};
use event_sqlite::{SqliteProjection, SqliteTables};
use event_testing::Noted;
use sqlx::sqlite::SqliteConnection;

use super::{new_file, open, plain_connection, stream};

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

/// Counts the events of each batch, 0.1 s an event if it says so, and fails as its text says.
struct Slow;

impl SqliteProjection for Slow {
    type Event = Notes;
    const NAME: &'static str = "slow";
    const BUILD: u32 = 3;

    async fn create(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
    ) -> Result<(), BoxError> {
        let table = "CREATE TABLE {written} (n INTEGER NOT NULL) STRICT";
        sqlx::query(tables.sql(table)).execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        for (Notes::Noted(noted), _) in &events {
            let statement = match noted.text.as_str() {
                "slow" => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
                "typo" => "INSERT INTO {wirtten} VALUES (1)",
                "syntax" => "INSERT INTO {written} VALUSE (1)",
                "refuse" => return Err("refused by hand".into()),
                _ => continue,
            };
            sqlx::query(tables.sql(statement)).execute(&mut *connection).await?;
        }
        sqlx::query(tables.sql("INSERT INTO {written} VALUES (?1)"))
            .bind(i64::try_from(events.len())?)
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn texts(text: &str, count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| Noted::new(text).into()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_halve_until_they_fit_and_appends_get_their_turn() {
    let path = new_file();
    let adapter = Arc::new(open(&path).await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let append = async |count| {
        let events = texts("slow", count);
        store.append(&stream("note-1"), ExpectedVersion::Any, events).await.unwrap()
    };
    append(64).await;
    let mut projector = adapter.projector(Slow).await.unwrap();
    let runner = tokio::spawn(async move { projector.catch_up().await });
    // The first transaction would take 6.4 s; it is undone after 5, and its halves are written.
    append(1).await;
    // The append may come before the first page is read.
    let applied = runner.await.unwrap().unwrap();
    assert!((64..=65).contains(&applied), "{applied}");
    let mut connection = plain_connection(&path).await;
    let written: Vec<(i64,)> =
        sqlx::query_as("SELECT n FROM slow_3_written").fetch_all(&mut connection).await.unwrap();
    assert_eq!(written.iter().map(|(n,)| n.unsigned_abs()).sum::<u64>(), applied);
    assert!(written.iter().all(|(n,)| *n < 64), "{written:?}");
}

#[tokio::test]
async fn a_failure_names_build_event_and_statement() {
    for (text, statement, reason) in [
        ("typo", "INSERT INTO slow_3_wirtten VALUES (1)", "no such table"),
        ("syntax", "INSERT INTO slow_3_written VALUSE (1)", "syntax error"),
        ("refuse", "", "refused by hand"),
    ] {
        let path = new_file();
        let adapter = Arc::new(open(&path).await);
        let store = EventStore::new(Arc::clone(&adapter)).unwrap();
        let append = async |name: &str, text: &str, count| {
            let events = texts(text, count);
            store.append(&stream(name), ExpectedVersion::Any, events).await.unwrap().position
        };
        append("note-1", "x", 3).await;
        let at = append("note-7", text, 1).await;
        append("note-1", "x", 3).await;
        let id = super::all_events(&store).await[3].event_id().to_string();
        let mut projector = adapter.projector(Slow).await.unwrap();
        let error = projector.catch_up().await.unwrap_err();
        let words = with_causes(&error);
        let position = format!("position {at}");
        for part in ["`slow`, build 3", &id, &position, "noted v1", "note-7", statement, reason] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(!error.is_transient(), "{words}");
        assert_eq!(projector.status().await.unwrap().events, 0);
        // Nothing is left of the search for the event.
        append("note-1", "x", 1).await;
    }
}

#[tokio::test]
async fn a_prefix_that_a_row_names_is_not_believed() {
    let path = new_file();
    let adapter = Arc::new(open(&path).await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, texts("x", 2)).await.unwrap();
    let mut connection = plain_connection(&path).await;
    super::run(
        &mut connection,
        "INSERT INTO projections (name, build, prefix, filter) VALUES ('evil', 1, 'ev', 'all'), ('evil', 2, '', 'all'), ('%', 1, 'str', 'all')",
    )
    .await;
    assert_eq!(
        adapter.projection_status("evil", Some(1)).await.unwrap().unwrap().schema,
        "evil_1_"
    );
    for (name, build) in [("evil", 1), ("evil", 2), ("%", 1)] {
        let _ = adapter.drop_projection(name, build).await;
    }
    assert_eq!(super::all_events(&store).await.len(), 2);
}

/// Appends through the store that it is run for.
struct Nested(EventStore);

impl SqliteProjection for Nested {
    type Event = Notes;
    const NAME: &'static str = "nested";
    const BUILD: u32 = 1;

    async fn create(&self, _: &mut SqliteConnection, _: &SqliteTables) -> Result<(), BoxError> {
        Ok(())
    }

    async fn apply(
        &self,
        _: &mut SqliteConnection,
        _: &SqliteTables,
        _: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        self.0.append(&stream("note-2"), ExpectedVersion::Any, texts("inner", 1)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn an_append_by_a_projection_is_refused() {
    let adapter = Arc::new(open(&new_file()).await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("note-1"), ExpectedVersion::Any, texts("x", 1)).await.unwrap();
    let mut projector = adapter.projector(Nested(store.clone())).await.unwrap();
    let words = with_causes(&projector.catch_up().await.unwrap_err());
    assert!(words.contains("called by a projection"), "{words}");
    assert_eq!(super::all_events(&store).await.len(), 1);
}
