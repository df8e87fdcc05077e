//! Subscriptions that change: their places are kept, and what was passed and newly matches is handled where asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Subject, append, everything, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::adapter::{Alteration, Registered, SubscriptionKey};
use event_core::error::SubscriptionError;
use event_core::subscription::{Consumer, DurableSubscription, NewEventsFrom, SubscriptionChange};
use event_core::{Error, EventStore, Filter, Position, RecordedEvent, Result, StartFrom};

const PATIENCE: Duration = Duration::from_mins(1);

fn mail(store: &EventStore) -> DurableSubscription {
    store
        .subscription("mail")
        .checkpoint_interval(Duration::from_millis(5))
        .lease(Duration::from_millis(600))
}

fn change(store: &EventStore) -> SubscriptionChange {
    store.subscription("mail").change()
}

fn of(category: &str) -> Filter {
    Filter::all().category(category)
}

/// Handles events until everything up to a position is handled; returns their positions.
async fn handle(consumer: &mut Consumer, store: &EventStore, goal: Position) -> Vec<u64> {
    let mut handled = Vec::new();
    let handling = async {
        loop {
            let tick = Duration::from_millis(20);
            if let Ok(next) = tokio::time::timeout(tick, consumer.next()).await {
                let delivery = next.expect("it has not ended").unwrap();
                handled.push(delivery.event().position().get());
                delivery.ack().unwrap();
                continue;
            }
            if store.subscriptions().await.unwrap()[0].position >= goal {
                break;
            }
        }
    };
    let handled_all = tokio::time::timeout(PATIENCE, handling).await;
    handled_all.expect("all is handled within the timeout");
    handled
}

/// Opens the subscription, handles everything up to the end of the log, and closes it.
async fn catch_up(store: &EventStore, subscription: DurableSubscription) -> Vec<u64> {
    let goal = everything(store).await.last().map_or(Position::START, RecordedEvent::position);
    let mut consumer = subscription.open().await.unwrap();
    let handled = handle(&mut consumer, store, goal).await;
    consumer.close().await.unwrap();
    handled
}

/// Four events in three categories: `a b a c`.
async fn four(store: &EventStore) -> Vec<u64> {
    for name in ["a-1", "b-1", "a-2", "c-1"] {
        append(store, name, Any, Noted::many(1)).await;
    }
    everything(store).await.iter().map(|event| event.position().get()).collect()
}

