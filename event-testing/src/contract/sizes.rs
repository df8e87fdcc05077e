//! What a reader holds: pages are bounded by their size, so that large events cost no memory, and windows by acknowledgements.

use std::time::Duration;

use super::{Subject, append, everything, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::subscription::{Consumer, Delivery};
use event_core::{
    AllOptions, EventStore, EventStream, Filter, NewEvent, ReadOptions, RecordedEvent, StartFrom,
    StreamVersion,
};

const PATIENCE: Duration = Duration::from_mins(1);
const LARGE: usize = 300_000;

fn large(events: usize) -> Vec<NewEvent> {
    (0..events).map(|_| Noted::new("x".repeat(LARGE)).into()).collect()
}

fn size(page: &[RecordedEvent]) -> usize {
    page.iter().map(RecordedEvent::size).sum()
}

fn versions(page: &[RecordedEvent]) -> Vec<u64> {
    page.iter().map(|event| event.stream_version().get()).collect()
}

pub async fn a_page_ends_with_the_event_that_reaches_its_size(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a-1", Any, large(8)).await;
    append(&store, "b-1", Any, Noted::many(3)).await;
    for (bytes, expected) in [(1, 1), (LARGE, 1), (LARGE + 100, 2), (3 * LARGE, 3), (usize::MAX, 8)]
    {
        let page =
            store.read_all(AllOptions::new().category("a").limit_bytes(bytes)).await.unwrap();
        assert_eq!(page.len(), expected, "{bytes}");
        assert!(page.len() == 8 || size(&page) >= bytes);
        let options = ReadOptions::forward().limit_bytes(bytes);
        let page = store.read_stream(&stream("a-1"), options).await.unwrap();
        assert_eq!(versions(&page), (1..=expected as u64).collect::<Vec<_>>(), "{bytes}");
        let options = ReadOptions::backward().from(StreamVersion::new(8)).limit_bytes(bytes);
        let page = store.read_stream(&stream("a-1"), options).await.unwrap();
        let newest: Vec<_> = (9 - expected as u64..=8).rev().collect();
        assert_eq!(versions(&page), newest, "{bytes}");
    }
    let ids: Vec<_> = everything(&store).await[..8].iter().map(RecordedEvent::event_id).collect();
    store.link(&stream("links"), Any, ids).await.unwrap();
    let options = ReadOptions::forward().limit_bytes(2 * LARGE);
    let page = store.read_stream(&stream("links"), options).await.unwrap();
    assert_eq!(versions(&page), [1, 2]);
}

async fn all_of(mut events: EventStream) -> Vec<RecordedEvent> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    all
}

/// Every reader goes on after a page that its size has ended.
pub async fn no_reader_misses_an_event_behind_large_ones(adapter: Subject) {
    let store = store(&adapter);
    for _ in 0..3 {
        append(&store, "a-1", Any, large(20)).await;
        append(&store, "a-1", Any, Noted::many(30)).await;
        append(&store, "b-1", Any, large(1)).await;
    }
    let log: Vec<_> = everything(&store).await.iter().map(RecordedEvent::position).collect();
    assert_eq!(log.len(), 153);
    let forward = all_of(store.stream_events(&stream("a-1"), ReadOptions::forward())).await;
    assert_eq!(versions(&forward), (1..=150).collect::<Vec<_>>());
    let backward = all_of(store.stream_events(&stream("a-1"), ReadOptions::backward())).await;
    assert_eq!(versions(&backward), (1..=150).rev().collect::<Vec<_>>());

    let mut plain = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    let durable = |store: &EventStore| store.subscription("s").window(1).partitions(3);
    let mut consumer = durable(&store).open().await.unwrap();
    let (mut seen, mut handled) = (Vec::new(), Vec::new());
    let read = async {
        while seen.len() < log.len() {
            seen.push(plain.next().await.unwrap().unwrap().position());
        }
        while handled.len() < log.len() {
            let delivery = consumer.next().await.unwrap().unwrap();
            handled.push(delivery.event().position());
            delivery.ack().unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("every event is delivered");
    assert_eq!(seen, log);
    handled.sort_unstable();
    assert_eq!(handled, log);
    // Live ones, too.
    append(&store, "b-1", Any, large(20)).await;
    append(&store, "b-1", Any, Noted::many(1)).await;
    let live = async {
        for _ in 0..21 {
            plain.next().await.unwrap().unwrap();
            consumer.next().await.unwrap().unwrap().ack().unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, live).await.expect("live events are delivered");
    consumer.close().await.unwrap();
    assert_eq!(store.subscriptions().await.unwrap()[0].lag, 0);
}

/// Each acknowledgement of a live event makes room for one more, in any order.
pub async fn each_acknowledgement_makes_room_for_one_event(adapter: Subject) {
    async fn next(consumer: &mut Consumer) -> Delivery {
        let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
        next.expect("an event within the timeout").unwrap().unwrap()
    }
    let store = store(&adapter);
    let mut consumer = store.subscription("s").window(3).open().await.unwrap();
    let mut in_flight = Vec::new();
    for _ in 0..3 {
        append(&store, "a", Any, Noted::many(1)).await;
        in_flight.push(next(&mut consumer).await);
    }
    // The first one, or a later one.
    for (expected, acknowledged) in (4..=12).zip([0, 1].into_iter().cycle()) {
        append(&store, "a", Any, Noted::many(1)).await;
        in_flight.remove(acknowledged).ack().unwrap();
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.event().stream_version().get(), expected);
        in_flight.push(delivery);
    }
}
