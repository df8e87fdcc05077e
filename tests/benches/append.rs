//! Appends and reads on PostgreSQL against raw statements on the same private server, with fsync, in alternation.
//!
//! Raw: the same table with all its indexes, without the row of the stream; one statement on an open connection. Only the
//! ratios are meaningful, see `tests/benches/README.md`.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use event_core::StreamId;
use futures_util::future::{Either, select};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::comparison::{Comparison, METADATA, next};
use crate::guess::Guess;

#[path = "support/comparison.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod comparison;
#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "../support/pg.rs"]
mod pg;

const INSERT: &str = "INSERT INTO raw_events (stream_key, version, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      VALUES ($1, $2, $3, 1, 1, 2, 'bench.guess', $4, $5)";
const UNNEST: &str = "INSERT INTO raw_events (stream_key, version, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      SELECT $1, u.ord, u.id, 1, 1, 2, 'bench.guess', u.data::json, u.meta::json \
                      FROM unnest($2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY u (id, data, meta, ord)";
const ONE_STREAM: &str = "SELECT data, metadata, event_id, version, position, created_at FROM event_store.events \
                          WHERE tenant_key = 1 AND stream_key = $1 ORDER BY version";

struct Bench {
    url: String,
    comparison: Comparison,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` every case runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let cluster =
        pg::Cluster::start_with(pg::Fsync::On, "-c shared_buffers=512MB -c max_wal_size=4GB");
    let database = cluster.database().await;
    let adapter = database.options().pool_size(16).connect().await.unwrap();
    let mut admin = database.connection().await;
    pg::run(&mut admin, "CREATE TABLE raw_events (LIKE event_store.events INCLUDING ALL)").await;
    let bench = Bench { url: database.url.clone(), comparison: Comparison::new(adapter, short) };
    bench.comparison.print_header("PostgreSQL, fsync on");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_selected = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if is_selected("appends") {
        bench.appends().await;
    }
    if is_selected("loads") {
        bench.loads(if short { 20 } else { 2_000 }).await;
    }
    if is_selected("reads") {
        bench.reads(if short { 1_000 } else { 300_000 }).await;
    }
    if is_selected("neighbours") {
        let apart = database.options().pool_size(16).append_lanes(0).connect().await.unwrap();
        bench.neighbours(Comparison::new(apart, short), &mut admin).await;
    }
    bench.comparison.store.close().await;
}

impl Bench {
    async fn appends(&self) {
        self.comparison
            .compare(
                "1 event, 1 task, raw through sqlx",
                "0.85 | 0.95",
                || self.raw_by_sqlx(),
                || self.comparison.ours(1, 1),
            )
            .await;
        self.comparison
            .compare(
                "1 event, 16 tasks",
                " | ",
                || self.raw_one(16),
                || self.comparison.ours(16, 1),
            )
            .await;
        self.comparison
            .compare(
                "1 event, 64 tasks",
                "1.5 | 2.0",
                || self.raw_one(64),
                || self.comparison.ours(64, 1),
            )
            .await;
        self.comparison
            .compare(
                "1 event, 512 tasks, raw at 64",
                "3.0 | 4.5",
                || self.raw_one(64),
                || self.comparison.ours(512, 1),
            )
            .await;
        self.comparison
            .compare(
                "100 events, 1 task",
                "0.85 | 1.0",
                || self.raw_many(100),
                || self.comparison.ours(1, 100),
            )
            .await;
        self.comparison
            .compare(
                "1000 events, 1 task",
                "0.85 | 1.0",
                || self.raw_many(1_000),
                || self.comparison.ours(1, 1_000),
            )
            .await;
    }

    /// What appends do to each other; `apart` stores each append alone.
    async fn neighbours(&self, apart: Comparison, admin: &mut PgConnection) {
        self.comparison
            .compare(
                "one hot stream, 64 tasks, raw: without lanes",
                "1.0 | ",
                || apart.one_stream(64),
                || self.comparison.one_stream(64),
            )
            .await;
        let locked = StreamId::new("bench-locked").unwrap();
        self.comparison.append_to(&locked).await;
        let admin = tokio::sync::Mutex::new(admin);
        self.comparison
            .compare(
                "100 tasks beside a locked stream, raw: without",
                "0.9 | ",
                || self.comparison.ours(100, 1),
                || async {
                    let mut admin = admin.lock().await;
                    pg::run(*admin, "BEGIN; SELECT FROM event_store.streams WHERE stream_id = 'bench-locked' FOR UPDATE")
                        .await;
                    let waits = self.comparison.append_to(&locked);
                    let rate = self.comparison.ours(100, 1);
                    let rate = match select(pin!(rate), pin!(waits)).await {
                        Either::Left((rate, _)) => rate,
                        Either::Right(((), _)) => unreachable!("the stream is locked"),
                    };
                    pg::run(*admin, "ROLLBACK").await;
                    rate
                },
            )
            .await;
        apart.store.close().await;
    }

    async fn connection(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn raw_one(&self, connections: usize) -> f64 {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = self.connection().await;
            let statement = client.prepare(INSERT).await.unwrap();
            clients.push(Arc::new((client, statement)));
        }
        let (end, data) = (Instant::now() + self.comparison.time, self.comparison.data.clone());
        self.comparison
            .rate(connections, 1, |n| {
                let (shared, data) = (Arc::clone(&clients[n]), data.clone());
                async move {
                    let data = RawValue::from_string(data).unwrap();
                    let metadata = RawValue::from_string(METADATA.into()).unwrap();
                    let (mut calls, stream) = (0_u64, next().cast_signed());
                    while Instant::now() < end {
                        calls += 1;
                        let id = Uuid::now_v7();
                        let version = calls.cast_signed();
                        let (client, statement) = &*shared;
                        client
                            .execute(
                                statement,
                                &[&stream, &version, &id, &Json(&*data), &Json(&*metadata)],
                            )
                            .await
                            .unwrap();
                    }
                    calls
                }
            })
            .await
    }

    /// The same statement through sqlx, the driver of the adapter.
    async fn raw_by_sqlx(&self) -> f64 {
        let mut connection = pg::connect(&self.url).await;
        let end = Instant::now() + self.comparison.time;
        let data = RawValue::from_string(self.comparison.data.clone()).unwrap();
        let metadata = RawValue::from_string(METADATA.into()).unwrap();
        let (started, mut calls, stream) = (Instant::now(), 0_u32, next().cast_signed());
        while Instant::now() < end {
            calls += 1;
            sqlx::query(INSERT)
                .bind(stream)
                .bind(i64::from(calls))
                .bind(Uuid::now_v7())
                .bind(sqlx::types::Json(&*data))
                .bind(sqlx::types::Json(&*metadata))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        f64::from(calls) / started.elapsed().as_secs_f64()
    }

    async fn raw_many(&self, events: usize) -> f64 {
        let client = self.connection().await;
        let statement = client.prepare(UNNEST).await.unwrap();
        let shared = Arc::new((client, statement));
        let (end, data) = (Instant::now() + self.comparison.time, self.comparison.data.clone());
        self.comparison
            .rate(1, events, |_| {
                let (shared, data) = (Arc::clone(&shared), data.clone());
                async move {
                    let mut calls = 0;
                    while Instant::now() < end {
                        let ids: Vec<Uuid> = (0..events).map(|_| Uuid::now_v7()).collect();
                        let (datas, metas) = (vec![data.as_str(); events], vec![METADATA; events]);
                        let (client, statement) = &*shared;
                        client
                            .execute(statement, &[&next().cast_signed(), &ids, &datas, &metas])
                            .await
                            .unwrap();
                        calls += 1;
                    }
                    calls
                }
            })
            .await
    }

    /// Loads whole streams of fifty events in sixteen tasks.
    async fn loads(&self, streams: usize) {
        let streams = Arc::new(self.comparison.fill_streams(streams, 50).await);
        let client = self.connection().await;
        client.batch_execute("VACUUM ANALYZE").await.unwrap();
        let named: Vec<&str> = streams.iter().map(StreamId::as_str).collect();
        let rows = client
            .query(
                "SELECT stream_key FROM event_store.streams WHERE stream_id = ANY ($1)",
                &[&named],
            )
            .await
            .unwrap();
        let keys: Arc<Vec<i64>> = Arc::new(rows.iter().map(|row| row.get(0)).collect());
        self.comparison
            .compare(
                "streams of 50, 16 tasks",
                "0.85 | 1.0",
                || self.raw_loads(&keys),
                || self.comparison.load_rate(16, &streams),
            )
            .await;
    }

    async fn raw_loads(&self, keys: &Arc<Vec<i64>>) -> f64 {
        let mut clients = Vec::new();
        for _ in 0..16 {
            let client = self.connection().await;
            let statement = client.prepare(ONE_STREAM).await.unwrap();
            clients.push(Arc::new((client, statement)));
        }
        let end = Instant::now() + self.comparison.time;
        self.comparison
            .rate(16, 1, |n| {
                let (shared, keys) = (Arc::clone(&clients[n]), Arc::clone(keys));
                async move {
                    let mut loads = 0;
                    while Instant::now() < end {
                        let key = fastrand::choice(keys.iter()).unwrap();
                        let rows = shared.0.query(&shared.1, &[key]).await.unwrap();
                        for row in &rows {
                            let Json(guess): Json<Guess> = row.get(0);
                            std::hint::black_box(guess);
                        }
                        loads += 1;
                    }
                    loads
                }
            })
            .await
    }

    async fn reads(&self, everything: usize) {
        let long = self.comparison.fill(everything).await;
        let client = self.connection().await;
        client.batch_execute("ANALYZE").await.unwrap();
        let key: i64 = client
            .query_one(
                "SELECT stream_key FROM event_store.streams WHERE stream_id = $1",
                &[&long.as_str()],
            )
            .await
            .unwrap()
            .get(0);
        let all = "SELECT data, metadata, event_id, version, position, created_at FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 300000";
        self.comparison
            .compare(
                "one stream of 10 000, decoded",
                "0.75 | 1.0",
                || raw_read(&client, ONE_STREAM, key),
                || self.comparison.read_stream(&long),
            )
            .await;
        self.comparison
            .compare(
                "everything in global order, decoded",
                "0.75 | 1.0",
                || raw_read(&client, all, 0),
                || self.comparison.read_all(),
            )
            .await;
    }
}

async fn raw_read(client: &tokio_postgres::Client, statement: &str, from: i64) -> f64 {
    let started = Instant::now();
    let rows = client.query(statement, &[&from]).await.unwrap();
    for row in &rows {
        let Json(guess): Json<Guess> = row.get(0);
        std::hint::black_box(guess);
    }
    rows.len() as f64 / started.elapsed().as_secs_f64()
}
