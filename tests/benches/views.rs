//! A view that catches up against a plain read of the same events: 1 000 000 events over 100 000 keys, on SQLite and on PostgreSQL,
//! in alternation, each time into a new build. Peak memory beside it. Only the ratios are meaningful, see
//! `tests/benches/README.md`.
//!
//! `EVENTS_VIEWS=100000` takes another number of events, over a tenth of the keys.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::{
    AllOptions, BatchSize, Event, EventSet, EventStore, ExpectedVersion, Keys, RecordedEvent,
    StreamId, View,
};
use event_sqlite::SqliteOptions;
use serde::{Deserialize, Serialize};

use crate::memory::PeakMemory;

#[path = "support/memory.rs"]
mod memory;
#[path = "../support/pg.rs"]
mod pg;

/// Events of a store; a key has ten of them.
const EVENTS: u64 = 1_000_000;
const PER_KEY: u64 = 10;
const ROUNDS: usize = 3;

/// An order, with a hundred bytes of text.
#[derive(Debug, Clone, Serialize, Deserialize, Event)]
#[event(type = "bench.ordered", version = 1)]
struct Ordered {
    customer: String,
    article: String,
    cents: u64,
}

#[derive(Event)]
enum ShopEvent {
    Ordered(Ordered),
}

/// The orders of a customer.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Customer {
    orders: u64,
    cents: u64,
    last: String,
}

impl View for Customer {
    type Event = ShopEvent;
    const NAME: &'static str = "customers";

    fn keys(ShopEvent::Ordered(ordered): &ShopEvent, _: &RecordedEvent) -> Keys {
        Keys::one(&ordered.customer)
    }

    fn fold(&mut self, ShopEvent::Ordered(ordered): &ShopEvent, _: &RecordedEvent) {
        self.orders += 1;
        self.cents += ordered.cents;
        ordered.article.clone_into(&mut self.last);
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` every case runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_selected = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let events = std::env::var("EVENTS_VIEWS")
        .map_or(if short { 5_000 } else { EVENTS }, |events| events.parse().unwrap());
    let rounds = if short { 1 } else { ROUNDS };
    println!("{events} events over {} keys", events / PER_KEY);
    if is_selected("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqliteOptions::new(folder.path().join("ours.db")).connect().await.unwrap();
        measure("SQLite", sqlite, events, rounds).await;
    }
    if is_selected("postgres") {
        let settings = "-c shared_buffers=512MB -c max_wal_size=4GB";
        let cluster = pg::Cluster::start_with(pg::Fsync::On, settings);
        let database = cluster.database().await;
        let adapter = database.options().connect().await.unwrap();
        measure("PostgreSQL, fsync on", adapter, events, rounds).await;
    }
}

async fn measure(title: &str, adapter: impl Adapter, events: u64, rounds: usize) {
    let store = EventStore::builder(Arc::new(adapter)).stream_limit(None).build().unwrap();
    fill(&store, events).await;
    let (mut reads, mut views, mut typed, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let began = Instant::now();
        assert_eq!(read(&store, |_| ()).await, events);
        reads.push(began.elapsed());
        let began = Instant::now();
        let decoded = read(&store, |event| drop(ShopEvent::decode(&event).unwrap()));
        assert_eq!(decoded.await, events);
        typed.push(began.elapsed());
        let memory = PeakMemory::start();
        let began = Instant::now();
        assert_eq!(store.view::<Customer>().rebuild().await.unwrap(), events);
        views.push(began.elapsed());
        peak = peak.max(memory.end().0);
    }
    let (read, view, typed) = (median(reads), median(views), median(typed));
    let rate = |took: Duration| events as f64 / took.as_secs_f64();
    println!(
        "{title}: read {:.0}/s, read and decoded {:.0}/s, view {:.0}/s; ratio {:.2} of the plain read (at least 0.5), \
         {:.2} of the decoded one; memory grew by {} MiB at most",
        rate(read),
        rate(typed),
        rate(view),
        read.as_secs_f64() / view.as_secs_f64(),
        typed.as_secs_f64() / view.as_secs_f64(),
        peak / 1_024
    );
    let one = store.view::<Customer>().get("customer-000007").await.unwrap().unwrap();
    assert_eq!(one.orders, PER_KEY);
    store.close().await;
}

/// Stores the events, a thousand in a stream; neighbours have different keys.
async fn fill(store: &EventStore, events: u64) {
    let keys = events / PER_KEY;
    for first in (0..events).step_by(1_000) {
        let ordered = |number: u64| Ordered {
            customer: format!("customer-{:06}", number.wrapping_mul(7_919) % keys),
            article: format!(
                "an article of the shop, number {:05}, in a box of its own",
                number % 99_991
            ),
            cents: number % 10_000,
        };
        let batch: Vec<_> = (first..(first + 1_000).min(events)).map(ordered).collect();
        let stream = StreamId::new(format!("orders-{first}")).unwrap();
        store.append(&stream, ExpectedVersion::NoStream, batch).await.unwrap();
    }
}

/// Reads all events; returns how many.
async fn read(store: &EventStore, mut take: impl FnMut(RecordedEvent)) -> u64 {
    let mut all = store.all_events(AllOptions::new().limit(BatchSize::new(1_000).unwrap()));
    let mut count = 0;
    while let Some(event) = all.next().await {
        take(event.unwrap());
        count += 1;
    }
    count
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
