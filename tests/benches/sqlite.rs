//! Appends and reads on SQLite against raw statements through sqlx on an open connection, in alternation.
//!
//! Raw: the same table with all its indexes and the same settings in a separate file, without the row of the stream. Only
//! the ratios are meaningful, see `tests/benches/README.md`.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::path::Path;
use std::time::Instant;

use event_core::BatchSize;
use event_sqlite::SqliteOptions;
use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use uuid::Uuid;

use crate::comparison::{Comparison, METADATA, next};
use crate::guess::Guess;

#[path = "support/comparison.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod comparison;
#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;

const INSERT: &str = "INSERT INTO events (stream_key, version, recorded_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      VALUES (?1, ?2, ?3, ?4, 1, 1, 2, 'bench.guess', ?5, ?6)";
const COLUMNS: &str = "SELECT data, metadata, event_id, version, position, recorded_at FROM events";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` every case runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let folder = tempfile::tempdir().unwrap();
    let (ours, raw) = (folder.path().join("ours.db"), folder.path().join("raw.db"));
    let adapter = SqliteOptions::new(&ours).connect().await.unwrap();
    // Pages of the default size: the next one is read while one is decoded.
    let comparison = Comparison { page: BatchSize::default(), ..Comparison::new(adapter, short) };
    copy_table(&ours, &raw).await;
    comparison.print_header("SQLite, WAL, synchronous FULL");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_selected = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if is_selected("appends") {
        appends(&comparison, &raw).await;
    }
    if is_selected("reads") {
        reads(&comparison, &ours, if short { 1_000 } else { 300_000 }).await;
    }
    comparison.store.close().await;
}

async fn appends(comparison: &Comparison, raw: &Path) {
    let raw_one = || raw_inserts(comparison, raw, 1);
    comparison.compare("1 event, 1 task", "0.8 | 1.0", raw_one, || comparison.ours(1, 1)).await;
    comparison
        .compare("1 event, 64 tasks, raw at 1", "5.0 | ", raw_one, || comparison.ours(64, 1))
        .await;
    comparison
        .compare(
            "100 events, 1 task, raw in one transaction",
            " | ",
            || raw_inserts(comparison, raw, 100),
            || comparison.ours(1, 100),
        )
        .await;
}

async fn reads(comparison: &Comparison, ours: &Path, everything: usize) {
    let long = comparison.fill(everything).await;
    let mut connection = connect(ours).await;
    let key: i64 = sqlx::query("SELECT stream_key FROM streams WHERE stream_id = ?1")
        .bind(long.as_str().to_owned())
        .fetch_one(&mut connection)
        .await
        .unwrap()
        .get(0);
    let one = format!("{COLUMNS} WHERE stream_key = ?1 ORDER BY version");
    let all = format!("{COLUMNS} WHERE position > ?1 ORDER BY position LIMIT 300000");
    comparison
        .compare(
            "one stream of 10 000, decoded",
            "0.85 | 1.0",
            || raw_read(ours, &one, key),
            || comparison.read_stream(&long),
        )
        .await;
    comparison
        .compare(
            "everything in global order, decoded",
            "0.85 | 1.0",
            || raw_read(ours, &all, 0),
            || comparison.read_all(),
        )
        .await;
}

/// Inserts one event per statement, `events` statements per transaction.
async fn raw_inserts(comparison: &Comparison, path: &Path, events: usize) -> f64 {
    let connection = connect(path).await;
    let shared = std::sync::Arc::new(tokio::sync::Mutex::new(connection));
    let end = Instant::now() + comparison.time;
    comparison
        .rate(1, events, |_| {
            let (shared, data) = (std::sync::Arc::clone(&shared), comparison.data.clone());
            async move {
                let mut connection = shared.lock().await;
                let (mut calls, stream) = (0, next().cast_signed());
                while Instant::now() < end {
                    if events > 1 {
                        run(&mut connection, "BEGIN IMMEDIATE").await;
                    }
                    for n in 0..events {
                        let version = calls * events + n + 1;
                        insert(&mut connection, stream, version, &data).await;
                    }
                    if events > 1 {
                        run(&mut connection, "COMMIT").await;
                    }
                    calls += 1;
                }
                calls as u64
            }
        })
        .await
}

async fn insert(connection: &mut SqliteConnection, stream: i64, version: usize, data: &str) {
    sqlx::query(INSERT)
        .bind(stream)
        .bind(i64::try_from(version).unwrap())
        .bind(chrono::Utc::now().timestamp_micros())
        .bind(Uuid::now_v7())
        .bind(data.to_owned())
        .bind(METADATA)
        .execute(connection)
        .await
        .unwrap();
}

async fn raw_read(path: &Path, statement: &str, from: i64) -> f64 {
    let mut connection = connect(path).await;
    let started = Instant::now();
    let query = sqlx::query(AssertSqlSafe(statement.to_owned())).bind(from);
    let mut rows = query.fetch(&mut connection);
    let mut count = 0;
    while let Some(row) = rows.try_next().await.unwrap() {
        let guess: Guess = serde_json::from_str(row.get(0)).unwrap();
        std::hint::black_box(guess);
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .row_buffer_size(256)
        .disable_statement_logging()
        .connect()
        .await
        .unwrap()
}

/// Creates the table of events with its indexes as in our file.
async fn copy_table(ours: &Path, raw: &Path) {
    let mut from = connect(ours).await;
    let mut to = connect(raw).await;
    let statements = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'events' AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC";
    for row in sqlx::query(statements).fetch_all(&mut from).await.unwrap() {
        let statement: String = row.get(0);
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut to).await.unwrap();
    }
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::query(statement).execute(connection).await.unwrap();
}
