//! Durable subscriptions: acknowledged events are done, others are redelivered, and no event is skipped unless a policy
//! says so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Subject, append, everything, store, stream};
use crate::{Closed, Noted};
use event_core::ExpectedVersion::Any;
use event_core::adapter::{Checkpoint, Incarnation, Registered, SubscriptionKey};
use event_core::error::SubscriptionError;
use event_core::subscription::{
    Consumer, Delivery, DurableSubscription, OnFailure, SubscriptionStatus,
};
use event_core::{
    Error, EventId, EventStore, Filter, Position, RecordedEvent, Result, RetryPolicy, StartFrom,
    Tenant,
};

/// The timeout of every wait, so that a missing event fails the case instead of blocking it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn next(consumer: &mut Consumer) -> Delivery {
    let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await;
    delivery.expect("an event within the timeout").expect("the consumer has not ended").unwrap()
}

async fn end(consumer: &mut Consumer) -> Error {
    let end = tokio::time::timeout(PATIENCE, consumer.next()).await;
    end.expect("the consumer ends").expect("with an error").unwrap_err()
}

/// The incarnation of a subscription that exists.
async fn incarnation(adapter: &Subject, key: &SubscriptionKey) -> Incarnation {
    let wanted = Registered { filter: "none".into(), partitions: 1 };
    let checkpoints = adapter.checkpoints().unwrap();
    checkpoints.register(key, &wanted, Position::START).await.unwrap().incarnation
}

pub(super) fn version(delivery: &Delivery) -> u64 {
    delivery.event().stream_version().get()
}

pub(super) fn fast(store: &EventStore) -> DurableSubscription {
    let retry = RetryPolicy::default().retries(2).first_delay(Duration::from_millis(1));
    store
        .subscription("s")
        .checkpoint_interval(Duration::from_millis(5))
        .lease(Duration::from_millis(600))
        .retry(retry)
}

/// Polls a condition until it holds.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.expect("the condition holds within the timeout");
}

pub async fn resumes_after_the_last_acknowledged_event(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(5)).await;
    let mut consumer = fast(&store).open().await.unwrap();
    let mut in_flight = Vec::new();
    for _ in 0..4 {
        in_flight.push(next(&mut consumer).await);
    }
    // Acknowledged in any order, and one not at all: the checkpoint stays before that one.
    for at in [3, 0, 1] {
        in_flight.remove(at.min(in_flight.len() - 1)).ack().unwrap();
    }
    consumer.close().await.unwrap();
    let mut consumer = fast(&store).open().await.unwrap();
    let left = version(&in_flight[0]);
    let first = next(&mut consumer).await;
    assert_eq!((version(&first), first.attempt()), (left, 1));
    // A delivery of the closed consumer can no longer be acknowledged.
    assert!(in_flight.remove(0).ack().is_err());
    first.ack().unwrap();
    let mut last = left;
    while last < 5 {
        let delivery = next(&mut consumer).await;
        last = version(&delivery);
        delivery.ack().unwrap();
    }
    append(&store, "a", Any, Noted::many(1)).await;
    assert_eq!(version(&next(&mut consumer).await), 6);
}

pub async fn one_acknowledgement_covers_all_earlier_deliveries(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(10)).await;
    let mut consumer = fast(&store).window(6).open().await.unwrap();
    let mut in_flight = Vec::new();
    for _ in 0..6 {
        in_flight.push(next(&mut consumer).await);
    }
    let more = tokio::time::timeout(Duration::from_millis(30), consumer.next()).await;
    assert!(more.is_err(), "the window is full");
    in_flight.remove(4).ack_with_all_before().unwrap();
    in_flight.remove(4).ack().unwrap();
    assert_eq!(version(&next(&mut consumer).await), 7);
    consumer.close().await.unwrap();
    let mut consumer = fast(&store).open().await.unwrap();
    assert_eq!(version(&next(&mut consumer).await), 7);
}

pub async fn a_failed_event_is_retried_and_then_stops_the_subscription(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(3)).await;
    let mut consumer = fast(&store).open().await.unwrap();
    next(&mut consumer).await.ack().unwrap();
    for attempt in 1..=3 {
        let delivery = next(&mut consumer).await;
        assert_eq!((version(&delivery), delivery.attempt()), (2, attempt));
        delivery.fail("no luck").unwrap();
    }
    let error = end(&mut consumer).await;
    assert!(
        matches!(&error, Error::Subscription(SubscriptionError::Stopped { attempts: 3, at, .. })
            if at.stream_version.get() == 2),
        "{error:?}"
    );
    let info = store.subscriptions().await.unwrap().remove(0);
    assert_eq!(info.status, SubscriptionStatus::Stopped);
    assert!(info.stopped.unwrap().contains("no luck"));
    let mut consumer = fast(&store).open().await.unwrap();
    assert_eq!(version(&next(&mut consumer).await), 2, "it resumes with the event it stopped at");
    assert_eq!(store.subscriptions().await.unwrap()[0].status, SubscriptionStatus::Running);
}

