//! Consumers of a subscription that is deleted and created again under its name: they end with an error that says so, and
//! change nothing of the new one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Subject, append, everything, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::subscription::{Consumer, DurableSubscription};
use event_core::{EventStore, Filter, Position, RecordedEvent};

/// The timeout of every wait, so that a missing event fails the case instead of blocking it.
const PATIENCE: Duration = Duration::from_secs(30);

fn subscription(store: &EventStore) -> DurableSubscription {
    store
        .subscription("s")
        .checkpoint_interval(Duration::from_millis(5))
        .lease(Duration::from_millis(600))
}

fn only_a() -> Filter {
    Filter::all().category("a")
}

/// Handles events until all of the log were delivered.
async fn handle_all(consumer: &mut Consumer, log: &BTreeSet<Position>) {
    let mut handled = BTreeSet::new();
    let all = async {
        while handled != *log {
            let delivery = consumer.next().await.expect("the consumer has not ended").unwrap();
            handled.insert(delivery.event().position());
            delivery.ack().unwrap();
        }
    };
    let done = tokio::time::timeout(PATIENCE, all).await;
    assert!(done.is_ok(), "{} of {} events were handled", handled.len(), log.len());
}

async fn positions(store: &EventStore) -> BTreeSet<Position> {
    everything(store).await.iter().map(RecordedEvent::position).collect()
}

pub async fn a_consumer_of_a_deleted_subscription_ends(adapter: Subject) {
    let store = store(&adapter);
    for name in ["a-1", "b-1", "a-2", "b-2", "b-3"] {
        append(&store, name, Any, Noted::many(20)).await;
    }
    let mut old = subscription(&store).filter(only_a()).open().await.unwrap();
    for _ in 0..10 {
        old.next().await.unwrap().unwrap().ack().unwrap();
    }
    let pending = old.next().await.unwrap().unwrap();
    subscription(&store).delete().await.unwrap();
    let mut new = subscription(&store).partitions(8).open().await.unwrap();
    assert_eq!(new.partitions(), 8, "the old consumer is no member of the new subscription");
    // Whatever it acknowledges until it notices is stored nowhere.
    let _ = pending.ack();
    let end = async {
        loop {
            match old.next().await.expect("it ends with an error") {
                Ok(delivery) => {
                    assert_eq!(delivery.event().stream_id().category(), "a");
                    let _ = delivery.ack();
                }
                Err(error) => break error,
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, end).await.expect("the consumer ends");
    // It may also have noticed before the new one was created.
    let codes = ["subscription_replaced", "subscription_not_found"];
    assert!(codes.contains(&error.code()) && error.to_string().contains("deleted"), "{error:?}");
    assert_eq!(old.partitions(), 0);
    let info = store.subscriptions().await.unwrap().remove(0);
    assert_eq!(
        info.stopped, None,
        "the error of the old consumer is not one of the new subscription"
    );
    assert_eq!(info.partitions.len(), 8);
    handle_all(&mut new, &positions(&store).await).await;
    drop(old);
    append(&store, "c-1", Any, Noted::many(1)).await;
    let next = tokio::time::timeout(PATIENCE, new.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.event().stream_id().as_str(), "c-1");
    new.close().await.unwrap();
}

pub async fn a_dropped_consumer_changes_nothing_of_the_next_subscription(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a-1", Any, Noted::many(10)).await;
    append(&store, "b-1", Any, Noted::many(10)).await;
    let log = positions(&store).await;
    for round in 0..8 {
        // A longer interval: the checkpoint is saved only when the consumer ends.
        let subscribe = || subscription(&store).checkpoint_interval(Duration::from_secs(30));
        let mut old = subscribe().filter(only_a()).open().await.unwrap();
        for _ in 0..10 {
            old.next().await.unwrap().unwrap().ack().unwrap();
        }
        drop(old);
        subscription(&store).delete().await.unwrap();
        let partitions = 1 + round % 3;
        let mut new = subscribe().partitions(partitions).open().await.unwrap();
        handle_all(&mut new, &log).await;
        new.close().await.unwrap();
        subscription(&store).delete().await.unwrap();
    }
}
