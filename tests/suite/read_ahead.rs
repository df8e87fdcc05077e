//! Event streams prefetch the next page for readers that continue, and only for them.

use std::sync::Arc;

use event_core::{BatchSize, EventStore, EventStream, ExpectedVersion, ReadOptions, StreamId};
use event_testing::Noted;
use tokio::task::yield_now;

use crate::flaky::Fault::{Permanent, Sound};
use crate::flaky::FlakyAdapter;

/// A stream of ten events that is read in pages of four; the faults apply to the calls after the append.
async fn ten_events(faults: &[crate::flaky::Fault]) -> (Arc<FlakyAdapter>, EventStream) {
    let faults: Vec<_> = [Sound].iter().chain(faults).copied().collect();
    let adapter = Arc::new(FlakyAdapter::new(&faults));
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let name = StreamId::new("s").unwrap();
    store.append(&name, ExpectedVersion::NoStream, Noted::many(10)).await.unwrap();
    assert_eq!(adapter.calls(), 1);
    let pages = ReadOptions::forward().limit(BatchSize::new(4).unwrap());
    (adapter, store.stream_events(&name, pages))
}

async fn take(events: &mut EventStream, count: usize) -> Vec<u64> {
    let mut versions = Vec::new();
    for _ in 0..count {
        versions.push(events.next().await.unwrap().unwrap().stream_version().get());
    }
    // Lets the prefetching task start.
    yield_now().await;
    versions
}

#[tokio::test]
async fn the_next_page_is_prefetched_for_a_reader_that_continues() {
    let (adapter, mut events) = ten_events(&[]).await;
    let mut pages = Vec::new();
    for event in 1..=10 {
        assert_eq!(take(&mut events, 1).await, [event]);
        pages.push(adapter.calls() - 1);
    }
    // From the middle of the first page on, and from the first event of every later page.
    assert_eq!(pages, [1, 2, 2, 2, 3, 3, 3, 3, 3, 3]);
    assert!(events.next().await.is_none());
    assert_eq!(adapter.calls() - 1, 3, "the page after a partial one is not read");
}

#[tokio::test]
async fn an_error_of_a_prefetched_page_is_returned_after_the_events_before_it() {
    let (_, mut events) = ten_events(&[Sound, Permanent]).await;
    assert_eq!(take(&mut events, 4).await, [1, 2, 3, 4]);
    let failure = events.next().await.unwrap().unwrap_err();
    assert!(failure.to_string().contains("do that"), "{failure}");
    assert!(events.next().await.is_none());
}

#[test]
fn an_event_stream_outlives_the_runtime_that_prefetched_its_page() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = runtime();
    let mut events = first.block_on(async {
        let (_, mut events) = ten_events(&[]).await;
        for _ in 0..3 {
            events.next().await.unwrap().unwrap();
        }
        events
    });
    drop(first);
    let rest = runtime().block_on(async {
        let mut rest = Vec::new();
        while let Some(event) = events.next().await {
            rest.push(event.unwrap().stream_version().get());
        }
        rest
    });
    assert_eq!(rest, [4, 5, 6, 7, 8, 9, 10]);
}
