//! Durable subscriptions on a server: consumers in processes of their own, whose work is held against the log, and what
//! only a server's store has.

mod jumps;
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

/// Set for a consumer in a process of its own: the store, and the file of what was handled.
const CHILD_URL: &str = "EVENTS_CONSUME_CHILD_URL";
const CHILD_FILE: &str = "EVENTS_CONSUME_CHILD_FILE";
const LEASE: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_mins(2);
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
    let policy = RetryPolicy::default().with_retries(20).with_first_delay(Duration::from_millis(5));
    EventStore::builder(adapter).retry(policy).stream_limit(None).build().unwrap()
}

/// What was handled, by everybody: one line an event, in the order in which they came to it.
struct Handled(PathBuf);

impl Handled {
    fn new() -> Self {
        let file = tempfile::Builder::new().prefix("event-consume-").tempfile().unwrap();
        Self(file.into_temp_path().keep().unwrap())
    }

    fn sightings(&self) -> Sightings {
        let mut seen = Sightings::new();
        let text = std::fs::read_to_string(&self.0).unwrap();
        // The last line may be cut.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            seen.saw(Position::new(line.parse().unwrap()));
        }
        seen
    }

    async fn are(&self, events: usize) {
        let start = Instant::now();
        while self.sightings().distinct() < events {
            let seen = self.sightings().distinct();
            assert!(start.elapsed() < PATIENCE, "{seen} of {events} were handled");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Handled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Handles an event: writes a line that is whole or not there.
fn handle(file: &File, event: &RecordedEvent) -> Result<(), Error> {
    let line = format!("{}\n", event.position());
    (&*file).write_all(line.as_bytes()).map_err(|error| Error::adapter("handle", error))
}

fn append_to(path: &Path) -> Arc<File> {
    Arc::new(OpenOptions::new().append(true).open(path).unwrap())
}

/// A consumer in a process of its own.
struct Process(Child);

impl Process {
    fn start(url: &str, handled: &Handled) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "consume::a_consumer_in_a_process_of_its_own", "--nocapture"])
            .env(CHILD_URL, url)
            .env(CHILD_FILE, &handled.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// `STOP` freezes it in whatever it does, `CONT` lets it go on.
    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), self.0.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }
}

impl Drop for Process {
    /// As `kill -9`.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program that is killed and frozen: it consumes for ever.
#[test]
fn a_consumer_in_a_process_of_its_own() {
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
        // Its connections are ended, too: it is opened again until somebody kills it.
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

/// A log that was put back to an older copy, on which others write again.
#[tokio::test]
async fn a_restored_log_is_not_taken_for_the_one_that_was_followed() {
    let database = pg::shared().database().await;
    let store = open(database.options()).await;
    store.append(&stream("a"), ExpectedVersion::Any, Noted::many(20)).await.unwrap();
    let mut consumer = shared(&store).open().await.unwrap();
    for _ in 0..20 {
        consumer.next().await.unwrap().unwrap().ack().unwrap();
    }
    consumer.close().await.unwrap();
    let mut behind = database.connection().await;
    restore(&mut behind, 12).await;
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

/// The checkpoint moves with what the caller makes of the events, or not at all; and only for who has the partition.
#[tokio::test]
async fn a_checkpoint_moves_in_the_callers_transaction() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.options().connect().await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("a"), ExpectedVersion::Any, Noted::many(3)).await.unwrap();
    let mut behind = database.connection().await;
    pg::run(&mut behind, "CREATE TABLE made (position bigint)").await;
    let made = "SELECT count(*) FROM made";
    let subscription = || store.subscription("model").lease(LEASE);
    let mut consumer = subscription().open().await.unwrap();
    for (answer, rows) in [("ROLLBACK", 0), ("COMMIT", 1)] {
        let delivery = consumer.next().await.unwrap().unwrap();
        let (key, partition, token) = delivery.lease();
        pg::run(&mut behind, "BEGIN").await;
        let checkpoint = delivery.checkpoint();
        assert!(
            adapter
                .save_checkpoint_in(&mut behind, key, partition, token, checkpoint)
                .await
                .unwrap()
        );
        let again =
            adapter.save_checkpoint_in(&mut behind, key, partition, token, checkpoint).await;
        assert!(!again.unwrap(), "an event is let through once");
        pg::run(&mut behind, "INSERT INTO made VALUES (1)").await;
        pg::run(&mut behind, answer).await;
        assert_eq!(pg::number(&mut behind, made).await, rows);
        if rows == 0 {
            delivery.fail("rolled back").unwrap();
        }
    }
    // It was not answered here, and is done all the same.
    consumer.close().await.unwrap();
    let mut consumer = subscription().open().await.unwrap();
    let second = consumer.next().await.unwrap().unwrap();
    assert_eq!(second.event().stream_version().get(), 2);
    let (key, partition, token) = second.lease();
    subscription().reset(StartFrom::Beginning).await.unwrap();
    let checkpoint = second.checkpoint();
    assert!(
        !adapter.save_checkpoint_in(&mut behind, key, partition, token, checkpoint).await.unwrap()
    );
}