pub async fn a_wider_filter_keeps_the_places(adapter: Subject) {
    let store = store(&adapter);
    let p = four(&store).await;
    assert_eq!(catch_up(&store, mail(&store).filter(of("a"))).await, [p[0], p[2]]);
    let refused = mail(&store).open().await.unwrap_err();
    assert_eq!(refused.code(), "subscription_conflict");
    for words in ["change()", "apply()", "delivered again, with their side effects"] {
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let wider = || change(&store).filter(Filter::all());
    let preview = wider().preview().await.unwrap();
    assert!(preview.changes && preview.counted_all && preview.new_events == 0, "{preview:?}");
    assert_eq!(wider().apply().await.unwrap(), preview);
    let again = wider().new_events_from(NewEventsFrom::Beginning).apply().await.unwrap();
    assert!(!again.changes, "it is what is wanted already: {again:?}");
    append(&store, "b-1", Any, Noted::many(1)).await;
    assert_eq!(catch_up(&store, mail(&store)).await.len(), 1, "only what was stored since");
    let refused = mail(&store).filter(of("a")).open().await.unwrap_err();
    assert_eq!(refused.code(), "subscription_conflict");
}

pub async fn events_that_newly_match_are_handled_where_asked(adapter: Subject) {
    let store = store(&adapter);
    let p = four(&store).await;
    assert_eq!(catch_up(&store, mail(&store).filter(of("a"))).await, [p[0], p[2]]);
    let from = NewEventsFrom::Position(Position::new(p[2]));
    let wider = || change(&store).filter(Filter::all()).new_events_from(from);
    assert_eq!(wider().preview().await.unwrap().new_events, 1);
    assert_eq!(wider().apply().await.unwrap().new_events, 1);
    append(&store, "a-1", Any, Noted::many(1)).await;
    let handled = catch_up(&store, mail(&store)).await;
    assert_eq!((handled[0], handled.len()), (p[3], 2), "{handled:?}");
    // `b` was passed by both filters: it matches the one before, and is not new.
    let only_b = change(&store).filter(of("b")).new_events_from(NewEventsFrom::Beginning);
    assert_eq!(only_b.apply().await.unwrap().new_events, 0);
    assert_eq!(catch_up(&store, mail(&store).filter(of("b"))).await, [0; 0]);
    let beyond = Position::new(p[3] + 1_000_000);
    let beyond = change(&store).filter(of("x")).new_events_from(NewEventsFrom::Position(beyond));
    assert!(matches!(beyond.apply().await.unwrap_err(), Error::LogDiverged { .. }));
}

pub async fn changes_in_a_row_handle_every_event_once(adapter: Subject) {
    let store = store(&adapter);
    let p = four(&store).await;
    assert_eq!(catch_up(&store, mail(&store).filter(of("a"))).await, [p[0], p[2]]);
    let beginning =
        |filter: Filter| change(&store).filter(filter).new_events_from(NewEventsFrom::Beginning);
    assert_eq!(beginning(of("b")).apply().await.unwrap().new_events, 1);
    // Nothing of `b` is handled yet, and the next change comes.
    assert_eq!(beginning(of("c")).apply().await.unwrap().new_events, 1);
    assert_eq!(catch_up(&store, mail(&store).filter(of("c"))).await, [p[3]]);
    // What the first filter had handled is not handled again, and `b` is asked for only now.
    assert_eq!(beginning(Filter::all()).apply().await.unwrap().new_events, 1);
    assert_eq!(catch_up(&store, mail(&store)).await, [p[1]]);
    // Handling everything again is what a reset is for.
    mail(&store).reset(StartFrom::Beginning).await.unwrap();
    assert_eq!(catch_up(&store, mail(&store)).await, p);
    // Another subscription under the name has passed nothing.
    mail(&store).delete().await.unwrap();
    let missing = change(&store).apply().await.unwrap_err();
    assert_eq!(missing.code(), "subscription_not_found");
    assert_eq!(catch_up(&store, mail(&store).filter(of("a"))).await, [p[0], p[2]]);
}

pub async fn other_partitions_keep_the_places(adapter: Subject) {
    let store = store(&adapter);
    for n in 0..12 {
        append(&store, &format!("a-{n}"), Any, Noted::many(2)).await;
    }
    // Of three partitions, one is behind at its first event.
    let mut consumer = mail(&store).partitions(3).open().await.unwrap();
    let mut handled: BTreeMap<u64, u32> = BTreeMap::new();
    let mut kept = Vec::new();
    let mut counts = [0; 3];
    while kept.len() + handled.len() < 24 {
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap();
        let delivery = delivery.expect("it has not ended").unwrap();
        let (_, partition, _) = delivery.lease();
        counts[partition as usize] += 1;
        if partition == 1 {
            kept.push(delivery);
        } else {
            *handled.entry(delivery.event().position().get()).or_default() += 1;
            delivery.ack().unwrap();
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    let last = handled.keys().max().copied().unwrap();
    let saved = async {
        let places = async || store.subscriptions().await.unwrap()[0].partitions.clone();
        while places().await.iter().filter(|it| it.position.get() >= last).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, saved).await.expect("the checkpoints are saved");
    let report = change(&store).partitions(8).apply().await.unwrap();
    assert_eq!((report.partitions_before, report.partitions, report.changes), (3, 8, true));
    // The consumer is told, and its acknowledgements are void.
    let late = kept.pop().unwrap();
    let ended = async { while !matches!(consumer.next().await, Some(Err(_))) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the consumer ends");
    assert_eq!(late.ack().unwrap_err().code(), "lease_lost");
    for position in catch_up(&store, mail(&store).partitions(8)).await {
        *handled.entry(position).or_default() += 1;
    }
    assert_eq!(handled.len(), 24, "{handled:?}");
    assert!(handled.values().all(|times| *times == 1), "{handled:?}");
    // And back, once more with nothing left to handle.
    change(&store).partitions(2).apply().await.unwrap();
    assert_eq!(catch_up(&store, mail(&store).partitions(2)).await, [0; 0]);
}

pub async fn parked_events_survive_a_change(adapter: Subject) {
    use event_core::subscription::OnFailure;
    let store = store(&adapter);
    for n in 0..8 {
        append(&store, &format!("a-{n}"), Any, Noted::many(1)).await;
    }
    let retry = event_core::RetryPolicy::default().retries(0);
    let parking = mail(&store).partitions(8).retry(retry).on_failing(OnFailure::Park);
    let mut consumer = parking.open().await.unwrap();
    for _ in 0..8 {
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap();
        delivery.expect("it has not ended").unwrap().fail("no luck").unwrap();
    }
    consumer.close().await.unwrap();
    change(&store).partitions(3).filter(of("a")).apply().await.unwrap();
    assert_eq!(store.subscriptions().await.unwrap()[0].parked, 8);
    assert_eq!(mail(&store).replay(None).await.unwrap(), 8);
    let mut consumer = mail(&store).partitions(3).filter(of("a")).open().await.unwrap();
    for _ in 0..8 {
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap();
        let delivery = delivery.expect("it has not ended").unwrap();
        assert!(delivery.is_replay());
        delivery.ack().unwrap();
    }
    let gone = async {
        while store.subscriptions().await.unwrap()[0].parked > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("all are handled");
}

pub async fn a_predicate_is_known_by_its_name(adapter: Subject) {
    let store = store(&adapter);
    let p = four(&store).await;
    let named = |name: &str| {
        Filter::all().predicate(name, |event| event.stream_id().as_str().starts_with("a-"))
    };
    assert_eq!(catch_up(&store, mail(&store).filter(named("of a"))).await, [p[0], p[2]]);
    let asked = |filter| change(&store).filter(filter).new_events_from(NewEventsFrom::Beginning);
    let unknown = asked(Filter::all()).apply().await.unwrap_err();
    assert_eq!(unknown.code(), "invalid_subscription");
    assert!(unknown.to_string().contains("of a"), "{unknown}");
    let of_b = || named("of a").category("b");
    assert_eq!(asked(of_b()).apply().await.unwrap().new_events, 0);
    let early = change(&store).filter(Filter::all()).apply().await.unwrap_err();
    assert_eq!(early.code(), "invalid_subscription", "what is before the places is not told yet");
    assert_eq!(catch_up(&store, mail(&store).filter(of_b())).await, [0; 0]);
    change(&store).filter(Filter::all()).apply().await.unwrap();
    append(&store, "b-1", Any, Noted::many(1)).await;
    assert_eq!(catch_up(&store, mail(&store)).await.len(), 1);
}

pub async fn a_partition_key_is_fixed_by_its_name(adapter: Subject) {
    let store = store(&adapter);
    // The customer is what follows the last `-`: each has two streams.
    for n in 0..16 {
        append(&store, &format!("a-{}-{}", n / 8, n % 8), Any, Noted::many(1)).await;
    }
    let customer = |event: &RecordedEvent| {
        event.stream_id().as_str().rsplit('-').next().unwrap_or_default().to_owned()
    };
    let by = |name: &str| mail(&store).partitions(5).partition_by(name, customer);
    let mut consumer = by("customer").open().await.unwrap();
    let mut partitions: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for _ in 0..16 {
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap();
        let delivery = delivery.expect("it has not ended").unwrap();
        partitions.entry(customer(delivery.event())).or_default().push(delivery.lease().1);
        delivery.ack().unwrap();
    }
    consumer.close().await.unwrap();
    assert_eq!(partitions.len(), 8);
    assert!(partitions.values().all(|it| it.len() == 2 && it[0] == it[1]), "{partitions:?}");
    for other in [by("guild"), mail(&store).partitions(5)] {
        let refused = other.open().await.unwrap_err();
        assert_eq!(refused.code(), "subscription_conflict");
        assert!(refused.to_string().contains("the partition key \"customer\""), "{refused}");
    }
    let listed = store.subscriptions().await.unwrap().remove(0);
    assert_eq!(listed.filter, "everything, partitioned by \"customer\"");
    change(&store).partition_by("guild", customer).apply().await.unwrap();
    assert_eq!(catch_up(&store, by("guild")).await, [0; 0]);
}

pub async fn of_two_changes_at_once_one_wins(adapter: Subject) {
    let store = store(&adapter);
    let p = four(&store).await;
    assert_eq!(catch_up(&store, mail(&store).filter(of("a"))).await, [p[0], p[2]]);
    let same = (0..8).map(|_| {
        let change = change(&store).filter(of("b")).new_events_from(NewEventsFrom::Beginning);
        tokio::spawn(change.apply())
    });
    let mut changed = 0;
    for call in same.collect::<Vec<_>>() {
        changed += u32::from(call.await.unwrap().unwrap().changes);
    }
    assert_eq!(changed, 1, "all wanted the same, and one did it");
    let key = SubscriptionKey { tenant: Some(event_core::Tenant::default()), name: "mail".into() };
    let checkpoints = adapter.checkpoints().unwrap();
    let stored = checkpoints.find(&key).await.unwrap().expect("it is registered");
    let wanted = |filter: &str| Alteration {
        wanted: Registered { filter: filter.into(), partitions: 1 },
        regroups: false,
        new_after: None,
    };
    let racing = ["category \"c\"", "category \"d\""].map(|filter| {
        let (adapter, key, wanted) = (Arc::clone(&adapter), key.clone(), wanted(filter));
        tokio::spawn(async move {
            let checkpoints = adapter.checkpoints().unwrap();
            checkpoints.change(&key, stored.incarnation, &wanted).await
        })
    });
    let [first, second] = racing;
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let lost = |result: &Result<()>| {
        matches!(result, Err(Error::Subscription(SubscriptionError::Replaced { .. })))
    };
    assert!(first.is_ok() && lost(&second) || second.is_ok() && lost(&first));
    assert_eq!(checkpoints.passed(&key).await.unwrap().len(), 2);
}

/// Consumes the subscription until a condition holds, and opens it again with whatever filter it has then.
async fn consume(
    store: EventStore,
    seen: Arc<Mutex<BTreeMap<u64, u32>>>,
    told: Arc<Mutex<u32>>,
    goal: usize,
) {
    let done = || seen.lock().unwrap().len() >= goal;
    while !done() {
        let listed = store.subscriptions().await.unwrap().remove(0);
        let filter = match listed.filter.as_str() {
            "everything" => Filter::all(),
            _ => of("a"),
        };
        let partitions = u32::try_from(listed.partitions.len()).unwrap();
        let opened = mail(&store).filter(filter).partitions(partitions).open().await;
        let Ok(mut consumer) = opened else { continue };
        while !done() {
            let tick = Duration::from_millis(50);
            match tokio::time::timeout(tick, consumer.next()).await {
                Err(_) => {}
                Ok(Some(Ok(delivery))) => {
                    let position = delivery.event().position().get();
                    *seen.lock().unwrap().entry(position).or_default() += 1;
                    let _ = delivery.ack();
                }
                Ok(Some(Err(error))) => {
                    assert_eq!(error.code(), "subscription_changed", "{error}");
                    *told.lock().unwrap() += 1;
                    break;
                }
                Ok(None) => break,
            }
        }
        let _ = consumer.close().await;
    }
}

pub async fn consumers_that_run_meanwhile_are_told_and_lose_nothing(adapter: Subject) {
    let store = store(&adapter);
    mail(&store).filter(of("a")).open().await.unwrap().close().await.unwrap();
    let (seen, told) = <(Arc<Mutex<BTreeMap<u64, u32>>>, Arc<Mutex<u32>>)>::default();
    let goal = 240;
    let consumers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(consume(store.clone(), seen.clone(), told.clone(), goal)))
        .collect();
    for round in 0..120 {
        // One that consumes now has to be told of the change: its filter admits half of the events.
        let began = Instant::now();
        while round == 20 && seen.lock().unwrap().is_empty() {
            assert!(began.elapsed() < PATIENCE, "no consumer has handled an event");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for category in ["a", "b"] {
            append(&store, &format!("{category}-{}", round % 7), Any, Noted::many(1)).await;
        }
        let beginning = NewEventsFrom::Beginning;
        let changed = match round {
            20 | 100 => {
                change(&store).filter(Filter::all()).new_events_from(beginning).apply().await
            }
            50 => change(&store).partitions(4).apply().await,
            80 => change(&store).partitions(2).filter(of("a")).apply().await,
            _ => continue,
        };
        assert!(changed.unwrap().changes);
    }
    for consumer in consumers {
        let ended = tokio::time::timeout(PATIENCE, consumer).await;
        let missing = goal - seen.lock().unwrap().len();
        ended.unwrap_or_else(|_| panic!("{missing} events were not handled")).unwrap();
    }
    assert_eq!(seen.lock().unwrap().len(), goal);
    assert!(*told.lock().unwrap() > 0, "no consumer was told");
}
