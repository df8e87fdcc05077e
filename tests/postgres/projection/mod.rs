//! Projections in tables: each event is applied exactly once even if processes are killed; builds exist side by side; an
//! event that cannot be applied stops the projection and is never skipped.
//!
//! `PROJECTION_KILLS=50 cargo test -p event-tests --features postgres --test postgres -- projection:: --nocapture` sets
//! the number of kills.

mod builds;
mod slow;

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use event_core::adapter::Adapter as _;
use event_core::error::BoxError;
use event_core::serde_json::value::RawValue;
use event_core::{
    BatchSize, Error, Event, EventId, EventStore, EventVersion, ExpectedVersion, Filter, NewEvent,
    Position, RecordedEvent,
};
use event_postgres::{PgAdapter, PgProjection};
use event_testing::{Closed, Noted};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use sqlx::PgConnection;
use tokio::task::JoinHandle;

use crate::frontier::slow_append;
use crate::{pg, stream};

/// Environment of a projector process: the URL of its store.
const PROJECTOR: &str = "EVENT_TESTS_PROJECTOR";

#[derive(Event)]
enum Notes {
    Noted(Noted),
    Closed(Closed),
}

/// Stores the position of every event in a table without a unique key, so that duplicates show, and a digest per stream
/// that depends on the order.
struct Digests<const BUILD: u32>;

const DIGESTS: &str = "CREATE TABLE seen (position bigint NOT NULL); \
                       CREATE TABLE digests (stream text PRIMARY KEY, digest bigint NOT NULL)";

impl<const BUILD: u32> PgProjection for Digests<BUILD> {
    type Event = Notes;
    const NAME: &'static str = "digests";
    const BUILD: u32 = BUILD;

    fn filter(&self) -> Filter {
        Filter::all().category("note")
    }

    async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(DIGESTS).execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        for (event, recorded) in events {
            match event {
                Notes::Noted(noted) if noted.text == "refuse" => return Err("refused".into()),
                Notes::Noted(_) | Notes::Closed(_) => {}
            }
            let position = i64::try_from(recorded.position().get())?;
            sqlx::query("INSERT INTO seen VALUES ($1)")
                .bind(position)
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO digests VALUES ($1, $2) \
                 ON CONFLICT (stream) DO UPDATE SET digest = (digests.digest * 31 + $2) % 1000000007",
            )
            .bind(recorded.stream_id().as_str())
            .bind(position)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }
}

async fn adapter(url: &str) -> Arc<PgAdapter> {
    Arc::new(PgAdapter::connect(url).await.unwrap())
}

fn store(adapter: &Arc<PgAdapter>) -> EventStore {
    EventStore::new(Arc::clone(adapter)).unwrap()
}

async fn append(store: &EventStore, name: &str, events: Vec<NewEvent>) -> Position {
    store.append(&stream(name), ExpectedVersion::Any, events).await.unwrap().position
}

/// Asserts that the tables equal a fold of the log, and returns the number of events in them.
async fn assert_equals_log(
    store: &EventStore,
    connection: &mut PgConnection,
    schema: &str,
) -> usize {
    let mut positions = Vec::new();
    let mut digests = BTreeMap::new();
    let notes = event_core::AllOptions::new().category("note");
    let mut log = store.all_tenants().all_events(notes);
    while let Some(event) = log.next().await {
        let event = event.unwrap();
        let position = i64::try_from(event.position().get()).unwrap();
        positions.push(position);
        digests
            .entry(event.stream_id().as_str().to_owned())
            .and_modify(|digest| *digest = (*digest * 31 + position) % 1_000_000_007)
            .or_insert(position);
    }
    let seen = format!("SELECT position FROM {schema}.seen ORDER BY position");
    let seen: Vec<(i64,)> =
        sqlx::query_as(sqlx::AssertSqlSafe(seen)).fetch_all(&mut *connection).await.unwrap();
    let seen: Vec<i64> = seen.into_iter().map(|(position,)| position).collect();
    assert_eq!(seen, positions, "each event once");
    let found = format!("SELECT stream, digest FROM {schema}.digests");
    let found: Vec<(String, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(found)).fetch_all(connection).await.unwrap();
    assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), digests, "in the order of the log");
    positions.len()
}

