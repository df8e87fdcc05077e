//! Projections in tables of the file: each event is applied exactly once even if processes are killed; builds exist side by
//! side; an event that cannot be applied stops the projection and is never skipped.
//!
//! `PROJECTION_KILLS=50 cargo test -p event-tests --test suite -- sqlite::projection --nocapture` sets the number of
//! kills.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_core::error::{BoxError, with_causes};
use event_core::serde_json::value::RawValue;
use event_core::{
    AllOptions, BatchSize, Delete, Error, Event, EventStore, EventVersion, ExpectedVersion, Filter,
    NewEvent, Position, RecordedEvent,
};
use event_sqlite::{SqliteAdapter, SqliteProjection, SqliteTables};
use event_testing::{Closed, Noted};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{new_file, open, plain_connection, run, stream};

/// Environment of a projector process: the path of its store.
const PROJECTOR: &str = "EVENTS_PROJECTOR";
const LONG: Duration = Duration::from_mins(1);

#[derive(Event)]
enum Notes {
    Noted(Noted),
    Closed(Closed),
}

/// Stores the position of every event in a table without a unique key, so that duplicates show, and a digest per stream
/// that depends on the order.
struct Digests<const BUILD: u32>;

impl<const BUILD: u32> SqliteProjection for Digests<BUILD> {
    type Event = Notes;
    const NAME: &'static str = "digests";
    const BUILD: u32 = BUILD;

    fn filter(&self) -> Filter {
        Filter::all().category("note")
    }

