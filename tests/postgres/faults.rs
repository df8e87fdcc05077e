//! Lost responses, terminated connections, a server that is down, known ids: an acknowledged append is stored exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::adapter::StreamState;
use event_core::{
    Category, Delete, Error, EventId, EventStore, ExpectedVersion, Outcome, ReadOptions,
    RecordedEvent, RetryPolicy, StreamVersion,
};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::Connection as _;

use crate::proxy::Proxy;
use crate::{after, append, commit, event, events, exact, ids, one, page, pg, stream};

/// Terminates some of the adapter's connections.
const TERMINATE_SOME: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'event-postgres' AND random() < 0.25";

#[tokio::test]
async fn an_append_whose_response_was_lost_is_found_by_its_ids() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    // Without notifications, so that the lost response is that of an append.
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
        proxy.drop_next_response();
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
    proxy.drop_next_response();
    adapter.commit(&both).await.unwrap_err();
    both.retry = true;
    let found = adapter.commit(&both).await.unwrap();
    assert!(found.iter().all(|answer| answer.outcome == Outcome::AlreadyStored), "{found:?}");
}

#[tokio::test]
async fn a_change_whose_response_was_lost_is_settled_by_its_call() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let adapter = options.notify(false).connect().await.unwrap();
    let store = EventStore::new(adapter).unwrap();
    let made = async |name: &str| {
        let name = stream(name);
        store.append(&name, ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
        name
    };
    for delete in [Delete::Soft, Delete::Hard] {
        for claim in [ExpectedVersion::Any, exact(3)] {
            let name = made(&format!("s-{}", EventId::new())).await;
            proxy.drop_next_response();
            store.delete_stream(&name, claim, delete).await.unwrap();
            assert_eq!(store.stream_version(&name).await.unwrap().get(), 0);
            let again = store.delete_stream(&name, claim, delete).await.unwrap_err();
            assert!(matches!(again, Error::StreamDeleted { .. }), "another call: {again}");
        }
    }
    let name = made("kept").await;
    proxy.drop_next_response();
    store.truncate_before(&name, StreamVersion::new(3)).await.unwrap();
    proxy.drop_next_response();
    store.archive_stream(&name, exact(3)).await.unwrap();
    let info = store.stream_info(&name).await.unwrap();
    assert_eq!((info.first_version.get(), info.state), (3, StreamState::Archived));
    let kept = store.read_stream(&name, ReadOptions::forward()).await.unwrap();
    proxy.drop_next_response();
    let ids: Vec<_> = kept.iter().map(RecordedEvent::event_id).collect();
    let linked = store.link(&stream("links"), exact(0), ids).await.unwrap();
    assert_eq!(linked.stream_version.get(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_appends_are_stored_once_while_connections_are_terminated() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(16);
    let adapter = options.connect().await.unwrap();
    let policy = RetryPolicy::default().retries(20).first_delay(Duration::from_millis(2));
    let store = EventStore::builder(adapter).retry(policy).stream_limit(None).build().unwrap();
    let (done, terminated) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let killer = tokio::spawn({
        let (done, terminated, mut connection) =
            (Arc::clone(&done), Arc::clone(&terminated), database.connection().await);
        async move {
            while !done.load(Ordering::SeqCst) {
                terminated
                    .fetch_add(pg::number(&mut connection, TERMINATE_SOME).await, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let mut writers = Vec::new();
    for writer in 0..16 {
        let (store, terminated) = (store.clone(), Arc::clone(&terminated));
        writers.push(tokio::spawn(async move {
            let (mut version, name) = (0, stream(&format!("s-{writer}")));
            // Continues until enough connections were terminated.
            for round in 0.. {
                if round >= 40 && terminated.load(Ordering::SeqCst) > 20 {
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
    let terminated = terminated.load(Ordering::SeqCst);
    let mut connection = database.connection().await;
    let stored = pg::number(&mut connection, "SELECT count(*) FROM event_store.events").await;
    println!(
        "{terminated} connections terminated, {acknowledged} events acknowledged, {stored} stored"
    );
    assert_eq!(u64::try_from(stored).unwrap(), acknowledged);
}

#[tokio::test]
async fn known_ids_in_another_stream_or_order_are_a_conflict() {
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
        // Some events of one append, or two appends as one: they are stored in this order.
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
async fn a_server_that_is_down_is_a_connection_error_without_delay() {
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
    assert_eq!(answer[0].stream_version.get(), 2, "the same adapter reconnects");
}

#[tokio::test]
async fn an_exhausted_pool_is_overload() {
    let database = pg::shared().database().await;
    let options =
        database.options().pool_size(1).notify(false).acquire_timeout(Duration::from_secs(1));
    let adapter = Arc::new(options.connect().await.unwrap());
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; LOCK TABLE event_store.events").await;
    let waiting = tokio::spawn({
        let adapter = Arc::clone(&adapter);
        async move { page(&adapter, "s").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = page(&adapter, "s").await.unwrap_err();
    assert!(
        matches!(&error, Error::Overloaded { reason, .. } if reason.contains("pool_size")),
        "{error:?}"
    );
    pg::run(&mut holder, "ROLLBACK").await;
    assert_eq!(waiting.await.unwrap().unwrap().len(), 1);
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_statement_timeout_is_overload_and_writes_nothing() {
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
async fn a_cancelled_call_leaves_the_pool_usable() {
    let database = pg::shared().database().await;
    let options = database.options().pool_size(1).append_lanes(0);
    let adapter = options.connect().await.unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let mut dropped = one("s", exact(1), events(1));
    let call = tokio::time::timeout(Duration::from_millis(50), adapter.commit(&dropped)).await;
    assert!(call.is_err(), "the call was waiting for the row");
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1, "its connection is not reused");
    pg::run(&mut holder, "ROLLBACK").await;
    // The server may still complete the statement; either way the same ids store one event.
    dropped.retry = true;
    adapter.commit(&dropped).await.unwrap();
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 2);
}

#[tokio::test]
async fn text_that_the_server_cannot_store_fails_the_whole_append() {
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
async fn a_closed_store_refuses_reads_and_holds_no_connection() {
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
async fn errors_of_a_wrong_url_never_contain_the_password() {
    let database = pg::shared().database().await;
    let server = database.address();
    let missing = format!("postgres://postgres:s3cret@{server}/missing");
    let error = PgAdapter::connect(&missing).await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"));
    let unreachable = "postgres://bot:s3cret@127.0.0.1:1/db?acquire_timeout_ms=500";
    let error = PgAdapter::connect(unreachable).await.unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"));
    for (wrong, expected) in [
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
        assert!(reason.contains(expected), "{reason}");
        assert!(!given.contains("s3cret") && !reason.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn the_facade_retries_a_lost_response_and_stores_once() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let adapter = PgAdapter::connect(&proxy.url(&database.url, &database.address())).await.unwrap();
    let store = EventStore::new(adapter).unwrap();
    let name = stream("s");
    store.append(&name, exact(0), Noted::many(1)).await.unwrap();
    proxy.drop_next_response();
    let answer = store.append(&name, exact(1), Noted::many(2)).await.unwrap();
    assert_eq!(answer.stream_version.get(), 3);
    let stored = store.read_stream(&name, ReadOptions::forward()).await.unwrap();
    assert_eq!(
        stored.iter().map(RecordedEvent::stream_version).map(u64::from).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}