pub async fn a_poison_event_is_parked_and_replayed(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(3)).await;
    let mut consumer = fast(&store).on_failing(OnFailure::Park).open().await.unwrap();
    let mut seen = Vec::new();
    while seen.last() != Some(&3) {
        let delivery = next(&mut consumer).await;
        seen.push(version(&delivery));
        if version(&delivery) == 2 {
            delivery.fail("poison").unwrap();
        } else {
            delivery.ack().unwrap();
        }
    }
    // The third is delivered before the second has failed, and is redelivered after it.
    seen.dedup();
    assert_eq!(seen.iter().filter(|version| **version == 2).count().min(1), 1);
    let subscription = fast(&store);
    until(async || !subscription.parked().await.unwrap().is_empty()).await;
    let parked = subscription.parked().await.unwrap();
    assert_eq!((parked.len(), parked[0].attempts), (1, 3));
    assert!(parked[0].error.contains("poison"), "{parked:?}");
    assert_eq!(store.subscriptions().await.unwrap()[0].parked, 1);
    assert_eq!(subscription.replay(None).await.unwrap(), 1);
    let again = next(&mut consumer).await;
    assert!(again.is_replay());
    assert_eq!((version(&again), again.attempt()), (2, 4));
    again.fail("still").unwrap();
    until(async || {
        let parked = subscription.parked().await.unwrap();
        parked.len() == 1 && parked[0].attempts == 4 && !parked[0].replay
    })
    .await;
    assert_eq!(subscription.replay(Some(parked[0].position)).await.unwrap(), 1);
    next(&mut consumer).await.ack().unwrap();
    until(async || subscription.parked().await.unwrap().is_empty()).await;
}

pub async fn an_undecodable_event_follows_its_policy(adapter: Subject) {
    let store = store(&adapter);
    // The handler does not know the event type of `Closed`.
    append(&store, "a", Any, Noted::many(1)).await;
    append(&store, "a", Any, vec![Closed { by: "ann".into() }.into()]).await;
    append(&store, "a", Any, Noted::many(1)).await;
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let handler = move |event: Arc<RecordedEvent>| {
        let count = Arc::clone(&count);
        async move {
            event.decode::<Noted>()?;
            count.fetch_add(1, Ordering::SeqCst);
            Result::<(), Error>::Ok(())
        }
    };
    let ended = tokio::time::timeout(PATIENCE, fast(&store).run(handler.clone())).await.unwrap();
    let error = ended.unwrap_err();
    assert!(
        matches!(&error, Error::Subscription(SubscriptionError::Stopped { attempts: 1, .. })),
        "an undecodable event is not retried: {error:?}"
    );
    let consumer = fast(&store).on_undecodable(OnFailure::Skip).open().await.unwrap();
    let stopper = consumer.stopper();
    let running = tokio::spawn(consumer.run(handler));
    until(async || store.subscriptions().await.unwrap()[0].skipped == 1).await;
    until(async || done.load(Ordering::SeqCst) == 2).await;
    stopper.stop();
    running.await.unwrap().unwrap();
    assert_eq!(
        store.subscriptions().await.unwrap()[0].lag,
        0,
        "every event is handled and the checkpoint saved"
    );
}

pub async fn panics_and_timeouts_are_failures(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(4)).await;
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let handler = move |event: Arc<RecordedEvent>| {
        let version = event.stream_version().get();
        let nth = {
            let mut attempts = seen.lock().unwrap();
            attempts.push(version);
            attempts.iter().filter(|it| **it == version).count()
        };
        assert!(version != 2 || nth > 1, "a panic before the first await");
        async move {
            if version == 3 && nth == 1 {
                std::future::pending::<()>().await;
            }
            assert!(version != 4 || nth > 1, "a panic in the future");
            Result::<(), Error>::Ok(())
        }
    };
    let subscription = fast(&store).handle_within(Duration::from_millis(60));
    let consumer = subscription.open().await.unwrap();
    let stopper = consumer.stopper();
    let running = tokio::spawn(consumer.run(handler));
    until(async || attempts.lock().unwrap().len() == 7).await;
    stopper.stop();
    running.await.unwrap().unwrap();
    assert_eq!(*attempts.lock().unwrap(), [1, 2, 2, 3, 3, 4, 4]);
}