/// Entry point of a projector process: runs until it is killed. Does nothing as an ordinary test.
#[tokio::test]
async fn projector_process() {
    if let Ok(url) = std::env::var(PROJECTOR) {
        project(&url).await.unwrap();
    }
}

/// Runs the projection in small transactions, so that some commit between the kills.
async fn project(url: &str) -> event_core::Result<()> {
    let adapter = Arc::new(PgAdapter::connect(url).await?);
    let projector = adapter.projector(Digests::<1>).await?;
    projector.batch(BatchSize::new(20)?).run().await
}

/// Runs the projection in a task. If a connection is lost before `run` retries on its own, the task starts again.
fn task(url: String) -> JoinHandle<event_core::Result<()>> {
    tokio::spawn(async move {
        loop {
            match project(&url).await {
                Err(error) if error.is_transient() => tokio::time::sleep(SHORT).await,
                ended => return ended,
            }
        }
    })
}

fn process(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["projection::projector_process", "--exact"])
        .env(PROJECTOR, url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the projection has made progress.
async fn wait_for_progress(adapter: &PgAdapter) {
    let status = adapter.projection_status("digests", None).await.unwrap();
    let next = status.map_or(1, |status| status.position.get() + 1);
    let long = Duration::from_mins(1);
    assert!(adapter.wait_for_projection("digests", Position::new(next), long).await.unwrap());
}

const SHORT: Duration = Duration::from_millis(5);

const TERMINATE_PROJECTORS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                             WHERE datname = current_database() AND application_name = 'consumer'";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_are_a_fold_of_the_log_after_any_number_of_kills() {
    let kills: u32 = std::env::var("PROJECTION_KILLS").map_or(12, |n| n.parse().unwrap());
    let database = pg::shared().database().await;
    let url = format!("{}&application_name=consumer", database.url);
    let url = if database.url.contains('?') { url } else { url.replacen('&', "?", 1) };
    let writer = adapter(&database.url).await;
    let (done, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..3)
        .map(|n| {
            let (store, done) = (store(&writer), Arc::clone(&done));
            let written = Arc::clone(&written);
            tokio::spawn(async move {
                let mut rng = fastrand::Rng::with_seed(n);
                while !done.load(Ordering::SeqCst) {
                    let count = rng.usize(1..5);
                    let name =
                        format!("{}-{}", rng.choice(["note", "else"]).unwrap(), rng.u8(0..6));
                    append(&store, &name, Noted::many(count)).await;
                    written.fetch_add(count as u64, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();

    let mut connection = database.connection().await;
    let mut rng = fastrand::Rng::with_seed(u64::from(kills));
    let (mut aborted, mut ended, mut killed) = (0, 0, 0);
    for kill in 0..kills {
        // One process or task, sometimes one more task.
        let mut process = (kill % 3 == 2).then(|| process(&url));
        let tasks = u8::from(process.is_none()) + u8::from(rng.u8(0..3) == 0);
        let tasks: Vec<_> = (0..tasks).map(|_| task(url.clone())).collect();
        wait_for_progress(&writer).await;
        // Often in the middle of a transaction.
        tokio::time::sleep(Duration::from_millis(rng.u64(0..40))).await;
        match &mut process {
            Some(process) => {
                process.kill().unwrap();
                process.wait().unwrap();
                killed += 1;
            }
            None if kill % 3 == 1 => {
                // The task continues with a new connection.
                ended += pg::number(&mut connection, TERMINATE_PROJECTORS).await;
                wait_for_progress(&writer).await;
            }
            None => aborted += 1,
        }
        for task in tasks {
            task.abort();
            let ended = task.await;
            assert!(ended.as_ref().is_err_and(tokio::task::JoinError::is_cancelled), "{ended:?}");
        }
    }
    let status = writer.projection_status("digests", None).await.unwrap().unwrap();
    done.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let mut last = adapter(&database.url).await.projector(Digests::<1>).await.unwrap();
    last.catch_up().await.unwrap();
    let events = assert_equals_log(&store(&writer), &mut connection, last.schema()).await;
    assert_eq!(last.status().await.unwrap().events, events as u64);
    println!(
        "{kills} kills: {aborted} tasks aborted, {ended} connections ended, {killed} processes killed; \
         {events} of {} events in the tables, {} before the last run",
        written.load(Ordering::SeqCst),
        status.events
    );
}

#[tokio::test]
async fn it_stops_before_an_event_that_it_cannot_decode_or_apply() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    let store = store(&adapter);
    append(&store, "note-1", Noted::many(5)).await;
    let raw = RawValue::from_string("{}".into()).unwrap();
    let strange = NewEvent::raw("contract.strange", EventVersion::FIRST, raw);
    let at = append(&store, "note-1", vec![strange]).await;
    append(&store, "note-1", Noted::many(5)).await;
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    for _ in 0..2 {
        let error = projector.catch_up().await.unwrap_err();
        let Error::UnknownEventType { at: Some(location), .. } = &error else { panic!("{error}") };
        assert_eq!(location.position, at);
        assert_eq!(projector.status().await.unwrap().events, 5, "the events before it are applied");
    }
    assert!(matches!(projector.run().await, Err(Error::UnknownEventType { .. })));

    // An error of the projection rolls its batch back as a whole.
    let database = pg::shared().database().await;
    let adapter = self::adapter(&database.url).await;
    let store = self::store(&adapter);
    append(&store, "note-1", Noted::many(5)).await;
    append(&store, "note-1", vec![Noted::new("refuse").into()]).await;
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    for _ in 0..2 {
        let error = projector.catch_up().await.unwrap_err();
        assert!(event_core::error::with_causes(&error).contains("refused"), "{error}");
        let status = projector.status().await.unwrap();
        assert_eq!((status.events, status.position), (0, Position::START));
        let mut connection = database.connection().await;
        assert_eq!(pg::number(&mut connection, "SELECT count(*) FROM digests_1.seen").await, 0);
    }
}

/// The same build with another filter.
struct Elsewhere;

impl PgProjection for Elsewhere {
    type Event = Notes;
    const NAME: &'static str = "digests";
    const BUILD: u32 = 1;

    async fn create(&self, _: &mut PgConnection) -> Result<(), BoxError> {
        Err("no tables".into())
    }

    async fn apply(
        &self,
        _: &mut PgConnection,
        _: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn another_filter_and_another_log_are_refused() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    let (store, mut connection) = (store(&adapter), database.connection().await);
    append(&store, "note-1", Noted::many(5)).await;
    let error = adapter.projector(Elsewhere).await.unwrap_err();
    assert!(event_core::error::with_causes(&error).contains("no tables"), "{error}");
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    projector.catch_up().await.unwrap();
    let error = adapter.projector(Elsewhere).await.unwrap_err();
    assert!(event_core::error::with_causes(&error).contains("raise its number"), "{error}");

    for change in [
        "position = position + 1000",
        "event_position = event_position - 1",
        "event_id = '00000000-0000-0000-0000-000000000001'",
    ] {
        pg::run(&mut connection, "CREATE TABLE saved AS SELECT * FROM event_store.projections")
            .await;
        pg::run(&mut connection, &format!("UPDATE event_store.projections SET {change}")).await;
        let error = adapter.projector(Digests::<1>).await.unwrap_err();
        assert!(matches!(error, Error::LogDiverged { .. }), "{change}: {error}");
        assert_eq!(error.code(), "log_diverged");
        pg::run(
            &mut connection,
            "DELETE FROM event_store.projections; INSERT INTO event_store.projections SELECT * FROM saved; DROP TABLE saved",
        )
        .await;
    }
    // The removal of the last applied event with its stream is no divergence.
    let delete = event_core::Delete::Hard;
    store.delete_stream(&stream("note-1"), ExpectedVersion::Any, delete).await.unwrap();
    adapter.projector(Digests::<1>).await.unwrap();
    // Nor is it for a program that starts now, for which the log ends before the checkpoint.
    self::adapter(&database.url).await.projector(Digests::<1>).await.unwrap();
}

/// A program that starts while an append is in flight cannot tell yet that an earlier gap is a rollback, and reads only up to
/// the gap; a program that saw the rollback reads past it. The checkpoint of the latter is no divergence for the former.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_past_a_gap_is_no_divergence_for_a_program_that_starts_later() {
    let database = pg::shared().database().await;
    let first = adapter(&database.url).await;
    let (store, mut slow) = (store(&first), database.connection().await);
    // The frontier that a program keeps for others, now and then, would tell the later one of the rollback.
    pg::run(
        &mut slow,
        "CREATE FUNCTION keep_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE TRIGGER keep_nothing BEFORE INSERT OR UPDATE ON event_store.kept_frontier \
         FOR EACH ROW EXECUTE FUNCTION keep_nothing()",
    )
    .await;
    append(&store, "note-1", Noted::many(1)).await;
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-1", EventId::new()).await;
    pg::run(&mut slow, "ROLLBACK").await;
    append(&store, "note-2", Noted::many(1)).await;
    first.projector(Digests::<1>).await.unwrap().catch_up().await.unwrap();

    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-2", EventId::new()).await;
    let second = adapter(&database.url).await;
    let position =
        second.projection_status(Digests::<1>::NAME, None).await.unwrap().unwrap().position;
    assert!(
        second.live().head().await.unwrap() < position,
        "the log ends before the checkpoint for now"
    );
    second.projector(Digests::<1>).await.unwrap();
    pg::run(&mut slow, "COMMIT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_can_wait_for_its_own_events() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    let (store, mut connection) = (store(&adapter), database.connection().await);
    let short = Duration::from_millis(5);
    assert!(!adapter.wait_for_projection("digests", Position::START, short).await.unwrap());
    let runner = tokio::spawn({
        let adapter = Arc::clone(&adapter);
        async move { adapter.projector(Digests::<1>).await.unwrap().run().await }
    });
    let long = Duration::from_secs(20);
    for n in 1..=20_i64 {
        let at = append(&store, "note-1", Noted::many(1)).await;
        assert!(adapter.wait_for_projection("digests", at, long).await.unwrap());
        assert_eq!(pg::number(&mut connection, "SELECT count(*) FROM digests_1.seen").await, n);
    }
    // Events that the filter leaves out move the checkpoint as well.
    let at = append(&store, "else-1", Noted::many(1)).await;
    assert!(adapter.wait_for_projection("digests", at, long).await.unwrap());
    runner.abort();
    let _ = runner.await;
    let at = append(&store, "else-1", Noted::many(1)).await;
    assert!(!adapter.wait_for_projection("digests", at, short).await.unwrap());
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), 0);
    assert!(adapter.wait_for_projection("digests", at, short).await.unwrap());
}

#[tokio::test]
async fn the_lag_is_a_metric() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    append(&store(&adapter), "note-1", Noted::many(30)).await;
    let projector = adapter.projector(Digests::<1>).await.unwrap();
    let mut projector = projector.batch(BatchSize::new(20).unwrap());
    let mut lags = Vec::new();
    let lag = || {
        let name = "event_store_projection_lag_events";
        let mut found = snapshotter.snapshot().into_vec().into_iter();
        found.find(|(key, ..)| key.key().name() == name).map(|(.., value)| value)
    };
    projector.catch_up().progress(|_| lags.push(lag())).await.unwrap();
    assert_eq!(lags, [10.0, 0.0].map(|events: f64| Some(DebugValue::Gauge(events.into()))));
}
