//! The speed of a copy of a whole store, relative to the slower of its two sides: reading the source, appending to the target.
//!
//! A million events in streams of 50 are copied from a file to a private PostgreSQL with fsync, and back into a file.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::path::Path;
use std::time::Instant;

use event_core::adapter::Adapter;
use event_core::{AllOptions, EventStore};
use event_sqlite::{SqliteAdapter, SqliteOptions};

use crate::comparison::Comparison;
use crate::memory::PeakMemory;

#[path = "support/comparison.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod comparison;
#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "support/memory.rs"]
mod memory;
#[path = "../support/pg.rs"]
mod pg;

/// Events of each stream, appended in one call.
const EACH: usize = 50;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` every case runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let events = if short { 5_000 } else { 1_000_000 };
    let cluster = pg::Cluster::start_with(pg::Fsync::On, "-c max_wal_size=8GB");
    let (database, plain) = (cluster.database().await, cluster.database().await);
    let folder = tempfile::tempdir().unwrap();
    let file = async |name: &str| file(&folder.path().join(name)).await;

    let source = Comparison::new(file("source.db").await, short);
    source.fill_streams(events / EACH, EACH).await;
    let server = store(database.options().connect().await.unwrap());
    let back = store(file("back.db").await);
    println!("{events} events; rates in events per second");
    println!(
        "| From | to | source read | target appended to | copied | relative to the slower | memory |"
    );
    println!("|---|---|---|---|---|---|---|");
    let written_server = Comparison::new(plain.options().connect().await.unwrap(), short);
    row("SQLite", "PostgreSQL", &source.store, &server, &written_server, events).await;
    let written_file = Comparison::new(file("plain.db").await, short);
    row("PostgreSQL", "SQLite", &server, &back, &written_file, events).await;
    let (first, last) = (source.store.digest().await.unwrap(), back.digest().await.unwrap());
    assert_eq!(first, last);
    println!("digest of the first and of the last: {last}");
}

/// Measures a copy and prints its row. Both sides are measured alone before and after it, since the machine's speed drifts.
async fn row(
    from_name: &str,
    to_name: &str,
    from: &EventStore,
    to: &EventStore,
    plain: &Comparison,
    events: usize,
) {
    let mut reads = vec![read(from).await];
    let mut writes = vec![write(plain, events / 4).await];
    let (peak, started) = (PeakMemory::start(), Instant::now());
    let done = from.copy_to(to).await.unwrap();
    let rate = events as f64 / started.elapsed().as_secs_f64();
    let (above, all) = peak.end();
    assert_eq!(done.stored, events as u64);
    reads.push(read(from).await);
    writes.push(write(plain, events / 4).await);
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let (read, write) = (mean(&reads), mean(&writes));
    println!(
        "| {from_name} | {to_name} | {read:.0} | {write:.0} | {rate:.0} | {:.2} | {above} KiB above idle, {all} in total |",
        rate / read.min(write)
    );
}

/// Reads all events; returns events per second.
async fn read(store: &EventStore) -> f64 {
    let (mut all, mut count, started) = (store.all_events(AllOptions::new()), 0, Instant::now());
    while let Some(event) = all.next().await {
        std::hint::black_box(event.unwrap());
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

/// Appends streams of 50, like those of the source; returns events per second.
async fn write(plain: &Comparison, events: usize) -> f64 {
    let started = Instant::now();
    plain.fill_streams(events / EACH, EACH).await;
    events as f64 / started.elapsed().as_secs_f64()
}

async fn file(path: &Path) -> SqliteAdapter {
    SqliteOptions::new(path).connect().await.unwrap()
}

fn store(adapter: impl Adapter) -> EventStore {
    EventStore::builder(adapter).stream_limit(None).build().unwrap()
}
