//! Faults that leave the server in its place: cut, silent and slow connections, restarts, locks, frozen writers, pools and
//! servers without a free connection, a sequence behind its rows, a subscription that is made anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_core::error::with_causes;
use event_core::{AllOptions, EventId, EventStore, ExpectedVersion, NewEvent};
use event_postgres::PgOptions;
use event_testing::Noted;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinHandle;

use super::Chaos;
use super::child::WriterProcess;
use super::readers::Reader;
use super::topology::blocking;
use super::workload::{LOCKED, open};
use super::world::{LONG, until, until_async};
use crate::{pg, stream};

const TERMINATE_SOME: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5";
/// Appends that wait for a locked row, and appends to other streams at the same time.
const WAITING: usize = 8;
const BESIDE: usize = 40;
/// The connections of a starved pool, and how many more the server may see of it.
const STARVED: u32 = 2;
const SPARE: i64 = 4;

impl Chaos {
    pub(super) async fn terminate(&self) {
        pg::number(&mut self.topology.inspect().await, TERMINATE_SOME).await;
    }

    pub(super) async fn delay(&mut self) {
        self.topology.gate.delay(Duration::from_millis(self.rng.u64(5..30)));
        self.world.appends_go_on(30, "a slow network").await;
        self.topology.gate.delay(Duration::ZERO);
    }

    pub(super) async fn restart_server(&mut self) {
        blocking(|| self.topology.primary.crash());
        tokio::time::sleep(Duration::from_millis(self.rng.u64(0..1_500))).await;
        blocking(|| self.topology.primary.restart());
    }

    pub(super) async fn restart_standby(&mut self) {
        blocking(|| self.topology.asynchronous.crash());
        self.world.appends_go_on(30, "the end of a standby").await;
        blocking(|| self.topology.asynchronous.restart());
    }

    pub(super) fn restart_pooler(&mut self) {
        blocking(|| {
            self.topology.bouncer.stop();
            self.topology.bouncer.start_again();
        });
    }

    /// A stranger locks the row of one stream, and appends of a program with a single lane wait for it: appends to others go on,
    /// and none of them fails.
    pub(super) async fn lock_stream(&self) {
        // With the ordinary limit of a statement: an append that waits for the row does not fail before the end.
        let url = self.topology.direct().replace("statement_timeout_ms=4000", "append_lanes=1");
        let Ok(store) = open(&url).await else { return };
        let append = |name: String| {
            let (store, world) = (store.clone(), Arc::clone(&self.world));
            async move {
                let (events, losses) = (Noted::many(1), world.losses());
                let ids = events.iter().map(NewEvent::id).collect();
                let appended = store.append(&stream(&name), ExpectedVersion::Any, events).await;
                appended.map(|_| world.acknowledged(ids, losses))
            }
        };
        let mut stranger = self.topology.inspect().await;
        let lock = format!(
            "BEGIN; SELECT FROM event_store.streams WHERE stream_id = '{LOCKED}' FOR UPDATE"
        );
        pg::run(&mut stranger, &lock).await;
        let waiting: Vec<_> = (0..WAITING).map(|_| tokio::spawn(append(LOCKED.into()))).collect();
        let others = (0..BESIDE).map(|_| append(format!("beside-{}", EventId::new())));
        let others: Vec<_> = others.map(tokio::spawn).collect();
        until(LONG / 4, || others.iter().all(JoinHandle::is_finished)).await;
        let late = others.iter().filter(|other| !other.is_finished()).count();
        pg::run(&mut stranger, "ROLLBACK").await;
        let mut failed = Vec::new();
        for other in others {
            failed.extend(other.await.unwrap().err().map(|error| error.to_string()));
        }
        if late > 0 || !failed.is_empty() {
            let what = format!(
                "{late} of {BESIDE} appends waited, {} failed, {:?}",
                failed.len(),
                failed.first()
            );
            self.world.violation("a locked stream holds up others", what);
        }
        for append in waiting {
            let _ = append.await.unwrap();
        }
        store.close().await;
    }

    /// A process is stopped between append and commit, and goes on later, or is killed.
    pub(super) async fn stop_writer(&mut self) {
        let process = WriterProcess::start(&self.topology.direct(), &self.world);
        if !blocking(|| process.wait_for_append(LONG)) {
            return self.world.violation("appends stand still", "in a process of its own");
        }
        process.signal("STOP");
        self.world.appends_go_on(40, "a stopped writer").await;
        if self.rng.bool() {
            process.signal("CONT");
            self.world.appends_go_on(20, "a writer that goes on").await;
        }
    }

