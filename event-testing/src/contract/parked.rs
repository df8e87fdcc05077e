//! Parked events: listed, selected, looked at, handled again or discarded, each by one winner.

use std::time::Duration;

use super::{Subject, append, store, stream};
use crate::{Closed, Noted};
use event_core::ExpectedVersion::Any;
use event_core::adapter::ParkedEvent;
use event_core::subscription::{Consumer, Delivery, DurableSubscription, OnFailure, Parked};
use event_core::{BatchSize, EventStore, NewEvent, RetryPolicy, StartFrom};

const PATIENCE: Duration = Duration::from_mins(1);

fn mail(store: &EventStore) -> DurableSubscription {
    let mail = store.subscription("mail").checkpoint_interval(Duration::from_millis(5));
    mail.lease(Duration::from_millis(600))
        .retry(RetryPolicy::default().retries(0))
        .on_failing(OnFailure::Park)
}

async fn next(consumer: &mut Consumer) -> Delivery {
    let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await;
    delivery.expect("an event within the timeout").expect("it has not ended").unwrap()
}

/// Stores six events, three types and streams in turn, and parks all of them with errors that name their stream.
async fn park_six(store: &EventStore) -> Vec<ParkedEvent> {
    for n in 0..6 {
        let event = match n % 3 {
            0 => NewEvent::from(Closed { by: "ann".into() }),
            _ => NewEvent::from(Noted::new("a note")),
        };
        append(store, &format!("box-{}", n % 3), Any, vec![event]).await;
    }
    let mut consumer = mail(store).open().await.unwrap();
    for _ in 0..6 {
        let delivery = next(&mut consumer).await;
        let error = format!("mailbox of {} is full", delivery.event().stream_id());
        delivery.fail(error).unwrap();
    }
    consumer.close().await.unwrap();
    let parked = mail(store).parked().await.unwrap();
    assert_eq!(parked.len(), 6);
    parked
}

