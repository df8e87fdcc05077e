//! Writers beside one that holds locks: a locked row stops the appends to its own stream and no others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::adapter::append::Commit;
use event_core::{Error, EventStore, ExpectedVersion, Outcome, RetryPolicy};
use event_postgres::PgAdapter;
use event_testing::Noted;

use crate::{append, commit, events, exact, one, page, pg, stream};

/// Far below the time after which the server gives up waiting for a lock, and far above what an append takes.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_stream_delays_no_appends_to_other_streams() {
    for lanes in [1, 4] {
        others_continue_beside_a_locked_stream(lanes).await;
    }
}

async fn others_continue_beside_a_locked_stream(lanes: u32) {
    let database = pg::shared().database().await;
    let options = database.options().append_lanes(lanes);
    let adapter = Arc::new(options.connect().await.unwrap());
    for n in 0..100 {
        adapter.commit(&one(&format!("s-{n}"), exact(0), events(1))).await.unwrap();
    }
    let mut holder = database.connection().await;
    let lock = "BEGIN; SELECT FROM event_store.streams WHERE stream_id = 's-0' FOR UPDATE";
    pg::run(&mut holder, lock).await;
    let began = Instant::now();
    let mut blocked = None;
    for round in 0..5_u64 {
        let mut writers = Vec::new();
        for n in 0..100 {
            let (adapter, name) = (Arc::clone(&adapter), format!("s-{n}"));
            let expected = if n == 0 { ExpectedVersion::Any } else { exact(1 + round) };
            if n > 0 || round == 0 {
                writers.push(tokio::spawn(async move {
                    adapter.commit(&one(&name, expected, events(1))).await
                }));
            }
        }
        let mut writers = writers.into_iter();
        if round == 0 {
            blocked = writers.next();
        }
        for writer in writers {
            let appended = tokio::time::timeout(SOON, writer).await.expect("nothing locks it");
            assert_eq!(appended.unwrap().unwrap()[0].outcome, Outcome::Stored);
        }
    }
    assert!(began.elapsed() < SOON, "{:?} for 495 appends beside one lock", began.elapsed());
    let blocked = blocked.unwrap();
    assert!(!blocked.is_finished(), "its stream is locked");
    pg::run(&mut holder, "ROLLBACK").await;
    let appended = blocked.await.unwrap().unwrap()[0];
    assert_eq!(appended.stream_version.get(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_locked_streams_than_connections_delay_no_other_stream() {
    let database = pg::shared().database().await;
    let options = database.options().append_lanes(2).pool_size(4);
    let adapter = Arc::new(options.connect().await.unwrap());
    for n in 0..8 {
        adapter.commit(&one(&format!("locked-{n}"), exact(0), events(1))).await.unwrap();
    }
    let mut holder = database.connection().await;
    let lock = "BEGIN; SELECT FROM event_store.streams WHERE stream_id LIKE 'locked-%' FOR UPDATE";
    pg::run(&mut holder, lock).await;
    let send = |name: String, size| {
        let adapter = Arc::clone(&adapter);
        tokio::spawn(async move {
            adapter.commit(&one(&name, ExpectedVersion::Any, events(size))).await
        })
    };
    let blocked: Vec<_> = (0..24).map(|n| send(format!("locked-{}", n % 8), 1 + n % 2)).collect();
    let began = Instant::now();
    for round in 0..5 {
        let others: Vec<_> = (0..40).map(|n| send(format!("free-{}", n % 10), 1)).collect();
        for other in others {
            let appended = tokio::time::timeout(SOON, other).await.expect("nothing locks it");
            assert_eq!(appended.unwrap().unwrap()[0].outcome, Outcome::Stored, "round {round}");
        }
    }
    assert!(began.elapsed() < SOON, "{:?} for 200 appends beside 8 locks", began.elapsed());
    assert!(blocked.iter().all(|append| !append.is_finished()), "their streams are locked");
    pg::run(&mut holder, "ROLLBACK").await;
    for append in blocked {
        append.await.unwrap().unwrap();
    }
    for n in 0..8 {
        let stored = page(&adapter, &format!("locked-{n}")).await.unwrap();
        assert_eq!(stored.len(), if n % 2 == 0 { 4 } else { 7 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_travel_alone_leave_connections_to_others_when_their_streams_are_locked() {
    for lanes in [0, 2] {
        let database = pg::shared().database().await;
        let options = database.options().append_lanes(lanes).pool_size(4);
        let adapter = Arc::new(options.connect().await.unwrap());
        for n in 0..12 {
            adapter.commit(&one(&format!("locked-{n}"), exact(0), events(1))).await.unwrap();
        }
        let mut holder = database.connection().await;
        let lock =
            "BEGIN; SELECT FROM event_store.streams WHERE stream_id LIKE 'locked-%' FOR UPDATE";
        pg::run(&mut holder, lock).await;
        let send = |commit: Commit| {
            let adapter = Arc::clone(&adapter);
            tokio::spawn(async move { adapter.commit(&commit).await })
        };
        // Large ones, several streams at once, and attempts that look up their ids first.
        let blocked: Vec<_> = (0..12)
            .map(|n| {
                let (name, any) = (format!("locked-{n}"), ExpectedVersion::Any);
                send(match n % 3 {
                    0 => one(&name, any, events(100)),
                    1 => commit([
                        append(&name, any, events(1)),
                        append(&format!("beside-{n}"), any, events(1)),
                    ]),
                    _ => Commit { retry: true, ..one(&name, any, events(1)) },
                })
            })
            .collect();
        let began = Instant::now();
        for round in 0..5 {
            let others: Vec<_> = (0..40)
                .map(|n| send(one(&format!("free-{n}"), ExpectedVersion::Any, events(1))))
                .collect();
            for other in others {
                let appended = tokio::time::timeout(SOON, other).await.expect("nothing locks it");
                assert_eq!(appended.unwrap().unwrap()[0].outcome, Outcome::Stored, "{round}");
            }
        }
        assert!(began.elapsed() < SOON, "{:?} for 200 appends, {lanes} lanes", began.elapsed());
        assert!(blocked.iter().all(|append| !append.is_finished()), "their streams are locked");
        pg::run(&mut holder, "ROLLBACK").await;
        for append in blocked {
            append.await.unwrap().unwrap();
        }
        adapter.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_to_a_locked_stream_is_refused_in_time_however_many_wait() {
    let database = pg::shared().database().await;
    let options = database.options().append_lanes(2).pool_size(4);
    let options = options.lock_timeout(Duration::from_secs(1));
    let adapter = Arc::new(options.connect().await.unwrap());
    for n in 0..8 {
        adapter.commit(&one(&format!("locked-{n}"), exact(0), events(1))).await.unwrap();
    }
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let blocked: Vec<_> = (0..80)
        .map(|n| {
            let adapter = Arc::clone(&adapter);
            let commit = one(&format!("locked-{}", n % 8), ExpectedVersion::Any, events(1));
            tokio::spawn(async move { adapter.commit(&commit).await })
        })
        .collect();
    let began = Instant::now();
    for append in blocked {
        let error = append.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Overloaded { .. }), "{error:?}");
        assert!(error.to_string().contains("locked for 1s"), "{error}");
    }
    assert!(began.elapsed() < 3 * SOON, "{:?} for a limit of a second", began.elapsed());
    pg::run(&mut holder, "ROLLBACK").await;
    for n in 0..8 {
        let commit = one(&format!("locked-{n}"), exact(1), events(1));
        adapter.commit(&commit).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_with_a_new_tenant_delays_no_other_writer() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(PgAdapter::connect(&database.url).await.unwrap());
    let store =
        EventStore::builder(Arc::clone(&adapter)).retry(RetryPolicy::never()).build().unwrap();
    let (name, mut connection) = (stream("order-1"), database.connection().await);
    let mut open = sqlx::Connection::begin(&mut connection).await.unwrap();
    let first = store.transaction().append(&name, ExpectedVersion::NoStream, Noted::many(1));
    adapter.append_in(&mut open, &first.into_commit().unwrap()).await.unwrap();
    let began = Instant::now();
    // The same tenant and category, both new, in another stream.
    let other = stream("order-2");
    store.append(&other, ExpectedVersion::NoStream, Noted::many(1)).await.unwrap();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    open.commit().await.unwrap();
    assert_eq!(store.stream_version(&name).await.unwrap().get(), 1);
}