    async fn create(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
    ) -> Result<(), BoxError> {
        for table in [
            "CREATE TABLE {seen} (position INTEGER NOT NULL) STRICT",
            "CREATE TABLE {digests} (stream TEXT PRIMARY KEY, digest INTEGER NOT NULL) STRICT",
        ] {
            sqlx::query(tables.sql(table)).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        const DIGEST: &str = "INSERT INTO {digests} VALUES (?1, ?2) \
            ON CONFLICT (stream) DO UPDATE SET digest = (digest * 31 + ?2) % 1000000007";
        for (event, recorded) in events {
            match event {
                Notes::Noted(noted) if noted.text == "refuse" => return Err("refused".into()),
                Notes::Noted(_) | Notes::Closed(_) => {}
            }
            let position = i64::try_from(recorded.position().get())?;
            let seen = sqlx::query(tables.sql("INSERT INTO {seen} VALUES (?1)")).bind(position);
            seen.execute(&mut *connection).await?;
            let digest = sqlx::query(tables.sql(DIGEST)).bind(recorded.stream_id().as_str());
            digest.bind(position).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

async fn adapter(path: &Path) -> Arc<SqliteAdapter> {
    Arc::new(open(path).await)
}

fn store(adapter: &Arc<SqliteAdapter>) -> EventStore {
    EventStore::new(Arc::clone(adapter)).unwrap()
}

async fn append(store: &EventStore, name: &str, events: Vec<NewEvent>) -> Position {
    store.append(&stream(name), ExpectedVersion::Any, events).await.unwrap().position
}

async fn number(connection: &mut SqliteConnection, query: &'static str) -> i64 {
    sqlx::query(query).fetch_one(connection).await.unwrap().get(0)
}

/// Asserts that the tables equal a fold of the log, and returns the number of events in them.
async fn assert_equals_log(store: &EventStore, path: &Path, prefix: &str) -> usize {
    let mut connection = plain_connection(path).await;
    let mut positions = Vec::new();
    let mut digests = BTreeMap::new();
    let mut log = store.all_events(AllOptions::new().category("note"));
    while let Some(event) = log.next().await {
        let event = event.unwrap();
        let position = i64::try_from(event.position().get()).unwrap();
        positions.push(position);
        digests
            .entry(event.stream_id().as_str().to_owned())
            .and_modify(|digest| *digest = (*digest * 31 + position) % 1_000_000_007)
            .or_insert(position);
    }
    let seen = AssertSqlSafe(format!("SELECT position FROM {prefix}seen ORDER BY position"));
    let seen: Vec<(i64,)> = sqlx::query_as(seen).fetch_all(&mut connection).await.unwrap();
    let seen: Vec<i64> = seen.into_iter().map(|(position,)| position).collect();
    assert_eq!(seen, positions, "each event once");
    let found = AssertSqlSafe(format!("SELECT stream, digest FROM {prefix}digests"));
    let found: Vec<(String, i64)> = sqlx::query_as(found).fetch_all(&mut connection).await.unwrap();
    assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), digests, "in the order of the log");
    connection.close().await.unwrap();
    positions.len()
}

/// Runs the projection in small transactions, so that some commit between the kills.
async fn project(adapter: &Arc<SqliteAdapter>) -> event_core::Result<()> {
    let projector = adapter.projector(Digests::<1>).await?;
    projector.batch(BatchSize::new(20)?).run().await
}

/// Entry point of a projector process: runs until it is killed. Does nothing as an ordinary test.
#[tokio::test]
async fn projector_process() {
    if let Some(path) = std::env::var_os(PROJECTOR) {
        project(&adapter(Path::new(&path)).await).await.unwrap();
    }
}

fn process(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["sqlite::projection::projector_process", "--exact"])
        .env(PROJECTOR, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_are_a_fold_of_the_log_after_any_number_of_kills() {
    let kills: u32 = std::env::var("PROJECTION_KILLS").map_or(12, |n| n.parse().unwrap());
    let path = new_file();
    let adapter = adapter(&path).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|n| {
            let (store, stop) = (store(&adapter), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut rng = fastrand::Rng::with_seed(n);
                while !stop.load(Ordering::SeqCst) {
                    let name =
                        format!("{}-{}", rng.choice(["note", "else"]).unwrap(), rng.u8(0..6));
                    append(&store, &name, Noted::many(rng.usize(1..5))).await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let mut rng = fastrand::Rng::with_seed(u64::from(kills));
    let (mut aborted, mut killed) = (0, 0);
    for kill in 0..kills {
        // One or two processes, sometimes also a task of this process, all on the same build.
        let mut processes: Vec<_> = (0..=kill % 2).map(|_| process(&path)).collect();
        let own = Arc::clone(&adapter);
        let task = (kill % 3 == 0).then(|| tokio::spawn(async move { project(&own).await }));
        let status = adapter.projection_status("digests", None).await.unwrap();
        let next = Position::new(status.map_or(1, |status| status.position.get() + 1));
        assert!(adapter.wait_for_projection("digests", next, LONG).await.unwrap());
        // Often in the middle of a transaction.
        tokio::time::sleep(Duration::from_millis(rng.u64(0..40))).await;
        for process in &mut processes {
            process.kill().unwrap();
            process.wait().unwrap();
            killed += 1;
        }
        if let Some(task) = task {
            task.abort();
            let ended = task.await;
            assert!(ended.as_ref().is_err_and(tokio::task::JoinError::is_cancelled), "{ended:?}");
            aborted += 1;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let before = adapter.projection_status("digests", None).await.unwrap().unwrap().events;
    let mut last = adapter.projector(Digests::<1>).await.unwrap();
    last.catch_up().await.unwrap();
    let events = assert_equals_log(&store(&adapter), &path, last.schema()).await;
    assert_eq!(last.status().await.unwrap().events, events as u64);
    adapter.check().await.unwrap();
    println!(
        "{killed} processes killed, {aborted} tasks aborted; {events} events in the tables, {before} before the last run"
    );
}

#[tokio::test]
async fn a_new_build_is_filled_beside_the_old_one_and_readers_switch() {
    let path = new_file();
    let adapter = adapter(&path).await;
    let store = store(&adapter);
    append(&store, "note-1", Noted::many(500)).await;
    let mut first = adapter.projector(Digests::<1>).await.unwrap();
    let mut reports = Vec::new();
    assert_eq!(first.catch_up().progress(|progress| reports.push(progress)).await.unwrap(), 500);
    assert!(reports.len() >= 3, "{reports:?}");
    let end = reports.last().unwrap();
    assert_eq!((end.events, end.position, end.left), (500, end.goal, Some(Duration::ZERO)));
    let current = async || adapter.projection_status("digests", None).await.unwrap().unwrap();
    assert_eq!((current().await.build, current().await.schema.as_str()), (1, "digests_1_"));

    let mut second = adapter.projector(Digests::<2>).await.unwrap();
    let error = second.switch().await.unwrap_err();
    assert!(with_causes(&error).contains("behind"), "{error}");
    assert_eq!(current().await.build, 1);
    append(&store, "note-2", Noted::many(3)).await;
    assert_eq!((second.catch_up().await.unwrap(), first.catch_up().await.unwrap()), (503, 3));
    let listed = store.projections().await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|it| (it.name.as_str(), it.build, it.is_current, it.events)).collect();
    assert_eq!(listed, [("digests", 1, true, 503), ("digests", 2, false, 503)]);
    second.switch().await.unwrap();
    second.switch().await.unwrap();
    let status = current().await;
    assert_eq!((status.build, status.is_current, status.events), (2, true, 503));
    assert_eq!(SqliteTables::of(&status).name("seen"), "digests_2_seen");
    assert!(!first.status().await.unwrap().is_current);
    // Both builds exist and both can be kept up to date.
    append(&store, "note-2", Noted::many(1)).await;
    assert_eq!((first.catch_up().await.unwrap(), second.catch_up().await.unwrap()), (1, 1));
    for prefix in [first.schema(), second.schema()] {
        assert_eq!(assert_equals_log(&store, &path, prefix).await, 504);
    }
    // A new projector resumes from the stored checkpoint.
    let mut again = adapter.projector(Digests::<2>).await.unwrap();
    assert_eq!(again.catch_up().await.unwrap(), 0);

    // The first build is not the current one any more. A table of another projection matches its prefix, but is not dropped.
    let mut other = plain_connection(&path).await;
    let strange = "INSERT INTO projections (name, build, prefix, filter) VALUES ('digests_1', 7, 'digests_1_7_', ''); \
                   CREATE TABLE digests_1_7_seen (mine)";
    run(&mut other, strange).await;
    let error = adapter.drop_projection("digests", 2).await.unwrap_err();
    assert!(with_causes(&error).contains("switch to another build first"), "{error}");
    assert!(adapter.drop_projection("digests", 1).await.unwrap());
    assert!(!adapter.drop_projection("digests", 1).await.unwrap(), "it is dropped already");
    let left =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'digests_1_*'";
    assert_eq!(number(&mut other, left).await, 1);
    assert_eq!(assert_equals_log(&store, &path, second.schema()).await, 504);
    append(&store, "note-2", Noted::many(1)).await;
    let error = first.catch_up().await.unwrap_err();
    assert!(with_causes(&error).contains("is gone"), "{}", with_causes(&error));
}

#[tokio::test]
async fn foreign_tables_are_not_touched() {
    let path = new_file();
    let adapter = adapter(&path).await;
    let mut other = plain_connection(&path).await;
    run(&mut other, "CREATE TABLE digests_1_seen (mine); INSERT INTO digests_1_seen VALUES (7)")
        .await;
    let error = adapter.projector(Digests::<1>).await.unwrap_err();
    assert!(with_causes(&error).contains("digests_1_seen"), "{error}");
    assert_eq!(number(&mut other, "SELECT sum(mine) FROM digests_1_seen").await, 7);
    assert!(adapter.projection_status("digests", Some(1)).await.unwrap().is_none());
    assert!(adapter.projector(Digests::<0>).await.is_err());
    adapter.projector(Digests::<2>).await.unwrap();
}

#[tokio::test]
async fn it_stops_before_an_event_that_it_cannot_decode_or_apply() {
    let adapter = adapter(&new_file()).await;
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

    // An error of the projection rolls its batch back as a whole and does not block appends.
    let path = new_file();
    let adapter = self::adapter(&path).await;
    let store = self::store(&adapter);
    append(&store, "note-1", Noted::many(5)).await;
    append(&store, "note-1", vec![Noted::new("refuse").into()]).await;
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    let mut other = plain_connection(&path).await;
    for _ in 0..2 {
        let error = projector.catch_up().await.unwrap_err();
        assert!(with_causes(&error).contains("refused"), "{error}");
        let status = projector.status().await.unwrap();
        assert_eq!((status.events, status.position), (0, Position::START));
        assert_eq!(number(&mut other, "SELECT count(*) FROM digests_1_seen").await, 0);
        append(&store, "note-2", Noted::many(1)).await;
    }
}

/// The same build with another filter.
struct Elsewhere;

impl SqliteProjection for Elsewhere {
    type Event = Notes;
    const NAME: &'static str = "digests";
    const BUILD: u32 = 1;

    async fn create(&self, _: &mut SqliteConnection, _: &SqliteTables) -> Result<(), BoxError> {
        Err("no tables".into())
    }

    async fn apply(
        &self,
        _: &mut SqliteConnection,
        _: &SqliteTables,
        _: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn another_filter_and_another_log_are_refused() {
    let path = new_file();
    let adapter = adapter(&path).await;
    let store = store(&adapter);
    append(&store, "note-1", Noted::many(5)).await;
    let error = adapter.projector(Elsewhere).await.unwrap_err();
    assert!(with_causes(&error).contains("no tables"), "{error}");
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    projector.catch_up().await.unwrap();
    let error = adapter.projector(Elsewhere).await.unwrap_err();
    assert!(with_causes(&error).contains("raise its number"), "{error}");

    // The newest stream is removed, so that the log ends before the checkpoint: that is no divergence.
    append(&store, "note-2", Noted::many(2)).await;
    projector.catch_up().await.unwrap();
    store.delete_stream(&stream("note-2"), ExpectedVersion::Any, Delete::Hard).await.unwrap();
    let mut projector = adapter.projector(Digests::<1>).await.unwrap();
    append(&store, "note-1", Noted::many(1)).await;
    assert_eq!(projector.catch_up().await.unwrap(), 1);

    let mut other = plain_connection(&path).await;
    run(&mut other, "CREATE TABLE saved AS SELECT * FROM projections").await;
    for change in [
        "UPDATE projections SET position = position + 1000",
        "UPDATE projections SET event_position = event_position - 3",
        "UPDATE projections SET event_id = x'00000000000000000000000000000001'",
    ] {
        run(&mut other, change).await;
        let error = adapter.projector(Digests::<1>).await.unwrap_err();
        assert!(matches!(error, Error::LogDiverged { .. }), "{change}: {error}");
        run(&mut other, "DELETE FROM projections; INSERT INTO projections SELECT * FROM saved")
            .await;
    }
    adapter.projector(Digests::<1>).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_can_wait_for_its_own_events() {
    let path = new_file();
    let adapter = adapter(&path).await;
    let (store, mut other) = (store(&adapter), plain_connection(&path).await);
    let runner = tokio::spawn({
        let adapter = Arc::clone(&adapter);
        async move { project(&adapter).await }
    });
    for n in 1..=20_i64 {
        let at = append(&store, "note-1", Noted::many(1)).await;
        assert!(adapter.wait_for_projection("digests", at, LONG).await.unwrap());
        assert_eq!(number(&mut other, "SELECT count(*) FROM digests_1_seen").await, n);
    }
    // Events that the filter leaves out move the checkpoint as well.
    let at = append(&store, "else-1", Noted::many(1)).await;
    assert!(adapter.wait_for_projection("digests", at, LONG).await.unwrap());
    runner.abort();
    let _ = runner.await;
    let at = append(&store, "else-1", Noted::many(1)).await;
    let short = Duration::from_millis(5);
    assert!(!adapter.wait_for_projection("digests", at, short).await.unwrap());
}
