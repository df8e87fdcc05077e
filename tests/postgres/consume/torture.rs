//! Consumers under one fault each: what they handled is held against the log. Nothing may be missing, nothing out of its
//! stream's order; an event may be handled twice, where its answer was lost.
//!
//! Two seconds of each fault; for more, side by side:
//! `EVENTS_CONSUME_SECONDS=300 cargo test -p event-tests --features postgres --test postgres -- torture --nocapture`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event_core::subscription::Stopper;
use event_core::{EventId, EventStore, ExpectedVersion, RecordedEvent};
use event_testing::Noted;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{CHILD_URL, Handled, LEASE, Process, append_to, handle, log, open, shared};
use crate::frontier::slow_append;
use crate::{pg, stream};

/// How long each fault goes on; 2 seconds unless set.
const SECONDS: &str = "EVENTS_CONSUME_SECONDS";
const WRITERS: usize = 4;
const PROCESSES: usize = 3;

/// Ends some of the connections of a database, whatever they are doing.
const END_SOME: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'event-postgres' AND random() < 0.3";
/// Ends the connections on which wake-ups of other processes come in.
const END_LISTENERS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                            WHERE datname = current_database() AND query ILIKE 'listen%'";

/// What one fault is about: a store, what was handled, and when it is over.
struct Torture<'c> {
    fault: &'static str,
    database: pg::Database<'c>,
    store: EventStore,
    handled: Handled,
    over: Arc<AtomicBool>,
    end: Instant,
}

impl<'c> Torture<'c> {
    async fn new(fault: &'static str, cluster: &'c pg::Cluster) -> Self {
        let seconds = std::env::var(SECONDS).map_or(2, |seconds| seconds.parse().unwrap());
        let database = cluster.database().await;
        let store = open(database.options().pool_size(4)).await;
        let end = Instant::now() + Duration::from_secs(seconds);
        Self { fault, database, store, handled: Handled::new(), over: Arc::default(), end }
    }

    /// Writers that go on until it is over; a writer whose server is gone tries again.
    fn write(&self, server_goes: bool) -> Vec<JoinHandle<()>> {
        let writer = |writer| {
            let (store, over) = (self.store.clone(), Arc::clone(&self.over));
            tokio::spawn(write_until(store, writer, over, server_goes))
        };
        (0..WRITERS).map(writer).collect()
    }

    fn processes(&self) -> Vec<Process> {
        (0..PROCESSES).map(|_| self.process()).collect()
    }

    fn process(&self) -> Process {
        Process::start(&self.database.url, &self.handled)
    }

    /// Does it again and again, a moment apart, until the time is over.
    async fn again<F: Future<Output = ()>>(&self, mut act: impl FnMut() -> F) {
        while Instant::now() < self.end {
            sleep(Duration::from_millis(fastrand::u64(100..500))).await;
            act().await;
        }
    }

    /// Waits until all is handled, and holds it against the log.
    async fn check(&self, writers: Vec<JoinHandle<()>>, times: u64) {
        self.over.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        let log = log(&self.store).await;
        self.handled.are(log.len()).await;
        let tally = self.handled.sightings().check(&log);
        let (events, twice) = (tally.events, tally.duplicates);
        eprintln!(
            "{}, {times} times: {events} events, none missed, {twice} handled twice",
            self.fault
        );
        assert!(times > 0 && events > 0, "it did not come to it");
    }
}

async fn write_until(store: EventStore, writer: usize, over: Arc<AtomicBool>, server_goes: bool) {
    let mut round = 0;
    while !over.load(Ordering::SeqCst) {
        let name =
            if round % 4 == 0 { "hot".into() } else { format!("s-{}", (writer + round) % 23) };
        let events = Noted::many(1 + round % 3);
        match store.append(&stream(&name), ExpectedVersion::Any, events).await {
            Ok(_) => {}
            // What became of it is in the log, or not.
            Err(error) => assert!(server_goes, "{}", event_core::error::with_causes(&error)),
        }
        round += 1;
        sleep(Duration::from_millis(4)).await;
    }
}

