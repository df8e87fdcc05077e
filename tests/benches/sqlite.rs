//! Appends and reads on SQLite against raw statements through sqlx on a held connection, in turns.
//!
//! Raw: the same table with all its indexes and the same settings in a file of its own, without the streams row. Read the
//! ratios; `tests/benches/README.md` says how.

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

use crate::guess::Guess;
use crate::versus::{METADATA, Versus, next};

#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses a part")]
mod guess;
#[path = "support/versus.rs"]
#[allow(dead_code, reason = "each bench uses a part")]
mod versus;

const INSERT: &str = "INSERT INTO events (stream_key, version, recorded_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      VALUES (?1, ?2, ?3, ?4, 1, 1, 2, 'bench.guess', ?5, ?6)";
const COLUMNS: &str = "SELECT data, metadata, event_id, version, position, recorded_at FROM events";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `--test`: everything runs once, shortly, to show that it does.
    let short = std::env::args().any(|argument| argument == "--test");
    let folder = tempfile::tempdir().unwrap();
    let (ours, raw) = (folder.path().join("ours.db"), folder.path().join("raw.db"));
    let adapter = SqliteOptions::new(&ours).connect().await.unwrap();
    // Pages as they come by default: the next one is read while one is decoded.
    let versus = Versus { page: BatchSize::default(), ..Versus::new(adapter, short) };
    copy_table(&ours, &raw).await;
    versus.head("SQLite, WAL, synchronous FULL");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_meant = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if is_meant("appends") {
        appends(&versus, &raw).await;
    }
    if is_meant("reads") {
        reads(&versus, &ours, if short { 1_000 } else { 300_000 }).await;
    }
    versus.store.close().await;
}

async fn appends(versus: &Versus, raw: &Path) {
    let raw_one = || raw_inserts(versus, raw, 1);
    versus.compare("1 event, 1 task", "0.8 | 1.0", raw_one, || versus.ours(1, 1)).await;
    versus.compare("1 event, 64 tasks, raw at 1", "5.0 | ", raw_one, || versus.ours(64, 1)).await;
    versus
        .compare(
            "100 events, 1 task, raw in one transaction",
            " | ",
            || raw_inserts(versus, raw, 100),
            || versus.ours(1, 100),
        )
        .await;
}

async fn reads(versus: &Versus, ours: &Path, everything: usize) {
    let long = versus.fill(everything).await;
    let mut connection = connect(ours).await;
    let key: i64 = sqlx::query("SELECT stream_key FROM streams WHERE stream_id = ?1")
        .bind(long.as_str().to_owned())
        .fetch_one(&mut connection)
        .await
        .unwrap()
        .get(0);
    let one = format!("{COLUMNS} WHERE stream_key = ?1 ORDER BY version");
    let all = format!("{COLUMNS} WHERE position > ?1 ORDER BY position LIMIT 300000");
    versus
        .compare(
            "one stream of 10 000, decoded",
            "0.85 | 1.0",
            || raw_read(ours, &one, key),
            || versus.read_stream(&long),
        )
        .await;
    versus
        .compare(
            "everything in global order, decoded",
            "0.85 | 1.0",
            || raw_read(ours, &all, 0),
            || versus.read_all(),
        )
        .await;
}

/// One insert a statement, so many a transaction.
async fn raw_inserts(versus: &Versus, path: &Path, events: usize) -> f64 {
    let connection = connect(path).await;
    let held = std::sync::Arc::new(tokio::sync::Mutex::new(connection));
    let end = Instant::now() + versus.time;
    versus
        .rate(1, events, |_| {
            let (held, data) = (std::sync::Arc::clone(&held), versus.data.clone());
            async move {
                let mut connection = held.lock().await;
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

/// The table of events and its indexes, as our file has them.
async fn copy_table(ours: &Path, raw: &Path) {
    let mut from = connect(ours).await;
    let mut to = connect(raw).await;
    let statements = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'events' AND sql IS NOT NULL ORDER BY type DESC";
    for row in sqlx::query(statements).fetch_all(&mut from).await.unwrap() {
        let statement: String = row.get(0);
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut to).await.unwrap();
    }
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::query(statement).execute(connection).await.unwrap();
}