pub async fn parked_events_are_listed_selected_and_looked_at(adapter: Subject) {
    let store = store(&adapter);
    let all = park_six(&store).await;
    let mail = mail(&store);
    let (mut paged, mut after) = (Vec::new(), event_core::Position::START);
    loop {
        let page = mail.parked().after(after).limit(BatchSize::new(4).unwrap()).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let health = store.health().await.unwrap();
    assert_eq!(health.subscriptions, store.subscriptions().await.unwrap());
    assert_eq!((health.subscriptions[0].parked, health.subscriptions[0].lag), (6, 0));
    let count = async |which: Parked| mail.parked().select(which).await.unwrap().len();
    assert_eq!(count(Parked::all().event_types(["contract.closed"])).await, 2);
    assert_eq!(count(Parked::all().event_types(["contract.closed", "contract.noted"])).await, 6);
    assert_eq!(count(Parked::all().event_types(["nothing"])).await, 0);
    assert_eq!(count(Parked::all().stream(stream("box-1"))).await, 2);
    assert_eq!(count(Parked::all().error("box-2 is full")).await, 2);
    assert_eq!(count(Parked::all().error("box-2").stream(stream("box-1"))).await, 0);
    assert_eq!(count(Parked::all().error("%' OR '' = '")).await, 0);
    assert_eq!(count(all[3].position.into()).await, 1);
    let (parked, event) = mail.parked_event(all[3].event_id).await.unwrap();
    assert_eq!(parked, all[3]);
    assert_eq!(
        (parked.attempts, event.unwrap().decode::<Closed>().unwrap().by.as_str()),
        (1, "ann")
    );
    let missing = mail.parked_event(event_core::EventId::new()).await.unwrap_err();
    assert_eq!(missing.code(), "not_parked");
    let unknown = store.subscription("nobody").parked().await.unwrap_err();
    assert_eq!(unknown.code(), "subscription_not_found");
}

pub async fn selected_events_are_handled_again_or_discarded(adapter: Subject) {
    let store = store(&adapter);
    let all = park_six(&store).await;
    let mail = mail(&store);
    assert_eq!(mail.discard(Parked::all().stream(stream("box-1")), "moved away").await.unwrap(), 2);
    assert_eq!(mail.discard(all[0].event_id, "twice").await.unwrap(), 1);
    let discarded = mail.parked().discarded().await.unwrap();
    let of = |n: usize| (discarded[n].parked.clone(), discarded[n].reason.as_str());
    assert_eq!(discarded.len(), 3);
    assert_eq!(of(0), (all[0].clone(), "twice"));
    assert_eq!(of(1), (all[1].clone(), "moved away"));
    // Whoever names one that is not parked any more is told what became of it.
    for told in [
        mail.replay(all[0].event_id).await.unwrap_err(),
        mail.discard(all[0].position, "again").await.unwrap_err(),
        mail.parked_event(all[0].event_id).await.unwrap_err(),
    ] {
        assert_eq!(told.code(), "not_parked");
        assert!(told.to_string().contains("twice"), "{told}");
    }
    for reason in ["", " ", &"x".repeat(10_001)] {
        let refused = mail.discard(Parked::all(), reason).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_subscription");
    }
    assert_eq!(mail.replay(Parked::all().event_types(["contract.closed"])).await.unwrap(), 1);
    assert_eq!(mail.replay(all[3].event_id).await.unwrap(), 0, "it is marked already");
    let marked = mail.discard(all[3].event_id, "no").await.unwrap_err();
    assert_eq!(marked.code(), "not_parked");
    assert!(marked.to_string().contains("its consumer decides"), "{marked}");
    assert_eq!(mail.discard(Parked::all(), "all that is left").await.unwrap(), 2);
    let mut consumer = mail.clone().open().await.unwrap();
    let replayed = next(&mut consumer).await;
    assert!(replayed.is_replay());
    assert_eq!(replayed.event().event_id(), all[3].event_id);
    replayed.ack().unwrap();
    let empty = async {
        while !mail.parked().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("it is handled within the timeout");
    consumer.close().await.unwrap();
    let handled = mail.replay(all[3].event_id).await.unwrap_err();
    assert_eq!(handled.code(), "not_parked");
    assert_eq!(mail.parked().discarded().await.unwrap().len(), 5);
    // Parked and discarded once more, it is kept with the latest reason.
    mail.reset(StartFrom::Beginning).await.unwrap();
    let mut consumer = mail.clone().open().await.unwrap();
    next(&mut consumer).await.fail("again").unwrap();
    consumer.close().await.unwrap();
    assert_eq!(mail.discard(all[0].event_id, "for good").await.unwrap(), 1);
    let discarded = mail.parked().select(all[0].event_id).discarded().await.unwrap();
    assert_eq!((discarded.len(), discarded[0].reason.as_str()), (1, "for good"));
    mail.delete().await.unwrap();
}

pub async fn a_discard_that_races_a_replay_has_one_winner(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(24)).await;
    let mut consumer = mail(&store).open().await.unwrap();
    for _ in 0..24 {
        next(&mut consumer).await.fail("no luck").unwrap();
    }
    consumer.close().await.unwrap();
    let mail = mail(&store);
    let all = mail.parked().await.unwrap();
    let mut discarded = 0;
    for parked in &all {
        let replay = tokio::spawn({
            let (mail, event_id) = (mail.clone(), parked.event_id);
            async move { mail.replay(event_id).await }
        });
        let discard = tokio::spawn({
            let (mail, event_id) = (mail.clone(), parked.event_id);
            async move { mail.discard(event_id, "lost patience").await }
        });
        match (replay.await.unwrap(), discard.await.unwrap()) {
            (Ok(1), Err(told)) => assert_eq!(told.code(), "not_parked"),
            (Err(told), Ok(1)) => {
                assert!(told.to_string().contains("lost patience"), "{told}");
                discarded += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let marked = mail.parked().await.unwrap();
    assert!(marked.iter().all(|parked| parked.replay));
    assert_eq!(marked.len() + discarded, all.len());
    assert_eq!(mail.parked().discarded().await.unwrap().len(), discarded);
}

pub async fn replayed_events_keep_to_the_window(adapter: Subject) {
    let store = store(&adapter);
    let all = park_six(&store).await;
    // The name of an owner may be any text.
    let mail = mail(&store).window(2).lease(Duration::from_secs(2)).owner("post\0'office");
    assert_eq!(mail.replay(Parked::all()).await.unwrap(), 6);
    let mut consumer = mail.clone().open().await.unwrap();
    let mut handled = Vec::new();
    while handled.len() < all.len() {
        let deliveries = [next(&mut consumer).await, next(&mut consumer).await];
        let third = tokio::time::timeout(Duration::from_millis(300), consumer.next()).await;
        assert!(third.is_err(), "more than the window is in flight: {third:?}");
        for delivery in deliveries {
            handled.push(delivery.event().position());
            delivery.ack().unwrap();
        }
    }
    handled.sort_unstable();
    assert_eq!(handled, all.iter().map(|it| it.position).collect::<Vec<_>>());
    consumer.close().await.unwrap();
    assert_eq!(mail.parked().await.unwrap(), []);
}
