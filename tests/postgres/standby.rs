//! Hot standbys: they serve reads and are never written to or migrated; reads fail over to the primary; an acknowledged
//! commit is durable.

use std::convert::Infallible;
use std::time::Duration;

use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_core::{
    Aggregate, CommandId, Event, EventStore, ExpectedVersion, Outcome, ReadOptions, RetryPolicy,
};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::PgConnection;

use crate::{events, one, pg, stream};

/// Waits until a standby has replayed all that its primary has written up to now.
pub(crate) async fn catch_up(primary: &mut PgConnection, standby: &mut PgConnection) {
    let written: String = text(primary, "SELECT pg_current_wal_lsn()::text").await;
    loop {
        let replayed = format!("SELECT (pg_last_wal_replay_lsn() >= '{written}')::int::bigint");
        if pg::number(standby, &replayed).await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn text(connection: &mut PgConnection, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// The URL of a database on another server of the cluster.
pub(crate) fn url_on(database: &pg::Database<'_>, server: &pg::Cluster) -> String {
    database.url.replace(&database.address(), &server.address())
}

fn store(adapter: PgAdapter) -> EventStore {
    EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap()
}

#[tokio::test]
async fn a_standby_serves_reads_and_refuses_appends_with_a_remedy() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    let standby = primary.standby();
    let url = url_on(&database, &standby);
    let mut on_primary = database.connection().await;
    catch_up(&mut on_primary, &mut pg::connect(&url).await).await;
    let error = PgAdapter::connect(&url).await.unwrap_err();
    assert!(with_causes(&error).contains("on its primary"), "{}", with_causes(&error));

    let writer = store(database.adapter().await);
    writer.append(&stream("s"), ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    catch_up(&mut on_primary, &mut pg::connect(&url).await).await;
    let reader = store(PgAdapter::connect(&url).await.unwrap());
    assert_eq!(reader.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap().len(), 3);
    assert_eq!(reader.read_all(event_core::AllOptions::new()).await.unwrap().len(), 3);
    assert!(reader.health().await.unwrap().read_only);
    let error =
        reader.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap_err();
    assert!(with_causes(&error).contains("write to its primary"), "{}", with_causes(&error));
    assert_eq!(error.code(), "connection_error");
    reader.close().await;
}

#[tokio::test]
async fn reads_use_the_standby_and_fail_over_to_the_primary() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let options: PgOptions =
        format!("{}?replica={}", database.url, standby.address()).parse().unwrap();
    let adapter = options.connect().await.unwrap();
    let store = store(adapter);
    let name = stream("s");
    store.append(&name, ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    let (mut on_primary, url) = (database.connection().await, url_on(&database, &standby));
    let mut on_standby = pg::connect(&url).await;
    catch_up(&mut on_primary, &mut on_standby).await;

    // While replay is paused, readers of the standby do not see the next append.
    pg::run(&mut on_standby, "SELECT pg_wal_replay_pause()").await;
    let paused = "SELECT (pg_get_wal_replay_pause_state() = 'paused')::int::bigint";
    while pg::number(&mut on_standby, paused).await == 0 {
        tokio::task::yield_now().await;
    }
    let last = store.append(&name, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let read = async || store.read_stream(&name, ReadOptions::forward()).await.unwrap().len();
    assert_eq!(read().await, 3, "read on the standby");
    assert_eq!(store.stream_version(&name).await.unwrap().get(), 4, "read on the primary");
    let all = event_core::AllOptions::new();
    assert_eq!(store.read_all(all.clone()).await.unwrap().len(), 3);
    let bounded = store.read_all(all.up_to(last.position)).await.unwrap().len();
    assert_eq!(bounded, 4, "a standby on_primary the upper bound is not used");

    drop(on_standby);
    standby.crash();
    assert_eq!(read().await, 4, "the primary takes over");
    store.close().await;
}

#[tokio::test]
async fn asynchronous_commit_is_refused_unless_allowed() {
    let database = pg::shared().database().await;
    let mut connection = database.connection().await;
    let setting = format!("ALTER DATABASE {} SET synchronous_commit = off", database.name());
    pg::run(&mut connection, &setting).await;
    let error = PgAdapter::connect(&database.url).await.unwrap_err();
    assert!(
        with_causes(&error).contains("allow_asynchronous_commit=on"),
        "{}",
        with_causes(&error)
    );
    assert!(!error.is_transient());
    let allowed = format!("{}?allow_asynchronous_commit=on", database.url);
    let adapter = PgAdapter::connect(&allowed).await.unwrap();
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
}

#[derive(Debug, PartialEq, Event)]
enum NoteEvent {
    Noted(Noted),
}

#[derive(Debug, Default, PartialEq)]
struct Notes(Vec<String>);

impl Aggregate for Notes {
    type Event = NoteEvent;

    fn apply(&mut self, NoteEvent::Noted(noted): NoteEvent) {
        self.0.push(noted.text);
    }
}

#[tokio::test]
async fn decisions_read_on_a_standby_wait_for_the_events_that_they_miss() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let options: PgOptions =
        format!("{}?replica={}", database.url, standby.address()).parse().unwrap();
    let store = store(options.connect().await.unwrap());
    let name = stream("s");
    store.append(&name, ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    let (mut on_primary, url) = (database.connection().await, url_on(&database, &standby));
    let mut on_standby = pg::connect(&url).await;
    let paused = "SELECT (pg_get_wal_replay_pause_state() = 'paused')::int::bigint";
    let command = CommandId::new();
    for repeats in [false, true] {
        catch_up(&mut on_primary, &mut on_standby).await;
        pg::run(&mut on_standby, "SELECT pg_wal_replay_pause()").await;
        while pg::number(&mut on_standby, paused).await == 0 {
            tokio::task::yield_now().await;
        }
        let note = |text: &str| vec![NoteEvent::Noted(Noted::new(text))];
        let (stored, state) = if repeats {
            // Stored by a process that reads on the primary.
            let other = EventStore::new(database.adapter().await).unwrap();
            let decision = other.decide::<Notes>(&name).command(command);
            let decided = decision.run(|_| Ok::<_, Infallible>(note("command"))).await.unwrap();
            (decided.stream_version, decided.state)
        } else {
            let late = store.append(&name, ExpectedVersion::Any, [Noted::new("late")]).await;
            let texts = ["note 0", "note 1", "note 2", "late", "decided"].map(str::to_owned);
            (late.unwrap().stream_version.next(), Notes(texts.into()))
        };
        let (decided_once, mut is_decided) = tokio::sync::mpsc::unbounded_channel();
        let decision = tokio::spawn({
            let (store, name) = (store.clone(), name.clone());
            async move {
                let decision = store.decide::<Notes>(&name);
                let decision = if repeats { decision.command(command) } else { decision };
                let decided = decision.run(|_| {
                    decided_once.send(()).unwrap();
                    Ok::<_, Infallible>(note(if repeats { "again" } else { "decided" }))
                });
                decided.await
            }
        });
        is_decided.recv().await.unwrap();
        pg::run(&mut on_standby, "SELECT pg_wal_replay_resume()").await;
        let decided = decision.await.unwrap().unwrap();
        assert_eq!((decided.state, decided.stream_version), (state, stored));
        let already = decided.outcome == Outcome::AlreadyStored;
        assert_eq!((decided.tries, already), (if repeats { 1 } else { 2 }, repeats));
    }
    store.close().await;
}

/// A standby that answers an error of its own, whatever its code, costs no read: here it lacks the tables, which were made
/// while its replay was paused.
#[tokio::test]
async fn an_odd_error_of_a_standby_is_answered_by_the_primary() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    let standby = primary.standby();
    let mut on_standby = pg::connect(&url_on(&database, &standby)).await;
    pg::run(&mut on_standby, "SELECT pg_wal_replay_pause()").await;
    let paused = "SELECT (pg_get_wal_replay_pause_state() = 'paused')::int::bigint";
    while pg::number(&mut on_standby, paused).await == 0 {
        tokio::task::yield_now().await;
    }
    let options: PgOptions =
        format!("{}?replica={}", database.url, standby.address()).parse().unwrap();
    let store = store(options.connect().await.unwrap());
    let name = stream("s");
    let appended = store.append(&name, ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    assert_eq!(store.read_stream(&name, ReadOptions::forward()).await.unwrap().len(), 3);
    let all = event_core::AllOptions::new();
    assert_eq!(store.read_all(all.up_to(appended.position)).await.unwrap().len(), 3);
    store.close().await;
}
