//! Consumers under one kind of fault per test. The events that they handled are checked against the log: none is missing or
//! out of the order of its stream; an event may be handled twice if its acknowledgement was lost.
//!
//! Each fault lasts two seconds; for longer runs:
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

/// Environment variable: the seconds that each fault lasts, 2 by default.
const SECONDS: &str = "EVENTS_CONSUME_SECONDS";
const WRITERS: usize = 4;
const PROCESSES: usize = 3;

/// Terminates some of the connections of a database.
const TERMINATE_SOME: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'event-postgres' AND random() < 0.3";
/// Terminates the connections that listen for commits of other processes.
const TERMINATE_LISTENERS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                            WHERE datname = current_database() AND query ILIKE 'listen%'";

/// A run with one fault: the store, the handled events, the flag that stops the writers, the end of the fault.
struct Torture<'c> {
    fault: &'static str,
    database: pg::Database<'c>,
    store: EventStore,
    handled: Handled,
    stop: Arc<AtomicBool>,
    end: Instant,
}

impl<'c> Torture<'c> {
    async fn new(fault: &'static str, cluster: &'c pg::Cluster) -> Self {
        let seconds = std::env::var(SECONDS).map_or(2, |seconds| seconds.parse().unwrap());
        let database = cluster.database().await;
        let store = open(database.options().pool_size(4)).await;
        let end = Instant::now() + Duration::from_secs(seconds);
        Self { fault, database, store, handled: Handled::new(), stop: Arc::default(), end }
    }

    /// Starts writers that run until they are stopped; with `server_restarts` they retry failed appends.
    fn start_writers(&self, server_restarts: bool) -> Vec<JoinHandle<()>> {
        let writer = |writer| {
            let (store, stop) = (self.store.clone(), Arc::clone(&self.stop));
            tokio::spawn(write_until(store, writer, stop, server_restarts))
        };
        (0..WRITERS).map(writer).collect()
    }

    fn processes(&self) -> Vec<Process> {
        (0..PROCESSES).map(|_| self.process()).collect()
    }

    fn process(&self) -> Process {
        Process::start(&self.database.url, &self.handled)
    }

    /// Repeats an action at short random intervals until the end of the fault.
    async fn repeat<F: Future<Output = ()>>(&self, mut act: impl FnMut() -> F) {
        while Instant::now() < self.end {
            sleep(Duration::from_millis(fastrand::u64(100..500))).await;
            act().await;
        }
    }

    /// Stops the writers, waits until all events are handled and checks them against the log.
    async fn check(&self, writers: Vec<JoinHandle<()>>, count: u64) {
        self.stop.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        let log = log(&self.store).await;
        self.handled.wait_for(log.len()).await;
        let tally = self.handled.sightings().check(&log);
        let (events, twice) = (tally.events, tally.duplicates);
        eprintln!(
            "{}, {count} times: {events} events, none missed, {twice} handled twice",
            self.fault
        );
        assert!(count > 0 && events > 0, "the fault never occurred");
    }
}

async fn write_until(
    store: EventStore,
    writer: usize,
    stop: Arc<AtomicBool>,
    server_restarts: bool,
) {
    let mut round = 0;
    while !stop.load(Ordering::SeqCst) {
        let name =
            if round % 4 == 0 { "hot".into() } else { format!("s-{}", (writer + round) % 23) };
        let events = Noted::many(1 + round % 3);
        match store.append(&stream(&name), ExpectedVersion::Any, events).await {
            Ok(_) => {}
            // The outcome is unknown: the log shows whether it was stored.
            Err(error) => assert!(server_restarts, "{}", event_core::error::with_causes(&error)),
        }
        round += 1;
        sleep(Duration::from_millis(4)).await;
    }
}

