//! Writers, readers of every kind, and a schedule of faults, all at once: what was acknowledged is stored once, and every
//! reader sees all of the log that is there at the end, in order, unless it was told that the log is another one.
//!
//! A run takes a seed, from which the order of faults follows: `EVENTS_CHAOS_SEED=7` repeats that of a run. Ordinary runs
//! are short; `EVENTS_CHAOS_SECONDS=600` prolongs them, each with another seed:
//!
//! ```sh
//! EVENTS_CHAOS_SECONDS=600 cargo test -p event-tests --features postgres --test postgres -- chaos:: --nocapture
//! ```
//!
//! `topology.rs` has the servers, `workload.rs` and `child.rs` the writers, `readers.rs` and `projection.rs` the readers,
//! `schedule.rs`, `faults.rs` and `failover.rs` the faults, `checker.rs` the judge.

mod checker;
mod child;
mod failover;
mod faults;
mod projection;
mod readers;
mod schedule;
mod topology;
mod workload;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use event_core::EventStore;
use tokio::task::JoinHandle;

use self::checker::Checker;
use self::readers::{Passes, Reader};
use self::schedule::{Fault, Schedule};
use self::topology::Topology;
use self::workload::{LOCKED, open};
use self::world::{LONG, World, until};
use crate::stream;

/// The length of an ordinary run, in seconds, without its start and its end.
const SHORT: u64 = 15;

/// A run.
struct Chaos {
    topology: Topology,
    world: Arc<World>,
    readers: Vec<Arc<Reader>>,
    passes: Vec<(Arc<Passes>, EventStore)>,
    /// Readers, until the end of the run.
    tasks: Vec<JoinHandle<()>>,
    writing: Vec<JoinHandle<()>>,
    /// Consumers of subscriptions that were deleted: they must end.
    old_consumers: Vec<(String, JoinHandle<event_core::Result<()>>)>,
    rng: fastrand::Rng,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_skipped_whatever_goes_wrong() {
    let prolonged = std::env::var("EVENTS_CHAOS_SECONDS").ok();
    let seconds = prolonged.as_ref().map_or(SHORT, |seconds| seconds.parse().unwrap());
    let seed = match std::env::var("EVENTS_CHAOS_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) if prolonged.is_some() => fastrand::u64(..1_000_000),
        Err(_) => 1,
    };
    println!("chaos: EVENTS_CHAOS_SEED={seed}, {seconds} s");
    let begun = Instant::now();
    let mut chaos = Chaos::start(seed).await;
    let (mut schedule, mut faults) = (Schedule::new(seed), BTreeMap::new());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        let fault = schedule.next();
        println!("chaos: {:.1} s: {}", start.elapsed().as_secs_f32(), fault.name());
        chaos.inject(fault).await;
        *faults.entry(fault.name()).or_default() += 1;
        chaos.world.appends_go_on(20, fault.name()).await;
    }
    let (events, passes) = chaos.end().await;
    checker::report(&chaos.world, seed, events, passes, &faults, begun.elapsed());
}

impl Chaos {
    async fn start(seed: u64) -> Self {
        let topology = Topology::start().await;
        let world = Arc::<World>::default();
        let store = open(&topology.direct()).await.unwrap();
        let locked = stream(LOCKED);
        let first = event_testing::Noted::many(1);
        store.append(&locked, event_core::ExpectedVersion::Any, first).await.unwrap();
        let writing = workload::start(&topology, &world, seed).await;
        let rng = fastrand::Rng::with_seed(seed);
        let mut chaos = Self {
            topology,
            world,
            readers: Vec::new(),
            passes: Vec::new(),
            tasks: Vec::new(),
            writing,
            old_consumers: Vec::new(),
            rng,
        };
        chaos.start_readers(store).await;
        chaos
    }

    /// Every kind of reader; those of one kind differ in the way to the server.
    async fn start_readers(&mut self, direct: EventStore) {
        let pooled = open(&self.topology.pooled()).await.unwrap();
        let replicated = open(&self.topology.replicated()).await.unwrap();
        let ways = [("direct", &direct), ("pooled", &pooled), ("replicated", &replicated)];
        let shared = Reader::durable("shared", None, &self.world);
        for (way, store) in ways {
            let durable = Reader::durable(format!("durable-{way}"), None, &self.world);
            let plain = Reader::new(format!("plain-{way}"), &self.world);
            self.tasks.push(durable.consume(store.clone(), 1));
            self.tasks.push(plain.follow(store.clone()));
            self.tasks.push(shared.consume(store.clone(), 4));
            self.readers.extend([durable, plain]);
            let (passes, reader) =
                (Arc::<Passes>::default(), Reader::new(format!("pages-{way}"), &self.world));
            self.tasks.push(reader.pass(store.clone(), Arc::clone(&passes)));
            self.passes.push((passes, store.clone()));
        }
        let broadcast = Reader::new("broadcast", &self.world);
        self.tasks.push(broadcast.listen(direct));
        self.readers.extend([shared, broadcast]);
        self.tasks.push(projection::project(self.topology.direct(), Arc::clone(&self.world)));
    }

    async fn inject(&mut self, fault: Fault) {
        let lost = *fastrand::Rng::choice(&mut self.rng, &[0, 20, 200]).unwrap();
        match fault {
            Fault::LoseCommits => self.lose_commits(lost).await,
            Fault::Promote => self.promote().await,
            Fault::Restore => self.restore(lost).await,
            Fault::LockStream => self.lock_stream().await,
            Fault::StopWriter => self.stop_writer().await,
            Fault::RestartServer => self.restart_server().await,
            Fault::RestartStandby => self.restart_standby().await,
            Fault::RestartPooler => self.restart_pooler(),
            Fault::StarvePool => self.starve_pool().await,
            Fault::FillConnections => self.fill_connections().await,
            Fault::SetBack => self.set_back().await,
            Fault::Terminate => self.terminate().await,
            Fault::Cut => self.topology.gate.cut(),
            Fault::Silence => self.topology.gate.silence(),
            Fault::Delay => self.delay().await,
            Fault::MakeAnew => self.make_anew().await,
        }
    }

    /// Ends the writers, lets the readers catch up, and has everything judged. Returns the number of events and of passes.
    async fn end(&mut self) -> (usize, usize) {
        self.world.stop.store(true, Ordering::SeqCst);
        for writer in self.writing.drain(..) {
            writer.await.unwrap();
        }
        until(LONG / 3, || self.old_consumers.iter().all(|(_, consuming)| consuming.is_finished()))
            .await;
        for (name, consuming) in &self.old_consumers {
            if !consuming.is_finished() {
                self.world.violation("the consumer of a deleted subscription lives on", &**name);
            }
            consuming.abort();
        }
        for (passes, _) in &self.passes {
            passes.stop.store(true, Ordering::SeqCst);
        }
        let checker = Checker { world: &self.world, readers: &self.readers, passes: &self.passes };
        let events = checker.check(&mut self.topology.inspect().await).await;
        self.tasks.iter().for_each(JoinHandle::abort);
        let passes =
            self.passes.iter().map(|(passes, _)| passes.count.load(Ordering::SeqCst)).sum();
        (events, passes)
    }
}
