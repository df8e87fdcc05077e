//! Writers beside one that holds locks: a locked row stops the appends to its own stream and no others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::{EventStore, ExpectedVersion, Outcome, RetryPolicy};
use event_postgres::PgAdapter;
use event_testing::Noted;

use crate::{events, exact, one, pg, stream};

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