/// Whether this process was started as a consumer.
fn is_child() -> bool {
    std::env::var_os(CHILD_URL).is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_consumers_are_killed() {
    if is_child() {
        return;
    }
    let torture = Torture::new("kill -9 of a consumer", pg::shared()).await;
    let (writers, mut consumers, mut kills) =
        (torture.start_writers(false), torture.processes(), 0);
    while Instant::now() < torture.end {
        sleep(Duration::from_millis(fastrand::u64(100..700))).await;
        consumers.remove(fastrand::usize(..consumers.len()));
        consumers.push(torture.process());
        kills += 1;
    }
    torture.check(writers, kills).await;
}

/// A consumer that is frozen for longer than its lease resumes when its partitions have other owners.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_consumers_are_frozen() {
    if is_child() {
        return;
    }
    let torture = Torture::new("a pause longer than the lease", pg::shared()).await;
    let (writers, consumers, count) =
        (torture.start_writers(false), torture.processes(), AtomicU64::new(0));
    torture
        .repeat(async || {
            let which = fastrand::usize(..consumers.len());
            consumers[which].signal("STOP");
            sleep(LEASE * 2).await;
            consumers[which].signal("CONT");
            count.fetch_add(1, Ordering::Relaxed);
        })
        .await;
    torture.check(writers, count.into_inner()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_connections_are_terminated() {
    terminating("terminated connections", TERMINATE_SOME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_listeners_are_terminated() {
    terminating("terminated listeners", TERMINATE_LISTENERS).await;
}

async fn terminating(fault: &'static str, statement: &'static str) {
    if is_child() {
        return;
    }
    let torture = Torture::new(fault, pg::shared()).await;
    let (writers, consumers) = (torture.start_writers(false), torture.processes());
    let (mut direct, mut count) = (torture.database.connection().await, 0);
    while Instant::now() < torture.end || count == 0 {
        sleep(Duration::from_millis(fastrand::u64(100..500))).await;
        count += u64::try_from(pg::number(&mut direct, statement).await).unwrap();
    }
    torture.check(writers, count).await;
    drop(consumers);
}

/// Members join and leave in an orderly way, and partitions change owners while events are in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_members_join_and_leave() {
    if is_child() {
        return;
    }
    let torture = Torture::new("members that join and leave", pg::shared()).await;
    let (writers, mut count) = (torture.start_writers(false), 0);
    let mut members = vec![member(&torture).await];
    while Instant::now() < torture.end {
        sleep(Duration::from_millis(fastrand::u64(50..300))).await;
        if members.len() < 5 && (members.len() == 1 || fastrand::bool()) {
            members.push(member(&torture).await);
        } else {
            leave(members.remove(fastrand::usize(..members.len()))).await;
        }
        count += 1;
    }
    torture.check(writers, count).await;
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

/// Transactions that commit long after their positions were assigned, or roll back, while later positions are committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_writers_are_slow() {
    if is_child() {
        return;
    }
    let torture = Torture::new("a slow writer", pg::shared()).await;
    let (writers, consumers) = (torture.start_writers(false), torture.processes());
    let mut slow = torture.database.connection().await;
    let mut count = 0;
    while Instant::now() < torture.end {
        pg::run(&mut slow, "BEGIN").await;
        slow_append(&mut slow, &format!("slow-{count}"), EventId::new()).await;
        sleep(Duration::from_millis(fastrand::u64(20..400))).await;
        pg::run(&mut slow, if fastrand::u8(..3) == 0 { "ROLLBACK" } else { "COMMIT" }).await;
        count += 1;
    }
    torture.check(writers, count).await;
    drop(consumers);
}

/// The server crashes at any point and restarts; writers and consumers reconnect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_missed_when_the_server_restarts() {
    if is_child() {
        return;
    }
    let cluster = pg::Cluster::start(pg::Fsync::On);
    let torture = Torture::new("a crash and restart of the server", &cluster).await;
    let (writers, consumers, mut count) = (torture.start_writers(true), torture.processes(), 0);
    while Instant::now() < torture.end || count == 0 {
        sleep(Duration::from_millis(fastrand::u64(500..3_000))).await;
        cluster.crash();
        sleep(Duration::from_millis(fastrand::u64(0..1_000))).await;
        cluster.restart();
        count += 1;
    }
    torture.check(writers, count).await;
    drop(consumers);
}
