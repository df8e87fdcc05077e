//! Subscriptions: from any position on, through any filter, each event once and in order, while others write.

use std::time::Duration;

use super::{Subject, append, everything, store, stream};
use crate::{Closed, Noted};
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{
    EventId, Filter, Position, RecordedEvent, Scope, StartFrom, Subscription, Tenant,
};

/// The timeout of every wait, so that a missing event fails the case instead of blocking it.
const PATIENCE: Duration = Duration::from_secs(30);

async fn next(subscription: &mut Subscription) -> RecordedEvent {
    let event = tokio::time::timeout(PATIENCE, subscription.next()).await;
    event.expect("an event within the timeout").expect("a subscription has no end").unwrap()
}

async fn take(subscription: &mut Subscription, count: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(next(subscription).await.event_id());
    }
    ids
}

fn ids(events: &[RecordedEvent]) -> Vec<EventId> {
    events.iter().map(RecordedEvent::event_id).collect()
}

pub async fn catches_up_and_follows(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(1_500)).await;
    let mut subscription = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    let mut seen = take(&mut subscription, 700).await;
    append(&store, "b", Any, Noted::many(800)).await;
    seen.extend(take(&mut subscription, 1_600).await);
    for _ in 0..20 {
        append(&store, "a", Any, Noted::many(1)).await;
        seen.extend(take(&mut subscription, 1).await);
    }
    assert_eq!(seen, ids(&everything(&store).await));
}

pub async fn starts_at_the_given_position(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(3)).await;
    let all = everything(&store).await;
    let after = StartFrom::After(all[1].position());
    let mut after = store.subscribe(after, Filter::all()).await.unwrap();
    let mut now = store.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
    let mut beginning = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    append(&store, "a", Any, Noted::many(2)).await;
    let all = ids(&everything(&store).await);
    assert_eq!(take(&mut now, 2).await, all[3..]);
    assert_eq!(take(&mut after, 3).await, all[2..]);
    assert_eq!(take(&mut beginning, 5).await, all);
}

pub async fn filters_while_catching_up_and_following(adapter: Subject) {
    let ours = store(&adapter);
    let theirs = ours.with_scope(Scope::tenant(Tenant::new("theirs").unwrap()));
    let cases = [
        Filter::all(),
        Filter::all().category("game"),
        Filter::all().stream(stream("game-1")),
        Filter::all().stream(stream("game-1")).category("door"),
        Filter::all().event_types(["contract.closed"]),
        Filter::all().category("game").event_types(["contract.closed", "contract.noted"]),
        Filter::all().predicate("odd", |event| event.stream_version().get() % 2 == 1),
    ];
    let passes = |case: usize, event: &RecordedEvent| match case {
        1 | 5 => event.stream_id().category() == "game",
        2 => event.stream_id().as_str() == "game-1",
        3 => false,
        4 => event.event_type() == "contract.closed",
        6 => event.stream_version().get() % 2 == 1,
        _ => true,
    };
    let append_some = async || {
        for writer in [&ours, &theirs] {
            append(writer, "game-1", Any, Noted::many(3)).await;
            append(writer, "game-2", Any, vec![Closed { by: "ann".into() }.into()]).await;
            append(writer, "door", Any, vec![Closed { by: "bob".into() }.into()]).await;
        }
    };
    append_some().await;
    let mut subscriptions = Vec::new();
    for view in [ours.clone(), theirs.clone(), ours.all_tenants()] {
        for (case, filter) in cases.iter().enumerate() {
            let subscription = view.subscribe(StartFrom::Beginning, filter.clone()).await.unwrap();
            subscriptions.push((view.clone(), case, subscription));
        }
    }
    for _ in 0..3 {
        for (view, case, subscription) in &mut subscriptions {
            let mut expected = everything(view).await;
            expected
                .retain(|event| event.position() > subscription.position() && passes(*case, event));
            assert_eq!(
                take(subscription, expected.len()).await,
                ids(&expected),
                "{subscription:?}"
            );
        }
        append_some().await;
    }
}

pub async fn the_position_moves_over_filtered_events(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(1_200)).await;
    let filter = Filter::all().category("nothing");
    let mut subscription = store.subscribe(StartFrom::Beginning, filter).await.unwrap();
    for _ in 0..2 {
        let last = append(&store, "a", Any, Noted::many(1)).await.position;
        let moved = async {
            while subscription.position() < last {
                let _ = tokio::time::timeout(Duration::from_millis(1), subscription.next()).await;
            }
        };
        tokio::time::timeout(PATIENCE, moved).await.expect("the position moves");
    }
}

