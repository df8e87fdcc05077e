//! Lost answers, ended connections, a server that is down, ids in use: what was acknowledged is stored, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::{
    Category, Error, EventId, EventStore, ExpectedVersion, Outcome, RecordedEvent, RetryPolicy,
};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::Connection as _;

use crate::proxy::Proxy;
use crate::{after, append, commit, event, events, exact, ids, one, page, pg, stream};

/// Ends some of the adapter's connections, whatever they are doing.
const END_SOME: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'event-postgres' AND random() < 0.25";

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_found_by_its_ids() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    // The answer that is lost must be an append's.
    let adapter = options.notify(false).connect().await.unwrap();
    for size in [1, 2] {
        adapter.commit(&one("warm", ExpectedVersion::Any, events(size))).await.unwrap();
    }
    for claim in
        [ExpectedVersion::NoStream, exact(0), ExpectedVersion::Any, ExpectedVersion::StreamExists]
    {
        let name = format!("s-{}", EventId::new());
        let mut count = 2;
        if claim == ExpectedVersion::StreamExists {
            adapter.commit(&one(&name, ExpectedVersion::NoStream, events(1))).await.unwrap();
            count += 1;
        }
        let mut commit = one(&name, claim, events(2));
        proxy.lose_next_answer();
        let lost = adapter.commit(&commit).await.unwrap_err();
        assert!(matches!(lost, Error::Connection { .. }), "{lost:?}");
        assert!(lost.is_transient());
        commit.retry = true;
        let found = adapter.commit(&commit).await.unwrap()[0];
        assert_eq!(
            (found.outcome, found.stream_version.get()),
            (Outcome::AlreadyStored, count),
            "{claim}"
        );
        assert_eq!(page(&adapter, &name).await.unwrap().len() as u64, count);
    }
    let pair = [append("a", exact(0), events(1)), append("b", exact(0), events(2))];
    let mut both = commit(pair);
    adapter
        .commit(&commit([append("x", exact(0), events(1)), append("y", exact(0), events(1))]))
        .await
        .unwrap();
    proxy.lose_next_answer();
    adapter.commit(&both).await.unwrap_err();
    both.retry = true;
    let found = adapter.commit(&both).await.unwrap();
    assert!(found.iter().all(|answer| answer.outcome == Outcome::AlreadyStored), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_connections_being_ended_all_that_was_acknowledged_is_stored_once() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(16);
    let adapter = options.connect().await.unwrap();
    let policy = RetryPolicy::default().with_retries(20).with_first_delay(Duration::from_millis(2));
    let store = EventStore::builder(adapter).retry(policy).stream_limit(None).build().unwrap();
    let (done, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let killer = tokio::spawn({
        let (done, ended, mut connection) =
            (Arc::clone(&done), Arc::clone(&ended), database.connection().await);
        async move {
            while !done.load(Ordering::SeqCst) {
                ended.fetch_add(pg::number(&mut connection, END_SOME).await, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let mut writers = Vec::new();
    for writer in 0..16 {
        let (store, ended) = (store.clone(), Arc::clone(&ended));
        writers.push(tokio::spawn(async move {
            let (mut version, name) = (0, stream(&format!("s-{writer}")));
            // On, until enough of them were ended.
            for round in 0.. {
                if round >= 40 && ended.load(Ordering::SeqCst) > 20 {
                    break;
                }
                let answer =
                    store.append(&name, exact(version), Noted::many(1 + round % 3)).await.unwrap();
                version += 1 + round as u64 % 3;
                assert_eq!(answer.stream_version.get(), version);
            }
            version
        }));
    }
    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    killer.await.unwrap();
    let ended = ended.load(Ordering::SeqCst);
    let mut connection = database.connection().await;
    let stored = pg::number(&mut connection, "SELECT count(*) FROM event_store.events").await;
    println!("{ended} connections ended, {acknowledged} events acknowledged, {stored} stored");
    assert_eq!(u64::try_from(stored).unwrap(), acknowledged);
}

#[tokio::test]
async fn ids_that_are_known_otherwise_are_a_conflict() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let [a, b, c, fresh] = [(); 4].map(|()| EventId::new());
    let batch = |ids: &[EventId]| ids.iter().map(|id| event(*id)).collect::<Vec<_>>();
    adapter.commit(&one("s", exact(0), batch(&[a, b]))).await.unwrap();
    adapter.commit(&one("s", exact(2), batch(&[c]))).await.unwrap();
    for claim in [ExpectedVersion::Any, exact(3), exact(0), ExpectedVersion::NoStream, exact(99)] {
        for (name, ids) in [
            ("s", vec![b, a]),
            ("s", vec![a, c]),
            ("s", vec![c, fresh]),
            ("t", vec![a]),
            ("s", vec![fresh, a]),
        ] {
            for retry in [false, true] {
                let mut commit = one(name, claim, batch(&ids));
                commit.retry = retry;
                let error = adapter.commit(&commit).await.unwrap_err();
                assert!(
                    matches!(&error, Error::EventIdConflict { stream_id, event_id: Some(id), .. }
                        if stream_id.as_str() == name && ids.contains(id) && *id != fresh),
                    "{claim} {name} {ids:?}: {error:?}"
                );
                assert_eq!(error.category(), Category::Concurrency);
            }
        }
        // A part of what was stored at once, and two appends as one: both stand there in order.
        for known in [vec![b], vec![b, c], vec![a, b, c]] {
            let answer = adapter.commit(&one("s", claim, batch(&known))).await.unwrap()[0];
            assert_eq!(answer.outcome, Outcome::AlreadyStored);
        }
    }
    let half = [
        append("s", ExpectedVersion::Any, batch(&[c])),
        append("u", ExpectedVersion::Any, batch(&[fresh])),
    ];
    let error = adapter.commit(&commit(half)).await.unwrap_err();
    assert!(matches!(error, Error::EventIdConflict { .. }), "{error:?}");
    assert_eq!(ids(&after(&adapter, 0).await), [a, b, c], "nothing else was written");
}

#[tokio::test]
async fn a_server_that_is_down_is_a_typed_error_and_no_wait() {
    let cluster = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = cluster.database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    cluster.crash();
    let start = Instant::now();
    for _ in 0..3 {
        let error = adapter.commit(&one("s", exact(1), events(1))).await.unwrap_err();
        assert!(matches!(error, Error::Connection { .. }), "{error:?}");
        let error = page(&adapter, "s").await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("connection_error", true));
    }
    let error = PgAdapter::connect(&database.url).await.unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "no hang");
    cluster.restart();
    let answer = adapter.commit(&one("s", exact(1), events(1))).await.unwrap();
    assert_eq!(answer[0].stream_version.get(), 2, "the same adapter goes on");
}

#[tokio::test]
async fn connections_that_are_all_busy_are_overload() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(1).acquire_timeout(Duration::from_secs(1));
    let adapter = Arc::new(options.connect().await.unwrap());
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let waiting = tokio::spawn({
        let adapter = Arc::clone(&adapter);
        async move { adapter.commit(&one("s", exact(1), events(1))).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = page(&adapter, "s").await.unwrap_err();
    assert!(
        matches!(&error, Error::Overloaded { reason, .. } if reason.contains("pool_size")),
        "{error:?}"
    );
    pg::run(&mut holder, "ROLLBACK").await;
    waiting.await.unwrap().unwrap();
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_overload_and_writes_nothing() {
    let database = pg::shared().database().await;
    let options = database.options().statement_timeout(Duration::from_millis(100));
    let adapter = options.connect().await.unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let error = adapter.commit(&one("s", exact(1), events(1))).await.unwrap_err();
    assert!(matches!(error, Error::Overloaded { .. }), "{error:?}");
    pg::run(&mut holder, "ROLLBACK").await;
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_call_that_was_dropped_half_way_spoils_nothing() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(1).append_lanes(0);
    let adapter = options.connect().await.unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let mut dropped = one("s", exact(1), events(1));
    let call = tokio::time::timeout(Duration::from_millis(50), adapter.commit(&dropped)).await;
    assert!(call.is_err(), "the call was waiting for the row");
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1, "its connection is not used again");
    pg::run(&mut holder, "ROLLBACK").await;
    // The server may finish what was sent; either way the same ids give one event.
    dropped.retry = true;
    adapter.commit(&dropped).await.unwrap();
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 2);
}

#[tokio::test]
async fn text_that_the_server_cannot_store_is_refused_as_a_whole() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let mut batch = events(3);
    batch[1].event_type = "no\0ted".into();
    let error = adapter.commit(&one("s", exact(0), batch)).await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    assert!(after(&adapter, 0).await.is_empty());
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.close().await;
    let error = page(&adapter, "s").await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    let mut connection = database.connection().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'event-postgres'";
    assert_eq!(pg::number(&mut connection, open).await, 0);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_place_that_is_wrong_is_named_without_its_password() {
    let database = pg::shared().database().await;
    let server = database.address();
    let missing = format!("postgres://postgres:s3cret@{server}/missing");
    let error = PgAdapter::connect(&missing).await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"));
    let nobody = "postgres://bot:s3cret@127.0.0.1:1/db?acquire_timeout_ms=500";
    let error = PgAdapter::connect(nobody).await.unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"));
    for (wrong, says) in [
        ("postgres://bot:s3cret@h:99999/db", "port"),
        ("postgres://bot:s3cret@h/db?pool_sise=3", "unknown key `pool_sise`"),
        ("postgres://bot:s3cret@h/db?schema=a;b", "cannot name a schema"),
        ("postgres://bot:s3cret@h/db?pool_size=0", "at least 1"),
        ("postgres://bot:s3cret@h/db?pool_size=many", "not a number"),
        ("postgres://bot:s3cret@h/db?statement_timeout_ms=0", "at least 1"),
        ("mysql://bot:s3cret@h/db", "postgres://"),
    ] {
        let error = wrong.parse::<PgOptions>().unwrap_err();
        let Error::InvalidUrl { given, reason } = &error else { panic!("{error:?}") };
        assert!(reason.contains(says), "{reason}");
        assert!(!given.contains("s3cret") && !reason.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn the_facade_retries_what_is_lost_and_tells_it_once() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let adapter = PgAdapter::connect(&proxy.url(&database.url, &database.address())).await.unwrap();
    let store = EventStore::new(adapter).unwrap();
    let name = stream("s");
    store.append(&name, exact(0), Noted::many(1)).await.unwrap();
    proxy.lose_next_answer();
    let answer = store.append(&name, exact(1), Noted::many(2)).await.unwrap();
    assert_eq!(answer.stream_version.get(), 3);
    let stored = store.read_stream(&name, event_core::ReadOptions::forward()).await.unwrap();
    assert_eq!(
        stored.iter().map(RecordedEvent::stream_version).map(u64::from).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}
