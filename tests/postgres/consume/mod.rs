//! Durable subscriptions on PostgreSQL: consumers in separate processes, whose work is checked against the log, and
//! checkpoints in transactions of the caller.

mod jumps;
mod leases;
mod torture;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_core::subscription::DurableSubscription;
use event_core::{
    AllOptions, Error, EventStore, ExpectedVersion, Position, RecordedEvent, RetryPolicy, StartFrom,
};
use event_postgres::PgOptions;
use event_testing::{Noted, Sightings};
use sqlx::PgConnection;

use crate::{pg, stream};

/// Environment of a consumer process: the URL of its store, and the file of handled positions.
const CHILD_URL: &str = "EVENTS_CONSUME_CHILD_URL";
const CHILD_FILE: &str = "EVENTS_CONSUME_CHILD_FILE";
const LEASE: Duration = Duration::from_millis(600);
const TIMEOUT: Duration = Duration::from_mins(2);
const PARTITIONS: u32 = 6;

fn shared(store: &EventStore) -> DurableSubscription {
    store
        .subscription("shared")
        .partitions(PARTITIONS)
        .checkpoint_interval(Duration::from_millis(20))
        .lease(LEASE)
}

async fn open(options: PgOptions) -> EventStore {
    let adapter = options.connect().await.unwrap();
    let policy = RetryPolicy::default().retries(20).first_delay(Duration::from_millis(5));
    EventStore::builder(adapter).retry(policy).stream_limit(None).build().unwrap()
}

/// A file of the positions that all consumers handled: one line per event, in the order of handling.
struct Handled(PathBuf);

impl Handled {
    fn new() -> Self {
        let file = tempfile::Builder::new().prefix("event-consume-").tempfile().unwrap();
        Self(file.into_temp_path().keep().unwrap())
    }

    fn sightings(&self) -> Sightings {
        let mut seen = Sightings::new();
        let text = std::fs::read_to_string(&self.0).unwrap();
        // The last line may be incomplete.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            seen.saw(Position::new(line.parse().unwrap()));
        }
        seen
    }

    /// Waits until that many distinct events are handled.
    async fn wait_for(&self, events: usize) {
        let start = Instant::now();
        while self.sightings().distinct() < events {
            let seen = self.sightings().distinct();
            assert!(start.elapsed() < TIMEOUT, "{seen} of {events} events are handled");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Handled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Handles an event: writes its line in one call, so that the line is complete or missing.
fn handle(file: &File, event: &RecordedEvent) -> Result<(), Error> {
    let line = format!("{}\n", event.position());
    (&*file).write_all(line.as_bytes()).map_err(|error| Error::adapter("handle", error))
}

fn append_to(path: &Path) -> Arc<File> {
    Arc::new(OpenOptions::new().append(true).open(path).unwrap())
}

/// A consumer in a separate process.
struct Process(Child);

impl Process {
    fn start(url: &str, handled: &Handled) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "consume::consumer_process", "--nocapture"])
            .env(CHILD_URL, url)
            .env(CHILD_FILE, &handled.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Sends a signal: `STOP` freezes the process, `CONT` resumes it.
    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), self.0.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }
}

