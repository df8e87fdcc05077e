//! Leases and checkpoints beside transactions of the application, on slow networks and with many parked events.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{
    Adapter, Checkpoint, CheckpointMove, Moved, Registered, SubscriptionKey,
};
use event_core::{EventId, EventStore, ExpectedVersion, Position};
use event_postgres::PgOptions;
use event_testing::Noted;
use tokio::time::{sleep, timeout};

use super::{LEASE, TIMEOUT};
use crate::proxy::Proxy;
use crate::{events, one, pg, stream};

const LONG: Duration = Duration::from_mins(10);

fn key(name: &str) -> SubscriptionKey {
    SubscriptionKey { tenant: None, name: name.into() }
}

fn lock(name: &str) -> String {
    format!(
        "SELECT 1 FROM event_store.subscription_partitions WHERE name = '{name}' AND partition = 1 FOR UPDATE"
    )
}

/// A transaction holds the row of a partition: nothing waits for it, and nothing counts as done.
#[tokio::test]
async fn what_a_transaction_has_locked_is_neither_renewed_nor_waited_for() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    // A checkpoint is at a position that the log has assigned.
    adapter.commit(&one("log", ExpectedVersion::Any, events(7))).await.unwrap();
    let (store, key) = (adapter.checkpoints().unwrap(), key("s"));
    let wanted = Registered { filter: "everything".into(), partitions: 3 };
    let id = store.register(&key, &wanted, Position::START).await.unwrap().incarnation;
    let before = store.heartbeat(&key, id, "me", LONG).await.unwrap().leases;
    let mut direct = database.connection().await;
    pg::run(&mut direct, "BEGIN").await;
    pg::run(&mut direct, &lock("s")).await;

    let beside = store.heartbeat(&key, id, "me", LONG).await.unwrap();
    assert_eq!(beside.leases, [before[0], before[2]]);
    assert_eq!(beside.unrenewed, [before[1]]);
    let to = |lease: usize| CheckpointMove {
        partition: before[lease].partition,
        token: before[lease].token,
        checkpoint: Checkpoint { position: Position::new(7), event: None },
        skipped: 0,
    };
    let wanted_moves = [to(1), to(0), CheckpointMove { token: 1, ..to(2) }];
    let moved = store.save_all(&key, &wanted_moves).await.unwrap();
    assert_eq!(moved, [Moved::Busy, Moved::Saved, Moved::Lost]);
    store.release(&key, id, "me", None).await.unwrap();
    let other = store.heartbeat(&key, id, "other", LONG).await.unwrap();
    assert_eq!(other.leases.len(), 2, "the third one is locked");
    // Who waits for the row gives up soon, and holds up no heartbeat for long.
    let error = store.pause(&key, true).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");

    pg::run(&mut direct, "COMMIT").await;
    let after = store.heartbeat(&key, id, "me", LONG).await.unwrap();
    assert_eq!(after.leases.len(), 1, "it had not ended: {after:?}");
    assert_eq!(after.leases[0].token, before[1].token);
    store.pause(&key, true).await.unwrap();
}

/// After a failover that lost commits, a consumer of before passes over nothing that is stored in their place.
#[tokio::test]
async fn a_checkpoint_of_another_log_is_refused() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let batch = events(7);
    let last = batch[6].id;
    adapter.commit(&one("log", ExpectedVersion::Any, batch)).await.unwrap();
    let (store, key) = (adapter.checkpoints().unwrap(), key("s"));
    let wanted = Registered { filter: "everything".into(), partitions: 1 };
    let id = store.register(&key, &wanted, Position::START).await.unwrap().incarnation;
    let lease = store.heartbeat(&key, id, "me", LONG).await.unwrap().leases[0];
    let seven = Position::new(7);
    for (position, event, answer) in [
        (Position::new(8), None, Moved::Lost),
        (seven, Some((seven, EventId::new())), Moved::Lost),
        (seven, Some((seven, last)), Moved::Saved),
    ] {
        let (partition, token) = (lease.partition, lease.token);
        let checkpoint = Checkpoint { position, event };
        let to = CheckpointMove { partition, token, checkpoint, skipped: 0 };
        assert_eq!(store.save_all(&key, &[to]).await.unwrap(), [answer], "{checkpoint:?}");
    }
}