pub async fn a_cancelled_wait_loses_no_event(adapter: Subject) {
    let store = store(&adapter);
    let mut subscription = store.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..50 {
                append(&store, "a", Any, Noted::many(2)).await;
                tokio::task::yield_now().await;
            }
        }
    });
    let mut seen = Vec::new();
    let all = async {
        while seen.len() < 100 {
            let wait = tokio::time::timeout(Duration::from_micros(200), subscription.next());
            if let Ok(event) = wait.await {
                seen.push(event.unwrap().unwrap().event_id());
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all events within the timeout");
    writer.await.unwrap();
    assert_eq!(seen, ids(&everything(&store).await));
}

/// Every subscription delivers each event once and in the global order.
pub async fn subscribers_to_concurrent_writers_miss_no_event(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "hot", Any, Noted::many(1)).await;
    let subscribers: Vec<_> = (0..12)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut all = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
                take(&mut all, 1 + 8 * 36).await
            })
        })
        .collect();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..24 {
                    let name = if round % 3 == 0 { "hot".into() } else { format!("own-{writer}") };
                    append(&store, &name, Any, Noted::many(1 + round % 2)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = ids(&everything(&store).await);
    for subscriber in subscribers {
        assert_eq!(subscriber.await.unwrap(), all);
    }
}

pub async fn a_start_at_the_end_waits_for_later_events(adapter: Subject) {
    let store = store(&adapter);
    let last = append(&store, "a", Any, Noted::many(1)).await.position;
    let mut subscription = store.subscribe(StartFrom::After(last), Filter::all()).await.unwrap();
    append(&store, "a", Any, Noted::many(5)).await;
    let first = next(&mut subscription).await;
    assert_eq!(first.position().get(), last.get() + 1);
}

/// Such a position is from another log: what is appended until it is reached would be skipped.
pub async fn a_start_beyond_the_end_is_refused(adapter: Subject) {
    let store = store(&adapter);
    for events in [0, 3] {
        let last = match events {
            0 => Position::START,
            _ => append(&store, "a", Any, Noted::many(events)).await.position,
        };
        for beyond in [last.get() + 1, last.get() + 2, u64::MAX] {
            let beyond = StartFrom::After(Position::new(beyond));
            let error = store.subscribe(beyond, Filter::all()).await.unwrap_err();
            assert_eq!(error.code(), "log_diverged", "{error}");
        }
    }
}

pub async fn a_stream_of_links_is_refused(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(1)).await;
    let ids: Vec<_> = everything(&store).await.iter().map(RecordedEvent::event_id).collect();
    store.link(&stream("links"), NoStream, ids).await.unwrap();
    let error = store
        .subscribe(StartFrom::Beginning, Filter::all().stream(stream("links")))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "invalid_subscription");
    assert!(error.to_string().contains("holds links"), "{error}");
}

pub async fn a_subscription_of_one_stream_starts_at_a_version(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(3)).await;
    append(&store, "b", Any, Noted::many(1)).await;
    append(&store, "a", Any, Noted::many(1)).await;
    let of_a = || Filter::all().stream(stream("a"));
    let start = |version: u64| StartFrom::Version(event_core::StreamVersion::new(version));
    for (from, first) in [(0, 1), (1, 1), (3, 3), (4, 4)] {
        let mut subscription = store.subscribe(start(from), of_a()).await.unwrap();
        let event = next(&mut subscription).await;
        assert_eq!(event.stream_version().get(), first, "from {from}");
    }
    let mut end = store.subscribe(start(5), of_a()).await.unwrap();
    let error = store.subscribe(start(6), of_a()).await.unwrap_err();
    assert_eq!(error.code(), "invalid_subscription");
    let error = store.subscribe(start(1), Filter::all()).await.unwrap_err();
    assert_eq!(error.code(), "invalid_subscription");
    append(&store, "a", Any, Noted::many(1)).await;
    assert_eq!(next(&mut end).await.stream_version().get(), 5);
    let none = Filter::all().stream(stream("none"));
    let mut none = store.subscribe(start(1), none).await.unwrap();
    append(&store, "none", Any, Noted::many(1)).await;
    assert_eq!(next(&mut none).await.stream_version().get(), 1);
}
