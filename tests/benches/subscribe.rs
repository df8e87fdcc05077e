//! Subscriptions on PostgreSQL: latency from commit to handler against LISTEN and one read on open connections, catch-up
//! against a plain read, concurrent consumers, the cost of subscriptions for writers. Measured in alternation on a private
//! server with fsync; only the ratios are meaningful, see `tests/benches/README.md`.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event_core::{
    AllOptions, Error, EventStore, ExpectedVersion, Filter, NewEvent, Position, RecordedEvent,
    StartFrom, StreamId,
};
use tokio_postgres::AsyncMessage;

use crate::guess::Guess;

#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "../support/pg.rs"]
mod pg;

/// Stores an event and notifies in one statement: the fastest way for a single writer.
const RAW_APPEND: &str = "WITH i AS (INSERT INTO raw_events (stream_key, version, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                          VALUES (1, $1, gen_random_uuid(), 1, 1, 2, 'bench.guess', '{}', '{}') RETURNING position) \
                          SELECT pg_notify('raw', position::text) FROM i";
const RAW_READ: &str = "SELECT position, data, metadata FROM raw_events WHERE position > $1 ORDER BY position LIMIT 100";

struct Bench {
    url: String,
    store: EventStore,
    other: EventStore,
    events: usize,
    rounds: usize,
    next: AtomicU64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` every case runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let cluster =
        pg::Cluster::start_with(pg::Fsync::On, "-c shared_buffers=512MB -c max_wal_size=4GB");
    let database = cluster.database().await;
    let open = async || {
        let adapter = database.options().connect().await.unwrap();
        EventStore::builder(adapter).stream_limit(None).build().unwrap()
    };
    let bench = Bench {
        url: database.url.clone(),
        store: open().await,
        other: open().await,
        events: if short { 30 } else { 500 },
        rounds: if short { 1 } else { 5 },
        next: AtomicU64::new(1),
    };
    let mut admin = database.connection().await;
    pg::run(&mut admin, "CREATE TABLE raw_events (LIKE event_store.events INCLUDING ALL)").await;
    println!("medians of {} alternating rounds (least to most)", bench.rounds);
    println!("| Work | ratio | reference | ours |");
    println!("|---|---|---|---|");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_selected = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if is_selected("latency") {
        bench.latencies().await;
    }
    if is_selected("writers") {
        bench.followers_beside_writers().await;
    }
    if is_selected("catch-up") {
        bench.catching_up(if short { 2_000 } else { 1_000_000 }).await;
    }
    if is_selected("consumers") {
        bench.consumers_side_by_side(if short { 64 } else { 1_600 }).await;
    }
    if is_selected("idle") {
        bench.idle(if short { 1 } else { 10 }).await;
    }
}

impl Bench {
    async fn latencies(&self) {
        let (mut raws, mut same_process, mut other_process) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            raws.push(self.raw_latency().await);
            same_process.push(self.latency(&self.store, 1).await[0]);
            other_process.push(self.latency(&self.other, 1).await[0]);
        }
        print_row("commit to handler, 1 writer, p50, same process", &raws, &same_process, "ms");
        print_row(
            "commit to handler, 1 writer, p50, across processes",
            &raws,
            &other_process,
            "ms",
        );
        let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let [p50, p99] = self.latency(&self.store, 16).await;
            p50s.push(p50);
            p99s.push(p99);
        }
        print_row("16 writers: p99 of p50", &p50s, &p99s, "ms");
    }

    /// The reference: LISTEN and one read on open connections; p50 in milliseconds.
    async fn raw_latency(&self) -> f64 {
        let (writer, connection) =
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let (reader, mut connection) =
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        let (notify, mut notified) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                if let Ok(AsyncMessage::Notification(_)) = message {
                    let _ = notify.send(());
                }
            }
        });
        reader.batch_execute("LISTEN raw").await.unwrap();
        let (append, read) =
            (writer.prepare(RAW_APPEND).await.unwrap(), reader.prepare(RAW_READ).await.unwrap());
        let mut last: i64 = reader
            .query_one("SELECT coalesce(max(position), 0) FROM raw_events", &[])
            .await
            .unwrap()
            .get(0);
        let mut latencies = Vec::new();
        for _ in 0..self.events {
            let version = self.next.fetch_add(1, Ordering::Relaxed).cast_signed();
            let (stored, seen) = tokio::join!(
                async {
                    writer.query(&append, &[&version]).await.unwrap();
                    Instant::now()
                },
                async {
                    let rows = loop {
                        notified.recv().await.unwrap();
                        let rows = reader.query(&read, &[&last]).await.unwrap();
                        if !rows.is_empty() {
                            break rows;
                        }
                    };
                    (Instant::now(), rows)
                }
            );
            last = seen.1.last().unwrap().get(0);
            latencies.push(seen.0.saturating_duration_since(stored));
        }
        quantiles(&mut latencies)[0]
    }

    /// Latency from the response to an append until the subscription returns the event, in milliseconds: p50 and p99.
    async fn latency(&self, reader: &EventStore, writers: usize) -> [f64; 2] {
        let mut subscription = reader.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
        let all = self.events * writers;
        let follower = tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < all {
                let event = subscription.next().await.unwrap().unwrap();
                seen.push((event.position(), Instant::now()));
            }
            seen
        });
        // By then the subscription has reached the end and waits.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stored = Arc::new(Mutex::new(HashMap::new()));
        let tasks: Vec<_> = (0..writers)
            .map(|_| {
                let (store, stored, events) =
                    (self.store.clone(), Arc::clone(&stored), self.events);
                let stream = self.stream();
                tokio::spawn(async move {
                    for _ in 0..events {
                        let event = [new_event()];
                        let answer =
                            store.append(&stream, ExpectedVersion::Any, event).await.unwrap();
                        stored.lock().unwrap().insert(answer.position, Instant::now());
                        if writers == 1 {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let seen: Vec<(Position, Instant)> = follower.await.unwrap();
        let stored = stored.lock().unwrap();
        let mut latencies: Vec<_> = seen
            .into_iter()
            .map(|(position, at)| at.saturating_duration_since(stored[&position]))
            .collect();
        quantiles(&mut latencies)
    }

    async fn followers_beside_writers(&self) {
        let (mut alone, mut followed) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            alone.push(self.rate().await);
            let mut followers = Vec::new();
            for _ in 0..10 {
                let mut subscription =
                    self.store.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
                followers.push(tokio::spawn(async move {
                    while subscription.next().await.is_some() {}
                }));
            }
            followed.push(self.rate().await);
            for follower in followers {
                follower.abort();
            }
            // By then the shared reader of the subscriptions has stopped.
            tokio::time::sleep(Duration::from_secs(6)).await;
        }
        print_row(
            "appends of 16 tasks, with 10 subscriptions relative to none",
            &alone,
            &followed,
            "/s",
        );
    }

    /// Appends with 16 tasks; events per second.
    async fn rate(&self) -> f64 {
        let started = Instant::now();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (store, stream, events) = (self.store.clone(), self.stream(), self.events * 4);
                tokio::spawn(async move {
                    for _ in 0..events {
                        store.append(&stream, ExpectedVersion::Any, [new_event()]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        (16 * self.events * 4) as f64 / started.elapsed().as_secs_f64()
    }

    async fn catching_up(&self, events: usize) {
        for _ in 0..events / 1_000 {
            let batch: Vec<_> = (0..1_000).map(|_| new_event()).collect();
            self.store.append(&self.stream(), ExpectedVersion::Any, batch).await.unwrap();
        }
        let total = self.count().await;
        let (mut plain, mut handled, mut followed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let started = Instant::now();
            assert_eq!(self.count().await, total);
            plain.push(total as f64 / started.elapsed().as_secs_f64());

            let started = Instant::now();
            let mut all = self.store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
            for _ in 0..total {
                all.next().await.unwrap().unwrap();
            }
            followed.push(total as f64 / started.elapsed().as_secs_f64());

            let name = format!("catch-up {}", self.next.fetch_add(1, Ordering::Relaxed));
            let started = Instant::now();
            self.consume(&name, 1, 1, total, Duration::ZERO).await;
            handled.push(total as f64 / started.elapsed().as_secs_f64());
        }
        print_row(
            &format!("{total} events by a subscription, relative to a plain read"),
            &plain,
            &followed,
            "/s",
        );
        print_row(
            &format!("{total} events by a handler that does nothing"),
            &plain,
            &handled,
            "/s",
        );
    }

    /// Reads all events with a plain read; their number.
    async fn count(&self) -> usize {
        let mut events = self.store.all_events(AllOptions::new());
        let mut count = 0;
        while let Some(event) = events.next().await {
            event.unwrap();
            count += 1;
        }
        count
    }

    async fn consumers_side_by_side(&self, events: usize) {
        let (mut one, mut sixteen) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.min(3) {
            for (consumers, partitions, rates) in [(1, 1, &mut one), (16, 16, &mut sixteen)] {
                let name = format!("side by side {}", self.next.fetch_add(1, Ordering::Relaxed));
                let millisecond = Duration::from_millis(1);
                let started = Instant::now();
                let some = if consumers == 1 { events / 8 } else { events };
                self.consume(&name, consumers, partitions, some, millisecond).await;
                rates.push(some as f64 / started.elapsed().as_secs_f64());
            }
        }
        print_row(
            "16 consumers of 16 partitions, relative to one of one, a handler of 1 ms",
            &one,
            &sixteen,
            "/s",
        );
    }

    /// Runs consumers from the beginning until they have handled `events` events.
    async fn consume(
        &self,
        name: &str,
        consumers: usize,
        partitions: u32,
        events: usize,
        work: Duration,
    ) {
        let (handled, done) = (Arc::new(AtomicU64::new(0)), Arc::new(tokio::sync::Notify::new()));
        let mut running = Vec::new();
        for _ in 0..consumers {
            let subscription = self.store.subscription(name).partitions(partitions);
            let consumer = subscription.open().await.unwrap();
            let (handled, done) = (Arc::clone(&handled), Arc::clone(&done));
            let stopper = consumer.stopper();
            let task = tokio::spawn(consumer.run(move |event: Arc<RecordedEvent>| {
                let (handled, done) = (Arc::clone(&handled), Arc::clone(&done));
                async move {
                    if work > Duration::ZERO {
                        tokio::time::sleep(work).await;
                    }
                    std::hint::black_box(event.position());
                    if handled.fetch_add(1, Ordering::Relaxed) + 1 == events as u64 {
                        done.notify_one();
                    }
                    Result::<(), Error>::Ok(())
                }
            }));
            running.push((stopper, task));
        }
        done.notified().await;
        for (stopper, task) in running {
            stopper.stop();
            task.await.unwrap().unwrap();
        }
    }

    /// The CPU time of this process while a hundred subscriptions wait.
    async fn idle(&self, seconds: u64) {
        let mut waiting = Vec::new();
        for _ in 0..100 {
            let mut all = self.store.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
            waiting.push(tokio::spawn(async move { all.next().await.is_some() }));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = ticks();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let used = (ticks() - before) as f64 / 100.0 / seconds as f64;
        println!("| 100 idle subscriptions | {:.2} % of a core | | |", used * 100.0);
        for waiting in waiting {
            waiting.abort();
        }
    }

    fn stream(&self) -> StreamId {
        StreamId::new(format!("bench-{}", self.next.fetch_add(1, Ordering::Relaxed))).unwrap()
    }
}

fn new_event() -> NewEvent {
    NewEvent::from(guess::stored().1.decode::<Guess>().unwrap())
}

/// CPU time of this process in hundredths of a second.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

/// p50 and p99 in milliseconds.
fn quantiles(latencies: &mut [Duration]) -> [f64; 2] {
    latencies.sort_unstable();
    [latencies.len() / 2, latencies.len() * 99 / 100]
        .map(|at| latencies[at].as_secs_f64() * 1_000.0)
}

/// Prints a row of the table.
fn print_row(name: &str, reference: &[f64], ours: &[f64], unit: &str) {
    let mut ratios: Vec<f64> = ours.iter().zip(reference).map(|(o, r)| o / r).collect();
    ratios.sort_by(f64::total_cmp);
    let median = |figures: &[f64]| {
        let mut figures = figures.to_vec();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let digits = if unit == "ms" { 3 } else { 0 };
    println!(
        "| {name} | {:.2} ({:.2} to {:.2}) | {:.digits$} {unit} | {:.digits$} {unit} |",
        median(&ratios),
        ratios[0],
        ratios[ratios.len() - 1],
        median(reference),
        median(ours)
    );
}