/// A consumer whose transaction lasts longer than its lease gets nothing more of the partition before it is renewed.
#[tokio::test]
async fn a_consumer_gets_no_event_of_a_lease_that_was_not_renewed() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.options().connect().await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.append(&stream("a"), ExpectedVersion::Any, Noted::many(10)).await.unwrap();
    let subscription = || store.subscription("model").lease(LEASE);
    let mut first = subscription().open().await.unwrap();
    let delivery = first.next().await.unwrap().unwrap();
    let (key, partition, token) = delivery.lease();
    let mut direct = database.connection().await;
    pg::run(&mut direct, "BEGIN").await;
    let checkpoint = delivery.checkpoint();
    let saved = adapter.save_checkpoint_in(&mut direct, key, partition, token, checkpoint).await;
    assert!(saved.unwrap());
    let mut observer = database.connection().await;
    let ended = "SELECT count(*) FROM event_store.subscription_partitions WHERE lease_until < clock_timestamp() - interval '50 ms'";
    let poll = async {
        while pg::number(&mut observer, ended).await == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, poll).await.expect("the lease ends");
    let more = timeout(LEASE, first.next()).await;
    assert!(more.is_err(), "delivered under a lease that has ended: {more:?}");
    // Once the transaction has ended, one of the consumers has the partition and handles the rest.
    let mut second = subscription().open().await.unwrap();
    pg::run(&mut direct, "COMMIT").await;
    let mut seen = 1;
    while seen < 10 {
        let next = async {
            tokio::select! {
                delivery = first.next() => delivery,
                delivery = second.next() => delivery,
            }
        };
        let next = timeout(TIMEOUT, next).await.expect("the rest is delivered").unwrap().unwrap();
        seen = seen.max(next.event().stream_version().get());
        next.ack().unwrap();
    }
}

/// The number of round trips does not grow with the number of partitions.
#[tokio::test]
async fn the_checkpoints_of_all_partitions_are_saved_together() {
    const STREAMS: usize = 600;
    let database = pg::shared().database().await;
    let writer = EventStore::new(database.adapter().await).unwrap();
    for number in 0..STREAMS {
        let name = stream(&format!("game-{number}"));
        writer.append(&name, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    }
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let store = EventStore::new(options.notify(false).connect().await.unwrap()).unwrap();
    let subscription =
        store.subscription("wide").partitions(512).checkpoint_interval(Duration::from_secs(20));
    let mut consumer = subscription.open().await.unwrap();
    let mut deliveries = Vec::new();
    while deliveries.len() < STREAMS {
        let next = timeout(TIMEOUT, consumer.next()).await.expect("an event").unwrap();
        deliveries.push(next.unwrap());
    }
    let partitions: BTreeSet<u32> = deliveries.iter().map(|it| it.lease().1).collect();
    assert!(partitions.len() > 250, "{}", partitions.len());
    proxy.take();
    for delivery in deliveries {
        delivery.ack().unwrap();
    }
    consumer.close().await.unwrap();
    let round_trips = proxy.take().get(&'S').copied().unwrap_or_default();
    assert!(round_trips < 60, "{round_trips} round trips for {} partitions", partitions.len());
    let info = store.subscriptions().await.unwrap().remove(0);
    assert_eq!(info.lag, 0);
}

/// A heartbeat, and the search for events to be handled again, read an index of those, whatever else is parked.
#[tokio::test]
async fn parked_events_cost_a_heartbeat_nothing() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let (store, key) = (adapter.checkpoints().unwrap(), key("s"));
    let wanted = Registered { filter: "everything".into(), partitions: 1 };
    store.register(&key, &wanted, Position::START).await.unwrap();
    let mut direct = database.connection().await;
    pg::run(
        &mut direct,
        "INSERT INTO event_store.parked_events (tenant, name, position, event_id, partition, attempts, error) \
         SELECT '', 's', n, gen_random_uuid(), 0, 1, 'no' FROM generate_series(1, 50000) n",
    )
    .await;
    pg::run(&mut direct, "ANALYZE event_store.parked_events").await;
    for (what, query) in [
        ("a heartbeat", include_str!("../../../event-postgres/migrations/0011_incarnations.sql")),
        ("a page", include_str!("../../../event-postgres/src/sql/subscription/parked_due.sql")),
    ] {
        // The condition stands in the text as it is tested here.
        assert!(query.contains("k.replay"), "{what}");
    }
    for query in [
        "SELECT count(*) FROM (SELECT FROM event_store.parked_events k WHERE k.tenant = '' AND k.name = 's' AND k.replay LIMIT 1000) due",
        "SELECT k.event_id FROM event_store.parked_events k WHERE k.tenant = '' AND k.name = 's' AND k.replay AND k.position > 7 \
         ORDER BY k.position LIMIT 1000",
    ] {
        let plan = format!("EXPLAIN {query}");
        let rows = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(plan))
            .fetch_all(&mut direct)
            .await
            .unwrap();
        let plan = rows.join("\n");
        assert!(plan.contains("parked_events_due") && !plan.contains("Sort"), "{plan}");
    }
}
