//! Appends and reads on PostgreSQL against raw statements on the same private server, fsync on, in turns.
//!
//! Raw: the same table with all its indexes, without the streams row; one statement, a held connection. Read the
//! ratios; `tests/benches/README.md` says how.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event_core::{
    AllOptions, BatchSize, Event, EventStore, EventVersion, ExpectedVersion, Metadata, NewEvent,
    ReadOptions, StreamId, StreamVersion,
};
use event_postgres::PgAdapter;
use serde_json::value::RawValue;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::guess::Guess;

#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses a part")]
mod guess;
#[path = "../support/pg.rs"]
mod pg;

/// A closed set, as games have it.
#[derive(Debug, Event)]
enum GuessEvent {
    Guess(Guess),
}

const INSERT: &str = "INSERT INTO raw_events (stream_key, version, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      VALUES ($1, $2, $3, 1, 1, 2, 'bench.guess', $4, $5)";
const UNNEST: &str = "INSERT INTO raw_events (stream_key, version, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      SELECT $1, u.ord, u.id, 1, 1, 2, 'bench.guess', u.data::json, u.meta::json \
                      FROM unnest($2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY u (id, data, meta, ord)";
const METADATA: &str = r#"{"source_id":"812345678901234567","correlation_id":"game-0001-aaaaaaaa","actor_id":"712345678901234561","client":"1.0.0"}"#;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

struct Bench {
    url: String,
    store: EventStore,
    data: String,
    time: Duration,
    rounds: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `--test`: everything runs once, shortly, to show that it does.
    let short = std::env::args().any(|argument| argument == "--test");
    let cluster =
        pg::Cluster::start_with(pg::Fsync::On, "-c shared_buffers=512MB -c max_wal_size=4GB");
    let database = cluster.database().await;
    let adapter = PgAdapter::connect_with(database.options().pool_size(16)).await.unwrap();
    let store = EventStore::builder(adapter).stream_limit(None).build().unwrap();
    let mut admin = database.connection().await;
    pg::run(&mut admin, "CREATE TABLE raw_events (LIKE event_store.events INCLUDING ALL)").await;
    let bench = Bench {
        url: database.url.clone(),
        store,
        data: guess::stored().1.data().get().to_owned(),
        time: if short { Duration::from_millis(50) } else { Duration::from_millis(1_500) },
        rounds: if short { 1 } else { 5 },
    };
    println!("PostgreSQL, fsync on; medians of {} rounds in turns (least to most)", bench.rounds);
    println!("| Work | of raw | raw | ours | must | aim |");
    println!("|---|---|---|---|---|---|");
    bench.appends().await;
    bench.reads(if short { 1_000 } else { 300_000 }).await;
    bench.store.close().await;
}

impl Bench {
    async fn appends(&self) {
        self.compare("1 event, 1 task", "0.85 | 0.95", || self.raw_one(1), || self.ours(1, 1))
            .await;
        self.compare("1 event, 16 tasks", " | ", || self.raw_one(16), || self.ours(16, 1)).await;
        self.compare("1 event, 64 tasks", "1.5 | 2.0", || self.raw_one(64), || self.ours(64, 1))
            .await;
        self.compare(
            "1 event, 512 tasks, raw at 64",
            "3.0 | 4.5",
            || self.raw_one(64),
            || self.ours(512, 1),
        )
        .await;
        self.compare(
            "100 events, 1 task",
            "0.85 | 1.0",
            || self.raw_many(100),
            || self.ours(1, 100),
        )
        .await;
        self.compare(
            "1000 events, 1 task",
            "0.85 | 1.0",
            || self.raw_many(1_000),
            || self.ours(1, 1_000),
        )
        .await;
    }

    /// Measures both in turns and prints a line of the table; figures are events a second.
    async fn compare<R, O>(
        &self,
        name: &str,
        bounds: &str,
        raw: impl Fn() -> R,
        ours: impl Fn() -> O,
    ) where
        R: Future<Output = f64>,
        O: Future<Output = f64>,
    {
        let (mut raws, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let (r, o) = if round % 2 == 0 {
                let r = raw().await;
                (r, ours().await)
            } else {
                let o = ours().await;
                (raw().await, o)
            };
            raws.push(r);
            own.push(o);
            ratios.push(o / r);
        }
        let [low, median, high] = spread(&mut ratios);
        println!(
            "| {name} | {median:.2} ({low:.2} to {high:.2}) | {:.0}/s | {:.0}/s | {bounds} |",
            spread(&mut raws)[1],
            spread(&mut own)[1]
        );
    }

    async fn connection(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Runs tasks for the time of a measurement; what one call of `work` stores, times the calls, a second.
    async fn rate<F>(&self, tasks: usize, per_call: usize, work: impl Fn(usize) -> F) -> f64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let started = Instant::now();
        let tasks: Vec<_> = (0..tasks).map(|n| tokio::spawn(work(n))).collect();
        let mut calls = 0;
        for task in tasks {
            calls += task.await.unwrap();
        }
        calls as f64 * per_call as f64 / started.elapsed().as_secs_f64()
    }

