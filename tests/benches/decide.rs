//! Decisions against the same work by hand, in alternation: load a stream of 50 events, fold it, append one event at the exact
//! version. In memory, on SQLite and on PostgreSQL. Only the ratios are meaningful, see `tests/benches/README.md`.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use event_core::adapter::Adapter;
use event_core::{
    Aggregate, Event, EventStore, ExpectedVersion, MemoryAdapter, ReadOptions, Shape, Snapshots,
    StreamId, StreamVersion,
};
use event_sqlite::SqliteOptions;
use serde::{Deserialize, Serialize};

use crate::comparison::Comparison;
use crate::guess::Guess;

#[path = "support/comparison.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod comparison;
#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "../support/pg.rs"]
mod pg;

/// The events of each stream before the first decision.
const EVENTS: usize = 50;
const TASKS: usize = 64;

#[derive(Event)]
enum GuessEvent {
    Guess(Guess),
}

macro_rules! game {
    ($name:ident, $snapshots:expr) => {
        #[derive(Default, Serialize, Deserialize, Shape)]
        struct $name {
            guesses: u64,
        }

        impl Aggregate for $name {
            type Event = GuessEvent;
            const SNAPSHOTS: Option<Snapshots<Self>> = $snapshots;

            fn apply(&mut self, event: GuessEvent) {
                let GuessEvent::Guess(guess) = event;
                std::hint::black_box(guess);
                self.guesses += 1;
            }
        }
    };
}

game!(Game, None);
game!(SavedGame, Some(Snapshots::new("bench.game", 1).every(100)));

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // With `--test` every case runs once and briefly, to show that it works.
    let short = std::env::args().any(|argument| argument == "--test");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_selected = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if is_selected("memory") {
        measure("memory", MemoryAdapter::new(), short).await;
    }
    if is_selected("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqliteOptions::new(folder.path().join("ours.db")).connect().await.unwrap();
        measure("SQLite, WAL, synchronous FULL", sqlite, short).await;
    }
    if is_selected("postgres") {
        let cluster =
            pg::Cluster::start_with(pg::Fsync::On, "-c shared_buffers=512MB -c max_wal_size=4GB");
        let database = cluster.database().await;
        let adapter = database.options().pool_size(16).connect().await.unwrap();
        measure("PostgreSQL, fsync on", adapter, short).await;
    }
}

async fn measure(title: &str, adapter: impl Adapter, short: bool) {
    let comparison = Comparison::new(adapter, short);
    comparison.print_header(&format!("{title}; raw is by hand"));
    let streams = comparison.fill_streams(if short { TASKS } else { 1_024 }, EVENTS).await;
    let streams = Arc::new(streams);
    for (name, tasks, bounds) in
        [("50 events, 1 task", 1, "0.95 | 1.0"), ("50 events, 64 tasks", TASKS, "0.9 | 1.0")]
    {
        comparison
            .compare(
                name,
                bounds,
                || run(&comparison, tasks, &streams, by_hand),
                || run(&comparison, tasks, &streams, decide::<Game>),
            )
            .await;
    }
    let long = comparison.fill_streams(TASKS, if short { EVENTS } else { 5_000 }).await;
    for stream in &long {
        comparison.store.snapshot::<SavedGame>(stream).await.unwrap();
    }
    let long = Arc::new(long);
    comparison
        .compare(
            "5 000 events and a snapshot, 1 task, raw at 50",
            " | ",
            || run(&comparison, 1, &streams, by_hand),
            || run(&comparison, 1, &long, decide::<SavedGame>),
        )
        .await;
    comparison.store.close().await;
}

/// Runs a decision after the other in each task, on streams of its own. Returns decisions per second.
async fn run<F>(
    comparison: &Comparison,
    tasks: usize,
    streams: &Arc<Vec<StreamId>>,
    work: impl Fn(EventStore, StreamId, Guess) -> F + Copy + Send + 'static,
) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let (end, data) = (Instant::now() + comparison.time, comparison.data.clone());
    comparison
        .rate(tasks, 1, |task| {
            let (store, streams, data) =
                (comparison.store.clone(), Arc::clone(streams), data.clone());
            async move {
                let (mut calls, mut own) = (0, (task..streams.len()).step_by(tasks).cycle());
                while Instant::now() < end {
                    let stream = streams[own.next().unwrap()].clone();
                    work(store.clone(), stream, serde_json::from_str(&data).unwrap()).await;
                    calls += 1;
                }
                calls
            }
        })
        .await
}

async fn by_hand(store: EventStore, stream: StreamId, guess: Guess) {
    let mut events = store.stream_events(&stream, ReadOptions::forward());
    let (mut game, mut version) = (Game::default(), StreamVersion::NONE);
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        version = event.stream_version();
        game.apply(GuessEvent::try_from(&event).unwrap());
    }
    let expected = ExpectedVersion::Exact(version);
    store.append(&stream, expected, [GuessEvent::Guess(guess)]).await.unwrap();
}

async fn decide<A: Aggregate<Event = GuessEvent>>(
    store: EventStore,
    stream: StreamId,
    guess: Guess,
) {
    let mut guess = Some(guess);
    let decide =
        |_: &A| Ok::<_, Infallible>(guess.take().into_iter().map(GuessEvent::Guess).collect());
    let decided = store.decide::<A>(&stream).run(decide).await.unwrap();
    assert_eq!((decided.events, decided.tries), (1, 1));
}
