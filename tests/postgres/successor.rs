//! What a process knew of a server is not held against its successor: versions that it recorded there, and positions that it
//! reached there.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::Adapter as _;
use event_core::envelope::EventData;
use event_core::{AllOptions, Error, EventId, EventStore, ExpectedVersion, Position, RetryPolicy};
use event_postgres::PgAdapter;
use event_testing::Noted;
use sqlx::Connection as _;
use sqlx::postgres::PgListener;
use tokio::time::timeout;

use crate::bouncer::Bouncer;
use crate::contested::{documents, positions_are_refused};
use crate::failover::append;
use crate::fence::Pair;
use crate::{event, one, pg, stream};

/// An event of a type that is stored for the first time after the servers parted.
fn later() -> EventData {
    EventData { event_type: "later".into(), ..event(EventId::new()) }
}

/// A process that only appends learns of the successor by its own append: directly, behind a pooler that keeps the
/// process's connections, in groups, and in a transaction of the caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_recorded_on_the_lost_part_is_recorded_again() {
    for way in ["direct", "alone", "pooled", "in a transaction"] {
        let mut pair = Pair::with(10).await;
        let address = pair.switch.address();
        let bouncer = Bouncer::start(&address, "pool_mode = transaction");
        let url = match way {
            "pooled" => format!(
                "{}pooler_mode=transaction&notify=off",
                bouncer.through(&pair.url, &address)
            ),
            "alone" => format!("{}?append_lanes=0&notify=off", pair.url),
            _ => format!("{}?notify=off", pair.url),
        };
        let adapter = PgAdapter::connect(&url).await.unwrap();
        pair.part().await;
        adapter.commit(&one("s-1", ExpectedVersion::Any, vec![later()])).await.unwrap();
        pair.fail_over(0).await;
        let commit = one("s-2", ExpectedVersion::Any, vec![later()]);
        let mut tries = 0;
        loop {
            let stored = if way == "in a transaction" {
                let mut connection = pg::connect(&pair.url).await;
                let mut transaction = connection.begin().await.unwrap();
                let stored = adapter.append_in(&mut transaction, &commit).await;
                match transaction.commit().await {
                    Ok(()) => stored,
                    Err(error) => Err(Error::connection("commit", error)),
                }
            } else {
                adapter.commit(&commit).await
            };
            match stored {
                Ok(_) => break,
                Err(error) if error.is_transient() && tries < 100 => tries += 1,
                Err(error) => panic!("{way}: {}", event_core::error::with_causes(&error)),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let recorded = "SELECT count(*) FROM event_store.event_versions WHERE event_type = 'later'";
        let mut standby = pg::connect(&pair.standby_url).await;
        assert_eq!(pg::number(&mut standby, recorded).await, 1, "{way}");
        adapter.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_the_lost_part_is_refused_wherever_it_is_named() {
    let mut pair = Pair::with(100).await;
    let store = EventStore::new(PgAdapter::connect(&pair.url).await.unwrap()).unwrap();
    pair.part().await;
    append(&store, "gone", 200).await;
    assert_eq!(
        store.read_all(AllOptions::new().after(Position::new(100))).await.unwrap().len(),
        200
    );
    pair.fail_over(50).await;
    positions_are_refused(&store, &[300, 250, 120], 150).await;
    store.close().await;
}

/// The position was right when the wait began; what reaches it is another event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_for_an_append_that_is_lost_does_not_end_well() {
    let mut pair = Pair::with(100).await;
    let adapter = Arc::new(PgAdapter::connect(&pair.url).await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    pair.part().await;
    let lost = store.append(&stream("gone"), ExpectedVersion::Any, Noted::many(20)).await.unwrap();
    let view = tokio::spawn({
        let patient = RetryPolicy::default().retries(1_000);
        let adapter = Arc::clone(&adapter);
        let store = EventStore::builder(adapter).retry(patient).build().unwrap();
        async move { documents(&store).wait_for(lost.position).await }
    });
    let live = tokio::spawn({
        let (adapter, position) = (Arc::clone(&adapter), lost.position);
        async move {
            loop {
                let long = Duration::from_secs(20);
                match adapter.wait_for_projection("none", position, long).await {
                    Err(error) if error.is_transient() => {}
                    waited => return waited,
                }
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    pair.fail_over(100).await;
    let other = EventStore::new(PgAdapter::connect(&pair.standby_url).await.unwrap()).unwrap();
    documents(&other).catch_up().await.unwrap();
    for (what, waited) in
        [("view", view.await.unwrap()), ("projection", live.await.unwrap().map(drop))]
    {
        assert!(matches!(waited, Err(Error::LogDiverged { .. })), "{what}: {waited:?}");
    }
    other.close().await;
    store.close().await;
}

/// The position of an append may be lower than that of an earlier one, in the log that was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_processes_are_woken_at_positions_that_the_lost_part_had() {
    let mut pair = Pair::with(10).await;
    let patient = RetryPolicy::default().retries(1_000);
    let adapter = PgAdapter::connect(&pair.url).await.unwrap();
    let store = EventStore::builder(adapter).retry(patient).build().unwrap();
    pair.part().await;
    append(&store, "gone", 100).await;
    pair.fail_over(0).await;
    let mut listener = PgListener::connect(&pair.standby_url).await.unwrap();
    listener.listen("event_store").await.unwrap();
    let appended = store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    assert!(appended.position.get() <= 110, "{appended:?}");
    loop {
        let received = timeout(Duration::from_mins(1), listener.recv()).await;
        let received = received.expect("a notification of the append").unwrap();
        if received.payload() == appended.position.to_string() {
            break;
        }
    }
    store.close().await;
}