pub async fn an_unacknowledged_delivery_is_redelivered(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(1)).await;
    let subscription = fast(&store).handle_within(Duration::from_millis(40));
    let mut consumer = subscription.open().await.unwrap();
    let first = next(&mut consumer).await;
    let second = next(&mut consumer).await;
    assert_eq!((version(&second), second.attempt()), (1, 2));
    first.ack().unwrap();
    second.ack().unwrap();
    until(async || store.subscriptions().await.unwrap()[0].lag == 0).await;
}

pub async fn a_subscription_keeps_its_filter_and_its_start(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(2)).await;
    let filter = || Filter::all().category("a");
    let first = fast(&store).filter(filter()).start_from(StartFrom::Now).open().await.unwrap();
    first.close().await.unwrap();
    append(&store, "a", Any, Noted::many(1)).await;
    let again = fast(&store).filter(filter()).start_from(StartFrom::Beginning);
    let mut again = again.open().await.unwrap();
    assert_eq!(version(&next(&mut again).await), 3);
    for (other, words) in [
        (fast(&store), "everything"),
        (fast(&store).filter(filter()).partitions(2), "2 partitions"),
    ] {
        let error = other.open().await.unwrap_err();
        assert_eq!(error.code(), "subscription_conflict");
        assert!(error.to_string().contains(words), "{error}");
    }
    // The same name of another tenant is another subscription.
    let scope = event_core::Scope::tenant(Tenant::new("theirs").unwrap());
    fast(&store.with_scope(scope)).open().await.unwrap().close().await.unwrap();
    for bad in ["", "a\nb", &"x".repeat(256)] {
        let error = store.subscription(bad).open().await.unwrap_err();
        assert_eq!(error.code(), "invalid_subscription", "{bad:?}");
    }
}

pub async fn an_operator_pauses_resets_and_deletes(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(3)).await;
    let mut consumer = fast(&store).open().await.unwrap();
    next(&mut consumer).await.ack().unwrap();
    until(async || store.subscriptions().await.unwrap()[0].lag == 2).await;
    let in_flight = next(&mut consumer).await;
    let operator = fast(&store);
    operator.pause().await.unwrap();
    assert_eq!(store.subscriptions().await.unwrap()[0].status, SubscriptionStatus::Paused);
    until(async || consumer.partitions() == 0).await;
    let late = in_flight.ack().unwrap_err();
    assert_eq!(late.code(), "lease_lost");
    operator.resume().await.unwrap();
    assert_eq!(
        version(&next(&mut consumer).await),
        2,
        "an event after the checkpoint is redelivered"
    );
    operator.reset(StartFrom::Beginning).await.unwrap();
    until(async || {
        let delivery = next(&mut consumer).await;
        version(&delivery) == 1
    })
    .await;
    operator.delete().await.unwrap();
    let error = loop {
        match tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap() {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the consumer ended without an error"),
        }
    };
    assert_eq!(error.code(), "subscription_not_found");
    assert!(store.subscriptions().await.unwrap().is_empty());
    assert_eq!(operator.pause().await.unwrap_err().code(), "subscription_not_found");
}

pub async fn a_checkpoint_moves_over_filtered_events(adapter: Subject) {
    let store = store(&adapter);
    let subscription = fast(&store).filter(Filter::all().category("nothing"));
    let consumer = subscription.open().await.unwrap();
    for _ in 0..2 {
        append(&store, "a", Any, Noted::many(20)).await;
        until(async || store.subscriptions().await.unwrap()[0].lag == 0).await;
    }
    assert_eq!(store.subscriptions().await.unwrap()[0].lag_time, None);
    consumer.close().await.unwrap();
}

/// Such a time cannot be added to a clock.
pub async fn times_beyond_a_day_are_refused(adapter: Subject) {
    let store = store(&adapter);
    let subscription = || store.subscription("long");
    for subscription in [
        subscription().lease(Duration::MAX),
        subscription().handle_within(Duration::MAX),
        subscription().checkpoint_interval(Duration::from_hours(25)),
    ] {
        let error = subscription.open().await.unwrap_err();
        let invalid = matches!(&error, Error::Subscription(SubscriptionError::Invalid { .. }));
        assert!(invalid && error.to_string().contains("24 hours"), "{error}");
    }
    assert!(store.subscriptions().await.unwrap().is_empty());
    let retry = RetryPolicy::default().first_delay(Duration::MAX);
    subscription()
        .lease(Duration::from_hours(24))
        .retry(retry)
        .open()
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
}

