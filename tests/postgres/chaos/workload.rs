//! Writers: streams of their own with exact versions, hot streams, several streams in one transaction, through pgbouncer;
//! a part of the appends whose outcome is unknown is repeated by its event ids.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_core::ExpectedVersion::{self, Any};
use event_core::error::with_causes;
use event_core::{Error, EventId, EventStore, NewEvent, Result, RetryPolicy, StreamId};
use event_postgres::PgOptions;
use event_testing::Noted;
use tokio::task::JoinHandle;

use super::topology::Topology;
use super::world::World;
use crate::{exact, stream};

/// The stream whose row strangers lock.
pub(super) const LOCKED: &str = "hot-0";
const HOT: usize = 6;
const PAUSE: Duration = Duration::from_millis(12);

/// What a writer does.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Streams that nobody else writes, each append with the version that it must have.
    Exact,
    /// Streams that everybody writes.
    Hot,
    /// A hot stream and a fresh one, in one transaction.
    Several,
}

#[derive(Debug)]
struct Writer {
    name: String,
    kind: Kind,
    store: EventStore,
    world: Arc<World>,
}

/// What a writer knows of a stream that nobody else writes.
#[derive(Debug, Clone, Copy)]
struct Known {
    version: u64,
    /// The version was acknowledged, when commits had been lost this often; else it was read.
    acknowledged: Option<usize>,
}

impl Known {
    fn fresh(world: &World) -> Self {
        Self { version: 0, acknowledged: Some(world.losses()) }
    }
}

/// Opens a store with the retries of a patient program.
pub(super) async fn open(url: &str) -> Result<EventStore> {
    let options: PgOptions = url.parse()?;
    let adapter = options.connect().await?;
    let policy = RetryPolicy::default().retries(6).first_delay(Duration::from_millis(20));
    EventStore::builder(adapter).retry(policy).stream_limit(None).build()
}

/// Starts all writers.
pub(super) async fn start(
    topology: &Topology,
    world: &Arc<World>,
    seed: u64,
) -> Vec<JoinHandle<()>> {
    let direct = open(&topology.direct()).await.unwrap();
    let pooled = open(&topology.pooled()).await.unwrap();
    let kinds = [Kind::Exact, Kind::Hot, Kind::Several, Kind::Exact, Kind::Hot, Kind::Several];
    (0..)
        .zip(kinds)
        .map(|(n, kind)| {
            let (store, way) = if n < 3 { (&direct, "direct") } else { (&pooled, "pooled") };
            let (store, world) = (store.clone(), Arc::clone(world));
            let name = format!("{kind:?}-{way}-{n}").to_lowercase();
            let rng = fastrand::Rng::with_seed(seed ^ n);
            tokio::spawn(Writer { name, kind, store, world }.run(rng))
        })
        .collect()
}

impl Writer {
    async fn run(self, mut rng: fastrand::Rng) {
        let (mut known, mut round) = (Some(Known::fresh(&self.world)), 0);
        while !self.world.stop.load(Ordering::SeqCst) {
            let count = rng.usize(1..4);
            match self.kind {
                Kind::Exact => {
                    let name = stream(&format!("own-{}-{}", self.name, round / 200));
                    known = self.append_exact(&name, known, count, &mut rng).await;
                    if round % 200 == 199 {
                        known = Some(Known::fresh(&self.world));
                    }
                }
                Kind::Hot => {
                    let hot = stream(&format!("hot-{}", rng.usize(..HOT)));
                    let _ = self.append(&[(hot, Any)], count, &mut rng).await;
                }
                Kind::Several => {
                    let hot = stream(&format!("hot-{}", rng.usize(..HOT)));
                    let fresh = stream(&format!("cold-{}", EventId::new()));
                    let _ = self.append(&[(hot, Any), (fresh, Any)], count + 1, &mut rng).await;
                }
            }
            round += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Appends with an exact version, or finds out the version. Returns what is known then.
    async fn append_exact(
        &self,
        name: &StreamId,
        known: Option<Known>,
        count: usize,
        rng: &mut fastrand::Rng,
    ) -> Option<Known> {
        let Some(Known { version, acknowledged }) = known else {
            let version = self.store.stream_version(name).await.ok()?.get();
            // An append of unknown outcome may still be on its way.
            return Some(Known { version, acknowledged: None });
        };
        let losses = self.world.losses();
        match self.append(&[(name.clone(), exact(version))], count, rng).await {
            Ok(()) => Some(Known { version: version + count as u64, acknowledged: Some(losses) }),
            Err(error) => {
                let conflicts = matches!(error, Error::WrongExpectedVersion { .. });
                if conflicts && acknowledged == Some(self.world.losses()) {
                    let what = format!("{}: {}", self.name, with_causes(&error));
                    self.world.violation("acknowledged version is not there", what);
                }
                None
            }
        }
    }

    /// Appends new events, a transaction's first one to its first stream; repeats a part of the appends of unknown outcome with the same
    /// ids.
    async fn append(
        &self,
        to: &[(StreamId, ExpectedVersion)],
        count: usize,
        rng: &mut fastrand::Rng,
    ) -> Result<()> {
        let events = Noted::many(count);
        let ids: Vec<EventId> = events.iter().map(NewEvent::id).collect();
        let mut repeats = if rng.bool() { 20 } else { 0 };
        loop {
            let losses = self.world.losses();
            let Err(error) = self.send(to, events.clone()).await else {
                self.world.acknowledged(ids, losses);
                return Ok(());
            };
            self.world.refused(&self.name, &error);
            let stops = self.world.stop.load(Ordering::SeqCst);
            if !error.is_transient() || repeats == 0 || stops {
                return Err(error);
            }
            repeats -= 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn send(
        &self,
        to: &[(StreamId, ExpectedVersion)],
        mut events: Vec<NewEvent>,
    ) -> Result<()> {
        match to {
            [(name, expected)] => self.store.append(name, *expected, events).await.map(drop),
            [(first, expected), (second, and)] => {
                let last = events.split_off(1);
                let both = self.store.transaction().append(first, *expected, events);
                both.append(second, *and, last).commit().await.map(drop)
            }
            _ => unreachable!("one stream or two"),
        }
    }
}
