//! Retries that hold up the stream of the failed event, and nothing else.

use std::time::Duration;

use super::durable::{fast, next, version};
use super::{Subject, append, everything, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::RetryPolicy;

pub async fn a_retry_holds_up_its_stream_only(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "a", Any, Noted::many(2)).await;
    append(&store, "b", Any, Noted::many(3)).await;
    let hour = Duration::from_hours(1);
    let retry = RetryPolicy::default().retries(9).first_delay(hour).longest_delay(hour);
    let by_stream = || fast(&store).retry(retry.clone()).retry_by_stream();
    let mut consumer = by_stream().open().await.unwrap();
    let first = next(&mut consumer).await;
    assert_eq!((first.event().stream_id().as_str(), version(&first)), ("a", 1));
    first.fail("not yet").unwrap();
    for number in 1..=3 {
        let delivery = next(&mut consumer).await;
        assert_eq!((delivery.event().stream_id().as_str(), version(&delivery)), ("b", number));
        delivery.ack().unwrap();
    }
    let second = tokio::time::timeout(Duration::from_millis(50), consumer.next()).await;
    assert!(second.is_err(), "the rest of the stream waits");
    consumer.close().await.unwrap();
    let before = everything(&store).await[0].position();
    assert!(store.subscriptions().await.unwrap()[0].position < before, "the failed event is left");
    // With a short pause, it comes again before the next one of its stream.
    let short = retry.longest_delay(Duration::from_millis(5));
    let mut consumer = fast(&store).retry(short).retry_by_stream().open().await.unwrap();
    let (mut seen, mut attempts) = (Vec::new(), 0);
    while seen.len() < 5 {
        let delivery = next(&mut consumer).await;
        let stream = delivery.event().stream_id().as_str().to_owned();
        if stream == "a" && version(&delivery) == 1 && attempts < 5 {
            attempts += 1;
            delivery.fail("not yet").unwrap();
            continue;
        }
        seen.push((stream, version(&delivery)));
        delivery.ack().unwrap();
    }
    let of = |name: &str| -> Vec<u64> {
        seen.iter().filter(|(stream, _)| stream == name).map(|(_, version)| *version).collect()
    };
    assert_eq!(of("a"), [1, 2]);
    assert_eq!(of("b"), [1, 2, 3], "the checkpoint was before them");
}
