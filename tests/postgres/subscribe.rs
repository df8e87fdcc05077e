//! Subscriptions on PostgreSQL: commits of other processes, lost connections and restarts, slow commits, and the number of
//! queries that many subscriptions cost.

use std::collections::BTreeSet;
use std::time::Duration;

use event_core::{
    AllOptions, EventId, EventStore, ExpectedVersion, Filter, Position, RecordedEvent, StartFrom,
    Subscription,
};
use event_postgres::PgOptions;
use event_testing::Noted;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::frontier::slow_append;
use crate::proxy::Proxy;
use crate::{pg, stream};

const TIMEOUT: Duration = Duration::from_secs(30);
const LISTENERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
const TERMINATE_LISTENERS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                            WHERE datname = current_database() AND query LIKE 'LISTEN%'";

async fn next(subscription: &mut Subscription) -> RecordedEvent {
    let event = tokio::time::timeout(TIMEOUT, subscription.next()).await;
    event.expect("an event within the timeout").expect("a subscription has no end").unwrap()
}

async fn all(store: &EventStore) -> Subscription {
    store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap()
}

async fn write(store: &EventStore, name: &str) -> Position {
    let events = Noted::many(1);
    store.append(&stream(name), ExpectedVersion::Any, events).await.unwrap().position
}

async fn open(options: PgOptions) -> EventStore {
    EventStore::new(options.connect().await.unwrap()).unwrap()
}

/// Polls a count until it meets a condition.
async fn wait_until(connection: &mut PgConnection, sql: &str, holds: impl Fn(i64) -> bool) {
    let polling = async {
        while !holds(pg::number(&mut *connection, sql).await) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, polling).await.expect("the count meets the condition in time");
}

#[tokio::test]
async fn commits_of_other_processes_arrive_by_notification_or_polling() {
    let database = pg::shared().database().await;
    for (listens, notifies) in [(true, true), (true, false), (false, true)] {
        let reader = open(database.options().notify(listens)).await;
        let writer = open(database.options().notify(notifies)).await;
        let mut subscription = reader.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
        for round in 0..5 {
            let position = write(&writer, "a").await;
            assert_eq!(
                next(&mut subscription).await.position(),
                position,
                "listens: {listens}, notifies: {notifies}, round {round}"
            );
        }
    }
}

/// A runtime that ends in the middle of a wake-up stops no later ones, of other runtimes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_ends_stops_no_later_notifications() {
    let database = pg::shared().database().await;
    let store = open(database.options()).await;
    let mut heard = sqlx::postgres::PgListener::connect(&database.url).await.unwrap();
    heard.listen("event_store").await.unwrap();
    for round in 0..5 {
        let writer = store.clone();
        let short = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // What it has spawned is dropped with it.
            runtime.unwrap().block_on(async { write(&writer, "a").await })
        });
        tokio::task::spawn_blocking(|| short.join().unwrap()).await.unwrap();
        let position = write(&store, "a").await.to_string();
        let notified = async { while heard.recv().await.unwrap().payload() != position {} };
        let notified = tokio::time::timeout(TIMEOUT, notified).await;
        assert!(notified.is_ok(), "no notification in round {round}");
    }
}