/// A refused start registers nothing: the name is free for another one.
pub async fn a_start_beyond_the_end_registers_nothing(adapter: Subject) {
    let store = store(&adapter);
    let last = append(&store, "a", Any, Noted::many(2)).await.position;
    let beyond = StartFrom::After(Position::new(last.get() + 1));
    let error = store.subscription("late").start_from(beyond).open().await.unwrap_err();
    assert_eq!(error.code(), "log_diverged", "{error}");
    assert!(store.subscriptions().await.unwrap().is_empty());
    let mut consumer =
        store.subscription("late").start_from(StartFrom::Beginning).open().await.unwrap();
    let first = consumer.next().await.unwrap().unwrap();
    assert_eq!(first.event().stream_version().get(), 1);
    consumer.close().await.unwrap();
    let error = store.subscription("late").reset(beyond).await.unwrap_err();
    assert_eq!(error.code(), "log_diverged", "a reset is checked as well: {error}");
}

/// A log that was restored from an older backup, or replaced, is detected.
pub async fn a_checkpoint_of_another_log_is_refused(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(3)).await;
    let stored = everything(&store).await[2].clone();
    let checkpoints = adapter.checkpoints().unwrap();
    let (at, id) = (stored.position(), stored.event_id());
    let beyond = Position::new(at.get() + 5);
    for (name, position, event, refused) in [
        ("beyond", beyond, (beyond, EventId::new()), true),
        ("past the last event of a log that was longer", beyond, (at, id), true),
        ("another event", at, (at, EventId::new()), true),
        ("the same event", at, (at, id), false),
    ] {
        store.subscription(name).open().await.unwrap().close().await.unwrap();
        let key = SubscriptionKey { tenant: Some(Tenant::default()), name: name.into() };
        let id = incarnation(&adapter, &key).await;
        let lease = checkpoints.heartbeat(&key, id, "x", PATIENCE).await.unwrap().leases[0];
        let checkpoint = Checkpoint { position, event: Some(event) };
        assert!(checkpoints.save(&key, 0, lease.token, checkpoint, 0).await.unwrap());
        checkpoints.release(&key, id, "x", None).await.unwrap();
        let opened = store.subscription(name).open().await;
        assert_eq!(opened.is_err(), refused, "{name}");
        match opened {
            // Closed, so that its lease is free below.
            Ok(consumer) => consumer.close().await.unwrap(),
            Err(error) => {
                assert_eq!(error.code(), "log_diverged");
                let named = matches!(&error, Error::LogDiverged { name: n, .. } if n == name);
                assert!(named, "{error:?}");
            }
        }
    }
    // A deleted event does not contradict the checkpoint.
    let delete = event_core::Delete::Hard;
    append(&store, "b", Any, Noted::many(1)).await;
    store.delete_stream(&stream("a"), Any, delete).await.unwrap();
    store.subscription("the same event").open().await.unwrap().close().await.unwrap();
    // Not even if it was the last of the log.
    let key = SubscriptionKey { tenant: Some(Tenant::default()), name: "the same event".into() };
    let last = everything(&store).await[0].clone();
    let event = Some((last.position(), last.event_id()));
    let id = incarnation(&adapter, &key).await;
    let lease = checkpoints.heartbeat(&key, id, "x", PATIENCE).await.unwrap().leases[0];
    let checkpoint = Checkpoint { position: last.position(), event };
    assert!(checkpoints.save(&key, 0, lease.token, checkpoint, 0).await.unwrap());
    checkpoints.release(&key, id, "x", None).await.unwrap();
    store.delete_stream(&stream("b"), Any, delete).await.unwrap();
    store.subscription("the same event").open().await.unwrap().close().await.unwrap();
}

/// The error has the message of the panic, and the checkpoint does not move.
pub async fn a_filter_that_panics_ends_its_consumer(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(2)).await;
    let panics = Filter::all().predicate("odd", |_| panic!("no such event"));
    let mut consumer = fast(&store).filter(panics).open().await.unwrap();
    let error = event_core::error::with_causes(&end(&mut consumer).await);
    assert!(error.contains("no such event"), "{error}");
    tokio::time::timeout(PATIENCE, consumer.close()).await.expect("the consumer closes").unwrap();
    assert_eq!(store.subscriptions().await.unwrap()[0].position, Position::START);
}
