//! Projections that take long, and projections that fail: the limit is one for a statement, and the error says what failed.

use std::sync::Arc;
use std::time::Duration;

use event_core::error::{BoxError, with_causes};
use event_core::{NewEvent, Position, RecordedEvent};
use event_postgres::{PgAdapter, PgProjection};
use event_testing::Noted;
use sqlx::PgConnection;

use super::{Notes, append, store};
use crate::pg;

/// Writes all events of a batch by one statement, which takes 20 ms an event; what else an event does is its text.
struct Slow;

impl PgProjection for Slow {
    type Event = Notes;
    const NAME: &'static str = "slow";
    const BUILD: u32 = 3;

    async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql("CREATE TABLE written (n bigint)").execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        let mut many = 0;
        for (event, _) in &events {
            let Notes::Noted(noted) = event else { continue };
            let statement = match noted.text.as_str() {
                "for ever" => "SELECT pg_sleep(60)",
                "typo" => "INSERT INTO wirtten VALUES (1)",
                "syntax" => "INSERT INTO written VALUSE (1)",
                "twice" => "ALTER TABLE written ADD COLUMN n bigint",
                "refuse" => return Err("refused by hand".into()),
                "one by one" => "SELECT pg_sleep(0.1)",
                _ => {
                    many += 1;
                    continue;
                }
            };
            sqlx::query(statement).execute(&mut *connection).await?;
        }
        sqlx::query("INSERT INTO written SELECT $1 FROM pg_sleep($2)")
            .bind(i64::try_from(events.len())?)
            .bind(0.02 * f64::from(many))
            .execute(connection)
            .await?;
        Ok(())
    }
}

async fn open(database: &pg::Database<'_>, limit: Duration) -> Arc<PgAdapter> {
    Arc::new(database.options().statement_timeout(limit).connect().await.unwrap())
}

fn texts(text: &str, count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| Noted::new(text).into()).collect()
}

#[tokio::test]
async fn batches_halve_until_their_statements_fit() {
    let database = pg::shared().database().await;
    let adapter = open(&database, Duration::from_millis(300)).await;
    append(&store(&adapter), "note-1", texts("x", 100)).await;
    let mut projector = adapter.projector(Slow).await.unwrap();
    let mut positions = Vec::new();
    let written = projector.catch_up().progress(|at| positions.push(at.position)).await.unwrap();
    assert_eq!(written, 100);
    let mut connection = database.connection().await;
    let most = pg::number(&mut connection, "SELECT max(n) FROM slow_3.written").await;
    assert!((2..64).contains(&most), "{most} at once");
    assert_eq!(pg::number(&mut connection, "SELECT sum(n)::bigint FROM slow_3.written").await, 100);
}

#[tokio::test]
async fn a_transaction_may_take_longer_than_a_statement() {
    let database = pg::shared().database().await;
    let adapter = open(&database, Duration::from_millis(200)).await;
    // The answer to a statement may take 5.2 s, all of them take 6.
    append(&store(&adapter), "note-1", texts("one by one", 60)).await;
    let mut projector = adapter.projector(Slow).await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), 60);
}

#[tokio::test]
async fn an_event_that_does_not_fit_alone_is_named() {
    let database = pg::shared().database().await;
    let adapter = open(&database, Duration::from_millis(200)).await;
    let store = store(&adapter);
    append(&store, "note-1", texts("x", 20)).await;
    let at = append(&store, "note-2", texts("for ever", 1)).await;
    append(&store, "note-1", texts("x", 20)).await;
    let mut projector = adapter.projector(Slow).await.unwrap();
    for run in [false, true] {
        let ended = if run { projector.run().await } else { projector.catch_up().await.map(drop) };
        let error = ended.unwrap_err();
        let words = with_causes(&error);
        for part in ["`slow`, build 3", "note-2", "noted v1", "pg_sleep(60)", "limit of time"] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(words.contains(&format!("position {at}")) && !error.is_transient(), "{words}");
        let status = projector.status().await.unwrap();
        assert_eq!((status.events, status.position.get()), (20, at.get() - 1));
    }
}

#[tokio::test]
async fn a_failure_names_build_event_and_statement() {
    for (text, statement, reason) in [
        ("typo", "INSERT INTO wirtten VALUES (1)", "wirtten"),
        ("syntax", "INSERT INTO written VALUSE (1)", "syntax error"),
        ("twice", "ALTER TABLE written ADD COLUMN n bigint", "already exists"),
        ("refuse", "", "refused by hand"),
    ] {
        let database = pg::shared().database().await;
        let adapter = database.adapter().await;
        let adapter = Arc::new(adapter);
        let store = store(&adapter);
        append(&store, "note-1", texts("x", 3)).await;
        let at = append(&store, "note-7", texts(text, 1)).await;
        append(&store, "note-1", texts("x", 3)).await;
        let event = store.read_all(event_core::AllOptions::new()).await.unwrap();
        let id = event[3].event_id().to_string();
        let mut projector = adapter.projector(Slow).await.unwrap();
        let error = projector.catch_up().await.unwrap_err();
        let words = with_causes(&error);
        let position = format!("position {at}");
        for part in ["`slow`, build 3", &id, &position, "noted v1", "note-7", statement, reason] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(!words.contains("dropped") && !error.is_transient(), "{words}");
        assert_eq!(projector.status().await.unwrap().position, Position::START);
    }
}
