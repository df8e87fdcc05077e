//! A standby that is behind: it lags, or it crashed and came back at an earlier point. Readers neither go backward, nor pass
//! over events, nor take what it lacks for gone.

use std::collections::BTreeSet;
use std::time::Duration;

use event_core::adapter::Adapter;
use event_core::subscription::{Consumer, Delivery, OnFailure};
use event_core::{
    AllOptions, BatchSize, EventId, EventStore, ExpectedVersion, Filter, Position, ReadOptions,
    RecordedEvent, RetryPolicy, StartFrom,
};
use event_postgres::PgOptions;
use event_testing::Noted;
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::failover::wait_until;
use crate::standby::{catch_up, url_on};
use crate::{pg, stream};

/// A bound, not a measure.
const LONG: Duration = Duration::from_secs(20);

async fn open(database: &pg::Database<'_>, standby: &pg::Cluster) -> EventStore {
    let options: PgOptions =
        format!("{}?replica={}", database.url, standby.address()).parse().unwrap();
    EventStore::new(options.connect().await.unwrap()).unwrap()
}

async fn pause(standby: &mut PgConnection) {
    pg::run(standby, "SELECT pg_wal_replay_pause()").await;
    let paused = "SELECT (pg_get_wal_replay_pause_state() = 'paused')::int::bigint";
    while pg::number(standby, paused).await == 0 {
        tokio::task::yield_now().await;
    }
}

async fn delivered(consumer: &mut Consumer) -> Delivery {
    timeout(LONG, consumer.next()).await.expect("an event is delivered").unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_event_that_the_standby_lacks_is_replayed() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let mut on_standby = pg::connect(&url_on(&database, &standby)).await;
    catch_up(&mut database.connection().await, &mut on_standby).await;
    pause(&mut on_standby).await;

    let store = open(&database, &standby).await;
    let appended = store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let page = store.read_stream(&stream("s"), ReadOptions::forward()).await;
    assert!(page.is_err(), "the standby has no such stream");
    let mail = || {
        let mail = store.subscription("mail").lease(Duration::from_secs(1));
        mail.on_failing(OnFailure::Park).retry(RetryPolicy::never())
    };
    let mut consumer = mail().open().await.unwrap();
    delivered(&mut consumer).await.fail("poison").unwrap();
    let parked = async || mail().parked().await.unwrap();
    wait_until("parked", async || !parked().await.is_empty()).await;
    assert_eq!(mail().replay(None).await.unwrap(), 1);
    let again = delivered(&mut consumer).await;
    assert!(again.is_replay());
    assert_eq!(again.event().position(), appended.position);
    again.ack().unwrap();
    wait_until("handled", async || parked().await.is_empty()).await;
    consumer.close().await.unwrap();
    store.close().await;
}

fn ids(events: &[RecordedEvent]) -> BTreeSet<EventId> {
    events.iter().map(RecordedEvent::event_id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_comes_back_earlier_takes_no_reader_back() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let url = url_on(&database, &standby);
    let (mut on_primary, mut on_standby) = (database.connection().await, pg::connect(&url).await);
    let store = open(&database, &standby).await;
    let name = stream("s");
    store.append(&name, ExpectedVersion::Any, Noted::many(100)).await.unwrap();
    catch_up(&mut on_primary, &mut on_standby).await;
    // A restartpoint: where the recovery after a crash is consistent.
    pg::run(&mut on_primary, "CHECKPOINT").await;
    catch_up(&mut on_primary, &mut on_standby).await;
    pg::run(&mut on_standby, "CHECKPOINT").await;
    let last = store.append(&name, ExpectedVersion::Any, Noted::many(100)).await.unwrap().position;
    catch_up(&mut on_primary, &mut on_standby).await;

    let small = BatchSize::new(10).unwrap();
    let mut all = store.all_events(AllOptions::new().limit(small));
    let mut of_stream = store.stream_events(&name, ReadOptions::forward().limit(small));
    let mut backward = store.stream_events(&name, ReadOptions::backward().limit(small));
    let mut subscription = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    let mut seen = 0;
    for _ in 0..150 {
        seen = all.next().await.unwrap().unwrap().position().get();
        of_stream.next().await.unwrap().unwrap();
        subscription.next().await.unwrap().unwrap();
    }
    backward.next().await.unwrap().unwrap();

    // After the crash it shows no commit that is younger than an hour.
    pg::run(&mut on_standby, "ALTER SYSTEM SET recovery_min_apply_delay = '1h'").await;
    drop(on_standby);
    standby.crash();
    standby.restart();
    let mut on_standby = pg::connect(&url).await;
    let shown = "SELECT count(*) FROM event_store.events";
    let shown = pg::number(&mut on_standby, shown).await;
    assert!((100..150).contains(&shown), "the standby is to come back earlier: {shown}");

    let mut rest = 0;
    while let Some(event) = all.next().await {
        let position = event.unwrap().position().get();
        assert!(position > seen, "back at {position}");
        (seen, rest) = (position, rest + 1);
    }
    assert_eq!((rest, seen), (50, last.get()), "all streams");
    let mut versions = Vec::new();
    while let Some(event) = of_stream.next().await {
        versions.push(event.unwrap().stream_version().get());
    }
    let expected: Vec<u64> = (151..=200).collect();
    assert!(versions.len() >= 10 && expected.starts_with(&versions), "a stream: {versions:?}");
    let mut before = 200;
    while let Some(event) = backward.next().await {
        match event {
            Ok(event) => {
                before -= 1;
                assert_eq!(event.stream_version().get(), before, "a stream, backward");
            }
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    for _ in 150..200 {
        timeout(LONG, subscription.next()).await.unwrap().unwrap().unwrap();
    }
    let now = store.read_all(AllOptions::new().up_to(last)).await.unwrap();
    assert_eq!(ids(&now).len(), 200);
    let after = AllOptions::new().after(Position::new(last.get() - 20));
    assert_eq!(store.read_all(after).await.unwrap().len(), 20, "after a position it lacks");

    // A subscription that begins now handles all of them.
    let mut fresh = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    let mut handled = BTreeSet::new();
    while handled.len() < 200 {
        let event = timeout(LONG, fresh.next()).await.unwrap().unwrap().unwrap();
        handled.insert(event.event_id());
    }
    assert_eq!(handled, ids(&now));
    assert_eq!(store.health().await.unwrap().log_change, None);
    eprintln!(
        "a standby that came back at {shown} of 200: all streams {rest} more, one stream {} more, backward to version {before}, \
         a living and a fresh subscription all of them",
        versions.len()
    );
    store.close().await;
}