/// Whether this process is the consumer of such a test.
fn is_child() -> bool {
    std::env::var_os(CHILD_URL).is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_are_killed() {
    if is_child() {
        return;
    }
    let torture = Torture::new("kill -9 of a consumer", pg::shared()).await;
    let (writers, mut consumers, mut kills) = (torture.write(false), torture.processes(), 0);
    while Instant::now() < torture.end {
        sleep(Duration::from_millis(fastrand::u64(100..700))).await;
        consumers.remove(fastrand::usize(..consumers.len()));
        consumers.push(torture.process());
        kills += 1;
    }
    torture.check(writers, kills).await;
}

/// Frozen for longer than its lease, a consumer wakes up among the new owners of its partitions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_are_frozen() {
    if is_child() {
        return;
    }
    let torture = Torture::new("a pause longer than the lease", pg::shared()).await;
    let (writers, consumers, times) =
        (torture.write(false), torture.processes(), AtomicU64::new(0));
    torture
        .again(async || {
            let which = fastrand::usize(..consumers.len());
            consumers[which].signal("STOP");
            sleep(LEASE * 2).await;
            consumers[which].signal("CONT");
            times.fetch_add(1, Ordering::Relaxed);
        })
        .await;
    torture.check(writers, times.into_inner()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut() {
    ended("a connection cut", END_SOME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_that_are_lost() {
    ended("a listener lost", END_LISTENERS).await;
}

async fn ended(fault: &'static str, statement: &'static str) {
    if is_child() {
        return;
    }
    let torture = Torture::new(fault, pg::shared()).await;
    let (writers, consumers) = (torture.write(false), torture.processes());
    let (mut behind, mut times) = (torture.database.connection().await, 0);
    while Instant::now() < torture.end || times == 0 {
        sleep(Duration::from_millis(fastrand::u64(100..500))).await;
        times += u64::try_from(pg::number(&mut behind, statement).await).unwrap();
    }
    torture.check(writers, times).await;
    drop(consumers);
}

/// Members come and go in good order, and partitions change hands while events are out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go() {
    if is_child() {
        return;
    }
    let torture = Torture::new("a member came or went", pg::shared()).await;
    let (writers, mut times) = (torture.write(false), 0);
    let mut members = vec![member(&torture).await];
    while Instant::now() < torture.end {
        sleep(Duration::from_millis(fastrand::u64(50..300))).await;
        if members.len() < 5 && (members.len() == 1 || fastrand::bool()) {
            members.push(member(&torture).await);
        } else {
            leave(members.remove(fastrand::usize(..members.len()))).await;
        }
        times += 1;
    }
    torture.check(writers, times).await;
    for member in members {
        leave(member).await;
    }
}

type Member = (Stopper, JoinHandle<event_core::Result<()>>);

async fn member(torture: &Torture<'_>) -> Member {
    let file = append_to(&torture.handled.0);
    let consumer = shared(&torture.store).open().await.unwrap();
    let stopper = consumer.stopper();
    let running = consumer.run(move |event: Arc<RecordedEvent>| {
        let file = Arc::clone(&file);
        async move {
            tokio::task::yield_now().await;
            handle(&file, &event)
        }
    });
    (stopper, tokio::spawn(running))
}

async fn leave((stopper, running): Member) {
    stopper.stop();
    running.await.unwrap().unwrap();
}

/// Transactions that were assigned their positions and end late, or not at all, while others commit behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_are_slow() {
    if is_child() {
        return;
    }
    let torture = Torture::new("a slow writer", pg::shared()).await;
    let (writers, consumers) = (torture.write(false), torture.processes());
    let mut slow = torture.database.connection().await;
    let mut times = 0;
    while Instant::now() < torture.end {
        pg::run(&mut slow, "BEGIN").await;
        slow_append(&mut slow, &format!("slow-{times}"), EventId::new()).await;
        sleep(Duration::from_millis(fastrand::u64(20..400))).await;
        pg::run(&mut slow, if fastrand::u8(..3) == 0 { "ROLLBACK" } else { "COMMIT" }).await;
        times += 1;
    }
    torture.check(writers, times).await;
    drop(consumers);
}

/// The server dies at any point and comes back; whoever writes and reads finds it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts() {
    if is_child() {
        return;
    }
    let cluster = pg::Cluster::start(pg::Fsync::On);
    let torture = Torture::new("a crash and restart of the server", &cluster).await;
    let (writers, consumers, mut times) = (torture.write(true), torture.processes(), 0);
    while Instant::now() < torture.end || times == 0 {
        sleep(Duration::from_millis(fastrand::u64(500..3_000))).await;
        cluster.crash();
        sleep(Duration::from_millis(fastrand::u64(0..1_000))).await;
        cluster.restart();
        times += 1;
    }
    torture.check(writers, times).await;
    drop(consumers);
}
