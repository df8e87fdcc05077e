//! Measurements of ours against raw statements in alternation, shared by the benches of all backends.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::{
    AllOptions, BatchSize, Event, EventStore, EventVersion, ExpectedVersion, Metadata, NewEvent,
    ReadOptions, StreamId, StreamVersion,
};
use serde_json::value::RawValue;

use crate::guess::{self, Guess};

/// A closed set of events, as applications define it.
#[derive(Debug, Event)]
enum GuessEvent {
    Guess(Guess),
}

pub(crate) const METADATA: &str = r#"{"source_id":"812345678901234567","correlation_id":"game-0001-aaaaaaaa","actor_id":"712345678901234561","client":"1.0.0"}"#;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that is unique in this process.
pub(crate) fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A store that is compared with raw statements.
pub(crate) struct Comparison {
    pub(crate) store: EventStore,
    /// The payload of all appended events.
    pub(crate) data: String,
    /// Duration of a single measurement.
    pub(crate) time: Duration,
    pub(crate) rounds: usize,
    /// Page size of reads.
    pub(crate) page: BatchSize,
}

impl Comparison {
    /// With `short`, measurements only show that everything works.
    pub(crate) fn new(adapter: impl Adapter, short: bool) -> Self {
        Self {
            store: EventStore::builder(adapter).stream_limit(None).build().unwrap(),
            data: guess::stored().1.data().get().to_owned(),
            time: if short { Duration::from_millis(50) } else { Duration::from_millis(1_500) },
            rounds: if short { 1 } else { 5 },
            page: BatchSize::MAX,
        }
    }

    /// Prints the header of the table.
    pub(crate) fn print_header(&self, title: &str) {
        println!("{title}; medians of {} alternating rounds (least to most)", self.rounds);
        println!("| Work | relative to raw | raw | ours | limit | target |");
        println!("|---|---|---|---|---|---|");
    }

    /// Measures both in alternation and prints a row of the table; figures are in events per second.
    pub(crate) async fn compare<R, O>(
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

    /// Runs tasks that each return their number of calls; returns calls times `per_call`, per second.
    pub(crate) async fn rate<F>(
        &self,
        tasks: usize,
        per_call: usize,
        work: impl Fn(usize) -> F,
    ) -> f64
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

    /// Appends through the facade; each task uses a new stream every twenty appends. Returns events per second.
    pub(crate) async fn ours(&self, tasks: usize, events: usize) -> f64 {
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

    /// All tasks append to the same stream. Returns events per second.
    pub(crate) async fn one_stream(&self, tasks: usize) -> f64 {
        let (end, stream) = (Instant::now() + self.time, new_stream());
        self.rate(tasks, 1, |_| {
            let (store, data, stream) = (self.store.clone(), self.data.clone(), stream.clone());
            async move {
                let mut calls = 0;
                while Instant::now() < end {
                    store.append(&stream, ExpectedVersion::Any, [new_event(&data)]).await.unwrap();
                    calls += 1;
                }
                calls
            }
        })
        .await
    }

    /// Appends one event to a stream.
    pub(crate) async fn append_to(&self, stream: &StreamId) {
        let event = new_event(&self.data);
        self.store.append(stream, ExpectedVersion::Any, [event]).await.unwrap();
    }

    /// Appends events one by one, with a new stream every twenty.
    pub(crate) async fn append_singly(&self, calls: u64) {
        let mut stream = new_stream();
        for call in 0..calls {
            if call % 20 == 0 {
                stream = new_stream();
            }
            let expected = ExpectedVersion::Exact(StreamVersion::new(call % 20));
            self.store.append(&stream, expected, [new_event(&self.data)]).await.unwrap();
        }
    }

    /// Appends streams of 10 000 events, and returns one of them.
    pub(crate) async fn fill(&self, everything: usize) -> StreamId {
        let mut long = new_stream();
        for _ in 0..=(everything / 10_000).max(1) {
            long = new_stream();
            let events: Vec<_> =
                (0..10_000.min(everything)).map(|_| new_event(&self.data)).collect();
            self.store.append(&long, ExpectedVersion::Any, events).await.unwrap();
        }
        long
    }

    /// Appends streams of `events` events each, and returns their ids.
    pub(crate) async fn fill_streams(&self, streams: usize, events: usize) -> Vec<StreamId> {
        let mut names = Vec::new();
        for _ in 0..streams {
            let (name, events) = (new_stream(), (0..events).map(|_| new_event(&self.data)));
            self.store.append(&name, ExpectedVersion::NoStream, events).await.unwrap();
            names.push(name);
        }
        names
    }

    /// Loads and decodes random whole streams. Returns streams per second.
    pub(crate) async fn load_rate(&self, tasks: usize, streams: &Arc<Vec<StreamId>>) -> f64 {
        let end = Instant::now() + self.time;
        self.rate(tasks, 1, |_| {
            let (store, streams) = (self.store.clone(), Arc::clone(streams));
            async move {
                let mut loads = 0;
                while Instant::now() < end {
                    let stream = fastrand::choice(streams.iter()).unwrap();
                    for event in store.read_stream(stream, ReadOptions::forward()).await.unwrap() {
                        std::hint::black_box(GuessEvent::try_from(&event).unwrap());
                    }
                    loads += 1;
                }
                loads
            }
        })
        .await
    }

    /// Reads and decodes a stream. Returns events per second.
    pub(crate) async fn read_stream(&self, stream: &StreamId) -> f64 {
        let started = Instant::now();
        let options = ReadOptions::forward().limit(self.page);
        let mut events = self.store.stream_events(stream, options);
        let mut count = 0;
        while let Some(event) = events.next().await {
            std::hint::black_box(GuessEvent::try_from(&event.unwrap()).unwrap());
            count += 1;
        }
        f64::from(count) / started.elapsed().as_secs_f64()
    }

    /// Reads and decodes up to 300 000 events of the log. Returns events per second.
    pub(crate) async fn read_all(&self) -> f64 {
        let started = Instant::now();
        let options = AllOptions::new().limit(self.page);
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

fn new_stream() -> StreamId {
    StreamId::new(format!("bench-{}", next())).unwrap()
}

fn new_event(data: &str) -> NewEvent {
    let data = RawValue::from_string(data.to_owned()).unwrap();
    NewEvent::raw(Guess::TYPE, EventVersion::new(2), data)
        .with_metadata(Metadata::from_json(METADATA).unwrap())
}

/// Minimum, median and maximum.
pub(crate) fn spread(figures: &mut [f64]) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}