impl Drop for Process {
    /// Kills the process with `SIGKILL`.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Entry point of a consumer process: consumes until it is killed. Does nothing as an ordinary test.
#[test]
fn consumer_process() {
    let Some(url) = std::env::var_os(CHILD_URL) else { return };
    let file = append_to(Path::new(&std::env::var_os(CHILD_FILE).unwrap()));
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let options: PgOptions = url.to_str().unwrap().parse().unwrap();
        let store = open(options.pool_size(4)).await;
        let handler = move |event: Arc<RecordedEvent>| {
            let file = Arc::clone(&file);
            async move {
                tokio::task::yield_now().await;
                handle(&file, &event)
            }
        };
        // Tests terminate its connections as well: it opens the subscription again until it is killed.
        loop {
            let end = shared(&store).run(handler.clone()).await;
            eprintln!("{end:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

async fn log(store: &EventStore) -> Vec<RecordedEvent> {
    let mut events = store.all_events(AllOptions::new());
    let mut log = Vec::new();
    while let Some(event) = events.next().await {
        log.push(event.unwrap());
    }
    log
}

/// A log that was restored from an older backup and appended to since.
#[tokio::test]
async fn a_restored_log_is_detected_as_diverged() {
    let database = pg::shared().database().await;
    let store = open(database.options()).await;
    store.append(&stream("a"), ExpectedVersion::Any, Noted::many(20)).await.unwrap();
    let mut consumer = shared(&store).open().await.unwrap();
    for _ in 0..20 {
        consumer.next().await.unwrap().unwrap().ack().unwrap();
    }
    consumer.close().await.unwrap();
    let mut direct = database.connection().await;
    restore(&mut direct, 12).await;
    let store = open(database.options()).await;
    let error = shared(&store).open().await.unwrap_err();
    assert_eq!(error.code(), "log_diverged", "{error}");
    store.append(&stream("b"), ExpectedVersion::Any, Noted::many(30)).await.unwrap();
    let error = shared(&store).open().await.unwrap_err();
    assert!(matches!(error, Error::LogDiverged { .. }), "{error:?}");
    shared(&store).reset(StartFrom::After(Position::new(12))).await.unwrap();
    let mut consumer = shared(&store).open().await.unwrap();
    let first = consumer.next().await.unwrap().unwrap();
    assert_eq!(
        (first.event().stream_id().as_str(), first.event().stream_version().get()),
        ("b", 1)
    );
}

async fn restore(connection: &mut PgConnection, position: i64) {
    pg::run(connection, &format!("DELETE FROM event_store.events WHERE position > {position}"))
        .await;
    pg::run(connection, &format!("UPDATE event_store.streams SET version = {position}")).await;
    pg::run(connection, &format!("SELECT setval('event_store.position_seq', {position})")).await;
}

/// The checkpoint is committed together with the caller's rows, and only while its lease holds.
#[tokio::test]
async fn a_checkpoint_is_saved_in_a_transaction_of_the_caller() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.options().connect().await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("a"), ExpectedVersion::Any, Noted::many(3)).await.unwrap();
    let mut direct = database.connection().await;
    pg::run(&mut direct, "CREATE TABLE derived (position bigint)").await;
    let derived = "SELECT count(*) FROM derived";
    let subscription = || store.subscription("model").lease(LEASE);
    let mut consumer = subscription().open().await.unwrap();
    for (end, rows) in [("ROLLBACK", 0), ("COMMIT", 1)] {
        let delivery = consumer.next().await.unwrap().unwrap();
        let (key, partition, token) = delivery.lease();
        pg::run(&mut direct, "BEGIN").await;
        let checkpoint = delivery.checkpoint();
        assert!(
            adapter
                .save_checkpoint_in(&mut direct, key, partition, token, checkpoint)
                .await
                .unwrap()
        );
        let again =
            adapter.save_checkpoint_in(&mut direct, key, partition, token, checkpoint).await;
        assert!(!again.unwrap(), "a checkpoint is saved once");
        pg::run(&mut direct, "INSERT INTO derived VALUES (1)").await;
        pg::run(&mut direct, end).await;
        assert_eq!(pg::number(&mut direct, derived).await, rows);
        if rows == 0 {
            delivery.fail("rolled back").unwrap();
        }
    }
    // The delivery was not acknowledged, but its checkpoint is saved.
    consumer.close().await.unwrap();
    let mut consumer = subscription().open().await.unwrap();
    let second = consumer.next().await.unwrap().unwrap();
    assert_eq!(second.event().stream_version().get(), 2);
    let (key, partition, token) = second.lease();
    subscription().reset(StartFrom::Beginning).await.unwrap();
    let checkpoint = second.checkpoint();
    assert!(
        !adapter.save_checkpoint_in(&mut direct, key, partition, token, checkpoint).await.unwrap()
    );
}
