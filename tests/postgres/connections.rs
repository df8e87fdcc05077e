//! Connections: how many there are, what a silent one costs, how a store opens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::adapter::import::{ImportBatch, Positions};
use event_core::error::with_causes;
use event_core::{Error, EventStore, ExpectedVersion, ReadOptions, RetryPolicy};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::PgConnection;

use crate::proxy::Proxy;
use crate::sqlstates::Slow;
use crate::{after, events, exact, one, page, pg, stream};

/// Connections of adapters to this database.
const CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity \
                           WHERE datname = current_database() AND application_name = 'event-postgres'";

/// Waits until a count is as expected.
pub(crate) async fn until(connection: &mut PgConnection, sql: &str, expected: i64) {
    let start = Instant::now();
    loop {
        let count = pg::number(connection, sql).await;
        if count == expected {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{sql}: {count} instead of {expected}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_open_no_connections_beside_those_of_the_pool() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(2).notify(false);
    let options = options.acquire_timeout(Duration::from_secs(1));
    let adapter = Arc::new(options.connect().await.unwrap());
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut admin = database.connection().await;
    // Reads wait for a lock, as they would for a slow disk.
    pg::run(&mut admin, "BEGIN; LOCK TABLE event_store.events").await;
    let mut watcher = database.connection().await;
    let mut most = 0;
    for _ in 0..60 {
        let read = page(&adapter, "s");
        let _ = tokio::time::timeout(Duration::from_millis(10), read).await;
        most = most.max(pg::number(&mut watcher, CONNECTIONS).await);
    }
    println!("at most {most} connections");
    // One more sends the cancel requests.
    assert!(most <= 3, "{most}");
    // They are cancelled: the pool is usable at once, while the lock is still there.
    let running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'event-postgres' AND state = 'active'";
    until(&mut watcher, running, 0).await;
    assert!(adapter.census().await.is_ok());
    pg::run(&mut admin, "ROLLBACK").await;
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
    until(&mut watcher, CONNECTIONS, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_caller_went_away_answers_the_next_caller() {
    let database = pg::shared().database().await;
    let adapter = database.options().pool_size(1).notify(false).connect().await.unwrap();
    let mut admin = database.connection().await;
    for round in 0..40_u64 {
        let name = format!("s-{round}");
        adapter.commit(&one(&name, exact(0), events(3))).await.unwrap();
        // Given up at every moment of a read.
        let moment = Duration::from_micros(50 * round);
        let _ = tokio::time::timeout(moment, after(&adapter, 0)).await;
        assert_eq!(page(&adapter, &name).await.unwrap().len(), 3, "its own answer");
    }
    until(&mut admin, CONNECTIONS, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_a_firewall_forgot_costs_a_moment() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let url = proxy.url(&database.url, &database.address());
    let adapter = Arc::new(PgAdapter::connect(&url).await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let name = stream("s");
    store.append(&name, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    for idle in [Duration::ZERO, Duration::from_millis(1_100)] {
        tokio::time::sleep(idle).await;
        proxy.forget_connections();
        let start = Instant::now();
        store.append(&name, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
        println!("after {idle:?}: the first append took {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        proxy.forget_connections();
        let start = Instant::now();
        store.read_stream(&name, ReadOptions::forward()).await.unwrap();
        println!("after {idle:?}: the first read took {:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
    let stored = store.read_stream(&name, ReadOptions::forward()).await.unwrap();
    assert_eq!(stored.len(), 3, "each append once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_statement_is_not_taken_for_a_lost_one() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.options().notify(false).connect().await.unwrap());
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut admin = database.connection().await;
    pg::run(&mut admin, "BEGIN; LOCK TABLE event_store.events").await;
    let read = tokio::spawn({
        let adapter = Arc::clone(&adapter);
        async move { page(&adapter, "s").await }
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!read.is_finished());
    pg::run(&mut admin, "ROLLBACK").await;
    assert_eq!(read.await.unwrap().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_ends_whenever_the_server_falls_silent() {
    let database = pg::shared().database().await;
    database.adapter().await.close().await;
    let proxy = Proxy::start(database.address());
    let url = proxy.url(&database.url, &database.address());
    for parameters in ["", "&pooler_mode=transaction"] {
        let mut steps = Vec::new();
        for bytes in [0, 1, 20, 300, 450, 500, 600, 700, 1_000, 1_500, 2_500] {
            proxy.silent_after(Some(bytes));
            let start = Instant::now();
            let url = format!("{url}?acquire_timeout_ms=500{parameters}");
            match PgAdapter::connect(&url).await {
                Ok(adapter) => drop(adapter),
                Err(error) => {
                    assert!(error.is_transient(), "{error:?}");
                    steps.push(format!("{bytes}: {} ({:?})", with_causes(&error), start.elapsed()));
                }
            }
            assert!(start.elapsed() < Duration::from_secs(12), "{bytes}: {:?}", start.elapsed());
        }
        println!("{}", steps.join("\n"));
        assert!(steps.len() >= 5, "{steps:?}");
        proxy.silent_after(None);
    }
    PgAdapter::connect(&url).await.unwrap();
}

#[tokio::test]
async fn an_error_of_opening_names_host_and_database_once() {
    let database = pg::shared().database().await;
    let server = database.address();
    for (url, expected) in [
        (format!("postgres://postgres@{server}/missing"), format!("{server}/missing")),
        ("postgres://u:s3cret@127.0.0.1:1/games".into(), "127.0.0.1:1/games".to_owned()),
        (
            "postgres://u:s3cret@127.0.0.1:1,127.0.0.1:2/games".into(),
            "127.0.0.1:1/games".to_owned(),
        ),
        (
            "postgres://u:s3cret@/games?host=/nowhere/at all".into(),
            "/nowhere/at all:5432/games".to_owned(),
        ),
    ] {
        let error = PgAdapter::connect(&url).await.unwrap_err();
        let message = with_causes(&error);
        println!("{message}");
        assert_eq!(message.matches(&expected).count(), 1, "{message}");
        assert!(!message.contains(" at line "), "{message}");
        assert!(!format!("{message} {error:?}").contains("s3cret"), "{error:?}");
    }
    let error =
        PgAdapter::connect(&format!("postgres://postgres@{server}/missing")).await.unwrap_err();
    let message = with_causes(&error);
    assert_eq!(message.matches("does not exist").count(), 1, "{message}");
}

#[tokio::test]
async fn an_error_of_an_open_connection_names_host_and_database_once() {
    let database = pg::shared().database().await;
    let adapter = database.options().notify(false).connect().await.unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut admin = database.connection().await;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'event-postgres'";
    pg::number(&mut admin, terminate).await;
    until(&mut admin, CONNECTIONS, 0).await;
    let error = page(&adapter, "s").await.unwrap_err();
    let (message, name) =
        (with_causes(&error), format!("{}/{}", database.address(), database.name()));
    assert!(error.is_transient(), "{message}");
    assert_eq!(message.matches(&name).count(), 1, "{message}");
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_statements_are_watched_by_one_connection() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(4).notify(false);
    let adapter = Arc::new(options.connect().await.unwrap());
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut admin = database.connection().await;
    pg::run(&mut admin, "BEGIN; LOCK TABLE event_store.events").await;
    let reads: Vec<_> = (0..4)
        .map(|_| {
            let adapter = Arc::clone(&adapter);
            tokio::spawn(async move { page(&adapter, "s").await })
        })
        .collect();
    let (start, mut most) = (Instant::now(), 0);
    let mut watcher = database.connection().await;
    while start.elapsed() < Duration::from_secs(5) {
        most = most.max(pg::number(&mut watcher, CONNECTIONS).await);
    }
    pg::run(&mut admin, "ROLLBACK").await;
    for read in reads {
        assert_eq!(read.await.unwrap().unwrap().len(), 1);
    }
    // One looks, and the server may not have ended the one before yet.
    assert!(most <= 6, "{most} connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_and_a_projector_notice_a_connection_that_is_gone() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let url = proxy.url(&database.url, &database.address());
    let adapter = Arc::new(PgAdapter::connect(&format!("{url}?notify=off")).await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let mut projector = adapter.projector(Slow).await.unwrap();
    for number in 1..=2 {
        let batch = vec![crate::import::at(number)];
        let batch = ImportBatch::Events { positions: Positions::Assign, events: batch };
        let start = Instant::now();
        if let Err(error) = adapter.import(&batch).await {
            assert!(error.is_transient(), "{error:?}");
            adapter.import(&batch).await.unwrap();
        }
        store.append(&stream("note-1"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
        let caught_up = projector.catch_up().await;
        if caught_up.is_err() {
            projector.catch_up().await.unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        // Idle for longer than a connection is trusted.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        proxy.forget_connections();
    }
}

#[tokio::test]
async fn a_program_that_stops_in_a_transaction_blocks_readers_for_a_while_only() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    // The sessions of the store have the limit.
    let proxy = Proxy::start(database.address());
    let url = proxy.url(&database.url, &database.address());
    let options: PgOptions = format!("{url}?pooler_mode=transaction&notify=off").parse().unwrap();
    let options = options.idle_transaction_timeout(Duration::from_millis(300));
    let stopped = Arc::new(options.connect().await.unwrap());
    stopped.commit(&one("t", exact(0), events(1))).await.unwrap();
    // Its commit never arrives, and neither does anything else of it.
    proxy.rewrite_next(b"COMMIT\0", b"SELECT\0");
    let answer = stopped.commit(&one("t", exact(1), events(1))).await;
    proxy.lose_everything(true);
    drop(answer);
    adapter.commit(&one("s", exact(1), events(1))).await.unwrap();
    let start = Instant::now();
    while after(&adapter, 2).await.is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "readers are still blocked");
    }
    println!("readers waited {:?}", start.elapsed());
}

#[tokio::test]
async fn a_caller_that_stops_after_its_append_blocks_readers_for_a_while_only() {
    let database = pg::shared().database().await;
    let options = database.options().idle_transaction_timeout(Duration::from_millis(300));
    let adapter = options.connect().await.unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut connection = database.connection().await;
    let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
    let appended = one("t", exact(0), events(1));
    adapter.append_in(&mut transaction, &appended).await.unwrap();
    adapter.commit(&one("s", exact(1), events(1))).await.unwrap();
    let start = Instant::now();
    while after(&adapter, 1).await.is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "readers are still blocked");
    }
    transaction.commit().await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_held_for_long_is_no_wait_without_a_bound() {
    let database = pg::shared().database().await;
    let options = database.options().lock_timeout(Duration::from_millis(200));
    let store = EventStore::new(options.connect().await.unwrap()).unwrap();
    let name = stream("s");
    store.append(&name, exact(0), Noted::many(1)).await.unwrap();
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let start = Instant::now();
    let error = store.append(&name, exact(1), Noted::many(1)).await.unwrap_err();
    assert!(matches!(error, Error::Overloaded { retries: 3, .. }), "{error:?}");
    println!("refused after {:?}", start.elapsed());
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.append(&stream("s"), exact(1), Noted::many(1)).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    pg::run(&mut holder, "ROLLBACK").await;
    waiting.await.unwrap().unwrap();
}

/// The deadline of the retries is after the limit of a statement, or one that took so long would never be tried again.
#[test]
fn the_deadline_of_retries_is_after_the_limit_of_a_statement() {
    let options: PgOptions = "postgres://h/db".parse().unwrap();
    let options = format!("{options:?}");
    assert!(options.contains("statement_timeout: 30s, lock_timeout: 10s"), "{options}");
    let policy = format!("{:?}", RetryPolicy::default());
    assert!(policy.contains("deadline: 60s"), "{policy}");
}
