//! What the proof costs that an event reads back: beside writing its JSON alone, and as a share of an append in memory by
//! one task and on PostgreSQL by 64 tasks, both of events that are written already.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::hint::black_box;
use std::time::Instant;

use event_core::{Event, MemoryAdapter, NewEvent};
use serde_json::value::to_raw_value;

use crate::comparison::{Comparison, spread};
use crate::guess::{Guess, plain, stored};

#[path = "support/comparison.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod comparison;
#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "../support/pg.rs"]
mod pg;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` everything runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let cluster =
        pg::Cluster::start_with(pg::Fsync::On, "-c shared_buffers=512MB -c max_wal_size=4GB");
    let adapter = cluster.database().await.options().pool_size(16).connect().await.unwrap();
    let memory = Comparison::new(MemoryAdapter::new(), short);
    let postgres = Comparison::new(adapter, short);
    let calls = if short { 100 } else { 20_000 };
    let (mut proofs, mut of_memory, mut of_postgres) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..memory.rounds {
        let written = seconds_per_event(calls, |event| {
            NewEvent::raw(Guess::TYPE, Guess::VERSION, to_raw_value(&event).unwrap())
        });
        let proved = seconds_per_event(calls, NewEvent::from);
        let proof = (proved - written).max(0.0);
        proofs.push(proof * 1e6);
        of_memory.push(proof * memory.ours(1, 1).await);
        of_postgres.push(proof * postgres.ours(64, 1).await);
    }
    println!("medians of {} rounds (least to most)", memory.rounds);
    println!("| The proof of an event of 260 bytes | |\n|---|---|");
    for (name, mut figures) in [
        ("microseconds", proofs),
        ("relative to an append in memory, 1 task", of_memory),
        ("relative to an append on PostgreSQL, 64 tasks", of_postgres),
    ] {
        let [low, median, high] = spread(&mut figures);
        println!("| {name} | {median:.3} ({low:.3} to {high:.3}) |");
    }
    postgres.store.close().await;
}

/// Makes events to append of as many values, which are there before.
fn seconds_per_event(calls: usize, make: impl Fn(Guess) -> NewEvent) -> f64 {
    let (_, stored) = stored();
    let guesses: Vec<Guess> = (0..calls).map(|_| plain(&stored).unwrap()).collect();
    let started = Instant::now();
    for guess in guesses {
        drop(black_box(make(black_box(guess))));
    }
    started.elapsed().as_secs_f64() / calls as f64
}