    /// Reads that are given up leave no connections behind.
    pub(super) async fn starve_pool(&mut self) {
        const NAME: &str = "chaos-starved";
        let options: PgOptions = self.topology.direct().parse().unwrap();
        let options = options.pool_size(STARVED).notify(false).application_name(NAME);
        let Ok(adapter) = options.connect().await else { return };
        let store = EventStore::new(adapter).unwrap();
        self.topology.gate.delay(Duration::from_millis(40));
        for _ in 0..60 {
            let read = store.read_all(AllOptions::new());
            let _ = tokio::time::timeout(Duration::from_millis(20), read).await;
        }
        let mut inspect = self.topology.inspect().await;
        let count =
            format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}'");
        let connections = pg::number(&mut inspect, &count).await;
        self.topology.gate.delay(Duration::ZERO);
        if connections > i64::from(STARVED) + SPARE {
            let what = format!("{connections} of a pool of {STARVED}");
            self.world.violation("connections beyond the pool", what);
        }
        store.close().await;
    }

    /// Other programs use all connections of the server for a while.
    pub(super) async fn fill_connections(&mut self) {
        let url = self.topology.primary.url("postgres");
        let mut taken = Vec::new();
        self.topology.gate.cut();
        while let Ok(connection) = PgConnection::connect(&url).await {
            taken.push(connection);
        }
        tokio::time::sleep(Duration::from_millis(self.rng.u64(200..1_000))).await;
        for connection in taken {
            let _ = connection.close().await;
        }
    }

    /// The sequence falls behind the rows, as after an incomplete restore: a store is not opened until it is repaired.
    /// Living processes may refuse everything meanwhile.
    pub(super) async fn set_back(&mut self) {
        self.world.is_sequence_behind.store(true, Ordering::SeqCst);
        self.topology.gate.close();
        self.set_sequence("greatest(1, max(position) - 60)").await;
        blocking(|| {
            self.topology.primary.crash();
            self.topology.primary.restart();
        });
        match open(&self.topology.past_the_gate()).await {
            Err(error) if !error.is_transient() => {}
            opened => {
                let what = format!("{:?}", opened.map(drop));
                self.world.violation("a sequence behind its rows is accepted", what);
            }
        }
        self.topology.gate.point_to(self.topology.primary.address());
        tokio::time::sleep(Duration::from_millis(self.rng.u64(100..1_000))).await;
        self.topology.gate.close();
        let options: PgOptions = self.topology.past_the_gate().parse().unwrap();
        if let Err(error) = options.repair_sequences().await {
            self.world.violation("a sequence is not repaired", with_causes(&error));
        }
        self.topology.gate.point_to(self.topology.primary.address());
        self.world.appends_go_on(20, "the repair of a sequence").await;
        self.world.is_sequence_behind.store(false, Ordering::SeqCst);
    }

    /// Sets the sequence, when nobody appends any more.
    async fn set_sequence(&self, to: &str) {
        let mut inspect = self.topology.inspect().await;
        let clients = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(until_async(LONG, async || pg::number(&mut inspect, clients).await == 0).await);
        let set =
            format!("SELECT setval('event_store.position_seq', {to}) FROM event_store.events");
        pg::number(&mut inspect, &set).await;
    }

    /// A durable subscription is deleted and made anew with another filter, while a consumer of the old one lives.
    pub(super) async fn make_anew(&mut self) {
        let name = format!("anew-{}", self.readers.len());
        let Ok(store) = open(&self.topology.direct()).await else { return };
        let old = Reader::durable(&*name, Some("hot"), &self.world);
        let consuming = tokio::spawn({
            let (old, store) = (Arc::clone(&old), store.clone());
            async move { old.consume_once(&store, 1).await }
        });
        until(LONG, || old.count() > 50).await;
        let new = Reader::durable(&*name, Some("cold"), &self.world);
        if store.subscription(&name).delete().await.is_ok() {
            self.tasks.push(new.consume(store, 1));
            self.readers.push(new);
        }
        self.world.appends_go_on(40, "a subscription that was made anew").await;
        self.old_consumers.push((name, consuming));
    }
}
