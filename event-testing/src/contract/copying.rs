//! Copies of a store: the subscriptions and snapshots that are copied with the events.

use std::sync::Arc;
use std::time::Duration;

use super::snapshot::{Periodic, progress, recovered};
use super::{Subject, append, everything, exact, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::adapter::Adapter;
use event_core::error::SubscriptionError;
use event_core::subscription::{DurableSubscription, OnFailure, SubscriptionStatus};
use event_core::transfer::{Copied, CopyTo};
use event_core::{
    Error, EventId, EventStore, MemoryAdapter, Position, RecordedEvent, RetryPolicy, Scope,
    StreamVersion, Tenant,
};

const PATIENCE: Duration = Duration::from_secs(30);
/// The number of events of each of two tenants.
const EVENTS: usize = 40;

fn red(store: &EventStore) -> EventStore {
    store.with_scope(Scope::tenant(Tenant::new("red").unwrap()))
}

fn subscription(store: &EventStore) -> DurableSubscription {
    store
        .subscription("s")
        .partitions(3)
        .lease(Duration::from_millis(600))
        .checkpoint_interval(Duration::from_millis(5))
        .retry(RetryPolicy::never())
        .on_failing(OnFailure::Park)
}

/// Handles at most `max` deliveries; the third one fails if `fails` is set. Returns the ids of the events that were
/// acknowledged.
async fn handle(store: &EventStore, max: usize, fails: bool) -> Vec<EventId> {
    let mut consumer = subscription(store).open().await.unwrap();
    let (mut handled, mut delivered) = (Vec::new(), 0);
    while delivered < max {
        // Without a limit, a short silence means that all events were delivered.
        let wait = if max == usize::MAX { Duration::from_millis(300) } else { PATIENCE };
        let Ok(Some(delivery)) = tokio::time::timeout(wait, consumer.next()).await else { break };
        let delivery = delivery.unwrap();
        delivered += 1;
        if fails && delivered == 3 {
            delivery.fail("not this one").unwrap();
        } else {
            handled.push(delivery.event().event_id());
            delivery.ack().unwrap();
        }
    }
    consumer.close().await.unwrap();
    handled
}

async fn fill(source: &EventStore) {
    for n in 0..EVENTS {
        let name = format!("game-{}", n % 7);
        append(source, &name, Any, Noted::many(1)).await;
        append(&red(source), &name, Any, Noted::many(1)).await;
    }
}

/// Checks that each event of the store's scope was handled once, in one of three stores, or is parked in the last one.
async fn each_once(mut handled: Vec<EventId>, last: &EventStore, fails: usize) {
    let own: Vec<_> = everything(last).await.iter().map(RecordedEvent::event_id).collect();
    let parked = subscription(last).parked().await.unwrap();
    assert_eq!(parked.len(), fails);
    handled.extend(parked.iter().map(|parked| parked.event_id));
    handled.retain(|id| own.contains(id));
    assert_eq!(handled.len(), own.len());
    for id in own {
        assert!(handled.contains(&id), "{id} was not handled");
    }
}

pub async fn copied_subscriptions_resume_at_their_checkpoints(adapter: Subject) {
    let (first, last) = (store(&memory()), store(&memory()));
    let middle = store(&adapter);
    fill(&first).await;
    let mut own = handle(&first, 15, true).await;
    let mut reds = handle(&red(&first), 5, false).await;
    let idle = first.subscription("idle").open().await.unwrap();
    idle.close().await.unwrap();
    first.subscription("idle").pause().await.unwrap();

    let done = move_to(&first, &middle, |copy| copy).await;
    assert_eq!((done.subscriptions, done.left_alone), (3, 0));
    let idle = middle.subscriptions().await.unwrap();
    assert_eq!((idle[0].name.as_str(), idle[0].status), ("idle", SubscriptionStatus::Paused));
    own.extend(handle(&middle, 10, true).await);
    // A second copy with more events never moves a checkpoint of the target back.
    append(&first, "game-1", Any, Noted::many(1)).await;
    let again = move_to(&first, &middle, |copy| copy).await;
    assert_eq!((again.stored, again.subscriptions, again.left_alone), (1, 2, 1));

    // With new positions.
    append(&last, "own-1", Any, Noted::many(30)).await;
    move_to(&middle, &last, |copy| copy.new_positions().subscriptions(true)).await;
    own.extend(handle(&last, usize::MAX, false).await);
    reds.extend(handle(&red(&last), usize::MAX, false).await);
    each_once(reds, &red(&last), 0).await;
    let noted = last.read_stream(&stream("own-1"), event_core::ReadOptions::forward()).await;
    // Events that the target had before the copy count as handled.
    own.extend(
        noted
            .unwrap()
            .iter()
            .map(RecordedEvent::event_id)
            .filter(|id| !own.contains(id))
            .collect::<Vec<_>>(),
    );
    each_once(own, &last, 2).await;
}

pub async fn a_subscription_in_use_or_with_other_settings_is_left_unchanged(adapter: Subject) {
    let (first, target) = (store(&memory()), store(&adapter));
    fill(&first).await;
    handle(&first, 15, false).await;
    let consumer = subscription(&target).open().await.unwrap();
    let done = move_to(&first, &target, |copy| copy).await;
    assert_eq!((done.subscriptions, done.left_alone), (0, 1));
    consumer.close().await.unwrap();
    let own = target.subscriptions().await.unwrap();
    // The partition of the first event handled nothing.
    assert_eq!(own[0].position, Position::START, "{own:?}");
    let without = move_to(&first, &target, |copy| copy.subscriptions(false)).await;
    assert_eq!(without.subscriptions, 0);

    first.subscription("t").partitions(2).open().await.unwrap().close().await.unwrap();
    target.subscription("t").partitions(3).open().await.unwrap().close().await.unwrap();
    let error = first.copy_to(&target).await.unwrap_err();
    let conflict = matches!(&error, Error::Subscription(SubscriptionError::Conflict { .. }));
    assert!(conflict, "{error}");
}

fn memory() -> Subject {
    Arc::new(MemoryAdapter::new()) as Arc<dyn Adapter>
}

async fn move_to(
    from: &EventStore,
    to: &EventStore,
    options: impl Fn(CopyTo<'_>) -> CopyTo<'_>,
) -> Copied {
    options(from.all_tenants().copy_to(&to.all_tenants())).await.unwrap()
}

pub async fn snapshots_are_copied(adapter: Subject) {
    let (first, middle) = (store(&memory()), store(&adapter));
    let last = store(&memory());
    let (whole, cut) = (stream("whole"), stream("cut"));
    for name in [&whole, &cut] {
        append(&first, name.as_str(), NoStream, Noted::many(150)).await;
        recovered(&first, name).await;
        append(&first, name.as_str(), exact(150), Noted::many(5)).await;
    }
    let before = first.recover::<Periodic>(&cut).await.unwrap();
    first.truncate_before(&cut, StreamVersion::new(151)).await.unwrap();
    append(&last, "own", NoStream, Noted::many(7)).await;
    for expected in [2, 0] {
        let (from, to) = (first.all_tenants(), middle.all_tenants());
        let done = from.copy_to(&to).snapshots().await.unwrap();
        assert_eq!(done.snapshots, expected);
    }
    for expected in [2, 0] {
        let done = move_to(&middle, &last, |copy| copy.new_positions().snapshots()).await;
        assert_eq!(done.snapshots, expected, "a second copy skips stored snapshots");
    }
    for target in [&middle, &last] {
        let whole = recovered(target, &whole).await;
        assert_eq!(progress(&whole), (5, Some(150), None));
        let cut = target.recover::<Periodic>(&cut).await.unwrap();
        assert_eq!((progress(&cut), &cut.state), ((5, Some(150), None), &before.state));
    }
}

/// Stores with the same events differ by links, by the states of streams, and by snapshots where those are asked for.
pub async fn a_digest_tells_links_states_and_snapshots_apart(adapter: Subject) {
    let (one, other) = (store(&adapter), store(&memory()));
    append(&one, "events", NoStream, Noted::many(120)).await;
    one.copy_to(&other).await.unwrap();
    let both = async || (one.digest().await.unwrap(), other.digest().await.unwrap());
    let (ours, theirs) = both().await;
    assert_eq!(ours, theirs);
    let ids: Vec<_> = everything(&one).await.iter().map(RecordedEvent::event_id).collect();
    one.link(&stream("topic"), NoStream, [ids[0], ids[1]]).await.unwrap();
    other.link(&stream("topic"), NoStream, [ids[0], ids[2]]).await.unwrap();
    let (ours, theirs) = both().await;
    assert_eq!((ours.links, theirs.links), (2, 2));
    assert_ne!(ours, theirs, "other links");

    let other = store(&memory());
    one.copy_to(&other).await.unwrap();
    let both = async || (one.digest().await.unwrap(), other.digest().await.unwrap());
    let (ours, theirs) = both().await;
    assert_eq!(ours, theirs);
    recovered(&one, &stream("events")).await;
    let (ours, theirs) = both().await;
    assert_eq!(ours, theirs, "snapshots are not asked for");
    let all = async || {
        let (ours, theirs) = (one.digest().snapshots().await, other.digest().snapshots().await);
        (ours.unwrap(), theirs.unwrap())
    };
    let (ours, theirs) = all().await;
    assert_eq!((ours.snapshots, theirs.snapshots), (1, 0));
    assert_ne!(ours, theirs, "snapshots");
    one.copy_to(&other).snapshots().await.unwrap();
    let (ours, theirs) = all().await;
    assert_eq!(ours, theirs);
    other.archive_stream(&stream("events"), Any).await.unwrap();
    let (ours, theirs) = both().await;
    assert_ne!(ours, theirs, "another state");
}