#[tokio::test]
async fn a_listener_lost_while_idle_is_reopened() {
    let database = pg::shared().database().await;
    let (reader, writer) = (open(database.options()).await, open(database.options()).await);
    let mut direct = database.connection().await;
    let mut subscription = all(&reader).await;
    write(&writer, "a").await;
    next(&mut subscription).await;
    for _ in 0..3 {
        let waiting = tokio::spawn(async move {
            let event = next(&mut subscription).await;
            (subscription, event.position())
        });
        wait_until(&mut direct, LISTENERS, |count| count == 1).await;
        assert_eq!(pg::number(&mut direct, TERMINATE_LISTENERS).await, 1);
        let position = write(&writer, "a").await;
        let (back, seen) = waiting.await.unwrap();
        assert_eq!(seen, position, "nothing is missed meanwhile");
        subscription = back;
    }
    let waiting = tokio::spawn(async move { subscription.next().await.is_some() });
    wait_until(&mut direct, LISTENERS, |count| count == 1).await;
    write(&writer, "a").await;
    assert!(waiting.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_survives_restarts_of_the_server() {
    let cluster = pg::Cluster::start(pg::Fsync::On);
    let database = cluster.database().await;
    let store = open(database.options()).await;
    let mut subscription = all(&store).await;
    for _ in 0..3 {
        write(&store, "a").await;
        next(&mut subscription).await;
    }
    let follower = tokio::spawn(async move {
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(next(&mut subscription).await.event_id());
        }
        seen
    });
    for _ in 0..2 {
        cluster.crash();
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.restart();
        for _ in 0..2 {
            while store.append(&stream("a"), ExpectedVersion::Any, Noted::many(1)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    let seen = follower.await.unwrap();
    let log = store.read_all(AllOptions::new()).await.unwrap();
    let ids: Vec<EventId> = log[3..].iter().map(RecordedEvent::event_id).collect();
    assert_eq!(seen, ids[..4], "in order, including appends whose response was lost");
}

#[tokio::test]
async fn events_after_a_slow_commit_are_delivered_after_it() {
    let database = pg::shared().database().await;
    let store = open(database.options()).await;
    write(&store, "a").await;
    let mut subscription = all(&store).await;
    next(&mut subscription).await;
    let (mut slow, mut rolled_back) = (database.connection().await, database.connection().await);
    let late = EventId::new();
    // A category that an open transaction creates would block the other appends.
    slow_append(&mut slow, "slow-1", EventId::new()).await;
    next(&mut subscription).await;
    for connection in [&mut slow, &mut rolled_back] {
        pg::run(connection, "BEGIN").await;
    }
    slow_append(&mut slow, "slow-1", late).await;
    slow_append(&mut rolled_back, "slow-2", EventId::new()).await;
    let last = write(&store, "a").await;
    let early = tokio::time::timeout(Duration::from_millis(300), subscription.next()).await;
    assert!(early.is_err(), "an append before it may still commit");
    pg::run(&mut rolled_back, "ROLLBACK").await;
    pg::run(&mut slow, "COMMIT").await;
    assert_eq!(next(&mut subscription).await.event_id(), late);
    assert_eq!(next(&mut subscription).await.position(), last);
}

#[tokio::test]
async fn a_hundred_idle_subscriptions_query_as_often_as_one() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let store = open(options.notify(false)).await;
    let mut idle: Vec<_> = Vec::new();
    for _ in 0..100 {
        idle.push(all(&store).await);
    }
    write(&store, "a").await;
    let (caught_up, mut catching_up) = tokio::sync::mpsc::unbounded_channel();
    let waiting: Vec<_> = idle
        .into_iter()
        .map(|mut subscription| {
            let caught_up = caught_up.clone();
            tokio::spawn(async move {
                next(&mut subscription).await;
                caught_up.send(()).unwrap();
                next(&mut subscription).await
            })
        })
        .collect();
    // On a busy machine the first event takes them longer; its queries are not those of idle ones.
    for _ in 0..100 {
        catching_up.recv().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let catch_up = proxy.take().get(&'S').copied().unwrap_or_default();
    eprintln!("{catch_up} queries to catch up");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let queries = proxy.take().get(&'S').copied().unwrap_or_default();
    // The pause between polls doubles up to a second: 5, 10, … 640 ms, 1 s.
    assert!((1..=9).contains(&queries), "{queries} queries in two seconds");
    let position = write(&store, "a").await;
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().position(), position);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_subscriptions_all_receive_their_events() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let store = open(options.notify(false)).await;
    let start = StartFrom::After(write(&store, "a").await);
    proxy.take();
    let mut waiting = Vec::new();
    for n in 0..10_000 {
        let filter = Filter::all().stream(stream(&format!("s-{}", n % 100)));
        let mut subscription = store.subscribe(start, filter).await.unwrap();
        waiting.push(tokio::spawn(async move { next(&mut subscription).await.event_id() }));
    }
    let queries = proxy.take().get(&'S').copied().unwrap_or_default();
    assert!(queries < 1_000, "{queries} queries for ten thousand subscriptions");
    for n in 0..100 {
        write(&store, &format!("s-{n}")).await;
    }
    let mut seen = BTreeSet::new();
    for waiting in waiting {
        seen.insert(waiting.await.unwrap());
    }
    assert_eq!(seen.len(), 100);
}

/// A row that cannot be read is delivered as damaged, and does not keep a subscription from what follows.
#[tokio::test]
async fn a_corrupt_row_is_delivered_as_damaged_and_passed() {
    let database = pg::shared().database().await;
    let store = open(database.options()).await;
    let mut everything = all(&store).await;
    let other = Filter::all().category("other");
    let mut others = store.subscribe(StartFrom::Beginning, other).await.unwrap();
    write(&store, "a").await;
    next(&mut everything).await;
    let mut direct = database.connection().await;
    pg::run(&mut direct, "BEGIN").await;
    slow_append(&mut direct, "slow-1", EventId::new()).await;
    let spoil =
        "UPDATE event_store.events SET created_at = 'infinity' WHERE version = 1 AND position > 1";
    sqlx::query(AssertSqlSafe(spoil)).execute(&mut direct).await.unwrap();
    pg::run(&mut direct, "COMMIT").await;
    let position = write(&store, "other-1").await;
    assert_eq!(next(&mut others).await.position(), position);
    let damaged = next(&mut everything).await;
    assert!(damaged.damage().is_some());
    assert_eq!(damaged.decode::<Noted>().unwrap_err().code(), "deserialization_failed");
    assert_eq!(next(&mut everything).await.position(), position);
}