    async fn raw_one(&self, connections: usize) -> f64 {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = self.connection().await;
            let statement = client.prepare(INSERT).await.unwrap();
            clients.push(Arc::new((client, statement)));
        }
        let (end, data) = (Instant::now() + self.time, self.data.clone());
        self.rate(connections, 1, |n| {
            let (held, data) = (Arc::clone(&clients[n]), data.clone());
            async move {
                let data = RawValue::from_string(data).unwrap();
                let metadata = RawValue::from_string(METADATA.into()).unwrap();
                let (mut calls, stream) = (0_u64, next().cast_signed());
                while Instant::now() < end {
                    calls += 1;
                    let id = Uuid::now_v7();
                    let version = calls.cast_signed();
                    let (client, statement) = &*held;
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

    async fn raw_many(&self, events: usize) -> f64 {
        let client = self.connection().await;
        let statement = client.prepare(UNNEST).await.unwrap();
        let held = Arc::new((client, statement));
        let (end, data) = (Instant::now() + self.time, self.data.clone());
        self.rate(1, events, |_| {
            let (held, data) = (Arc::clone(&held), data.clone());
            async move {
                let mut calls = 0;
                while Instant::now() < end {
                    let ids: Vec<Uuid> = (0..events).map(|_| Uuid::now_v7()).collect();
                    let (datas, metas) = (vec![data.as_str(); events], vec![METADATA; events]);
                    let (client, statement) = &*held;
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

    /// Appends through the facade: each task has a stream of its own, a new one every twenty appends.
    async fn ours(&self, tasks: usize, events: usize) -> f64 {
        let (end, data) = (Instant::now() + self.time, self.data.clone());
        self.rate(tasks, events, |_| {
            let (store, data) = (self.store.clone(), data.clone());
            async move {
                let (mut calls, mut version, mut stream) = (0, 0, new_stream());
                while Instant::now() < end {
                    if calls % 20 == 0 {
                        (version, stream) = (0, new_stream());
                    }
                    let new: Vec<NewEvent> = (0..events).map(|_| new_event(&data)).collect();
                    let expected = ExpectedVersion::Exact(StreamVersion::new(version));
                    store.append(&stream, expected, new).await.unwrap();
                    version += events as u64;
                    calls += 1;
                }
                calls
            }
        })
        .await
    }

    async fn reads(&self, everything: usize) {
        let long = new_stream();
        let events = |count: usize| (0..count).map(|_| new_event(&self.data)).collect::<Vec<_>>();
        let streams: usize = everything / 10_000;
        for _ in 0..streams.max(1) {
            self.store
                .append(&new_stream(), ExpectedVersion::Any, events(10_000.min(everything)))
                .await
                .unwrap();
        }
        self.store
            .append(&long, ExpectedVersion::Any, events(10_000.min(everything)))
            .await
            .unwrap();
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
        let one = "SELECT data, metadata, event_id, version, position, created_at FROM event_store.events WHERE tenant_key = 1 AND stream_key = $1 ORDER BY version";
        let all = "SELECT data, metadata, event_id, version, position, created_at FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 300000";
        self.compare(
            "one stream of 10 000, decoded",
            "0.75 | 1.0",
            || raw_read(&client, one, key),
            || self.read_stream(&long),
        )
        .await;
        self.compare(
            "everything in global order, decoded",
            "0.75 | 1.0",
            || raw_read(&client, all, 0),
            || self.read_all(),
        )
        .await;
    }

    async fn read_stream(&self, stream: &StreamId) -> f64 {
        let started = Instant::now();
        let options = ReadOptions::forward().limit(BatchSize::new(10_000).unwrap());
        let mut events = self.store.stream_events(stream, options);
        let mut count = 0;
        while let Some(event) = events.next().await {
            std::hint::black_box(GuessEvent::try_from(&event.unwrap()).unwrap());
            count += 1;
        }
        f64::from(count) / started.elapsed().as_secs_f64()
    }

    async fn read_all(&self) -> f64 {
        let started = Instant::now();
        let options = AllOptions::new().limit(BatchSize::new(10_000).unwrap());
        let mut events = self.store.all_events(options);
        let mut count = 0;
        while let Some(event) = events.next().await {
            std::hint::black_box(GuessEvent::try_from(&event.unwrap()).unwrap());
            count += 1;
            if count == 300_000 {
                break;
            }
        }
        f64::from(count) / started.elapsed().as_secs_f64()
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

fn new_stream() -> StreamId {
    StreamId::new(format!("bench-{}", next())).unwrap()
}

fn new_event(data: &str) -> NewEvent {
    let data = RawValue::from_string(data.to_owned()).unwrap();
    NewEvent::raw(Guess::TYPE, EventVersion::new(2), data)
        .with_metadata(Metadata::from_json(METADATA).unwrap())
}

/// Least, median, most.
fn spread(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}
