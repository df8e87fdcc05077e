//! Consumers that share a subscription: each event is delivered to one of them, streams in order, while consumers join and
//! leave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Subject, append, everything, store};
use crate::{Noted, Sightings};
use event_core::ExpectedVersion::Any;
use event_core::subscription::{Consumer, DurableSubscription, Stopper};
use event_core::{Error, EventStore, RecordedEvent, Result};

const PATIENCE: Duration = Duration::from_mins(1);

fn shared(store: &EventStore, partitions: u32) -> DurableSubscription {
    store
        .subscription("shared")
        .partitions(partitions)
        .checkpoint_interval(Duration::from_millis(5))
        .lease(Duration::from_millis(600))
}

struct Running {
    stopper: Stopper,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl Running {
    fn start(consumer: Consumer, seen: &Arc<Mutex<Sightings>>) -> Self {
        let (stopper, seen) = (consumer.stopper(), Arc::clone(seen));
        let task = tokio::spawn(consumer.run(move |event: Arc<RecordedEvent>| {
            let seen = Arc::clone(&seen);
            async move {
                tokio::task::yield_now().await;
                seen.lock().unwrap().saw(event.position());
                Result::<(), Error>::Ok(())
            }
        }));
        Self { stopper, task }
    }

    async fn stop(self) {
        self.stopper.stop();
        self.task.await.unwrap().unwrap();
    }
}

async fn until_all_handled(seen: &Mutex<Sightings>, events: usize) {
    let poll = async {
        while seen.lock().unwrap().distinct() < events {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen_all = tokio::time::timeout(PATIENCE, poll).await;
    assert!(seen_all.is_ok(), "{} of {events} were handled", seen.lock().unwrap().distinct());
}

async fn write(store: &EventStore, writer: usize, rounds: usize) {
    for round in 0..rounds {
        let name = format!("game-{}", (round * 7 + writer) % 11);
        append(store, &name, Any, Noted::many(1 + round % 3)).await;
    }
}

pub async fn consumers_share_the_partitions_and_every_event_is_handled_once(adapter: Subject) {
    let store = store(&adapter);
    let seen = Arc::<Mutex<Sightings>>::default();
    let mut consumers = Vec::new();
    for _ in 0..3 {
        consumers.push(shared(&store, 6).open().await.unwrap());
    }
    let balanced = async {
        while consumers.iter().any(|consumer| consumer.partitions() != 2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, balanced).await.expect("two partitions for each");
    let running: Vec<_> = consumers.into_iter().map(|c| Running::start(c, &seen)).collect();
    write(&store, 0, 60).await;
    let log = everything(&store).await;
    until_all_handled(&seen, log.len()).await;
    // A partition that has handled its last event still has to read to the end of the log.
    let caught_up = async {
        while store.subscriptions().await.unwrap()[0].lag > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, caught_up)
        .await
        .expect("every partition reaches the end of the log");
    for consumer in running {
        consumer.stop().await;
    }
    assert_eq!(seen.lock().unwrap().check(&log).duplicates, 0, "no consumer joined or left");
    assert_eq!(store.subscriptions().await.unwrap()[0].partitions.len(), 6);
}

/// Whatever the numbers are, and as consumers come and go.
pub async fn the_shares_of_consumers_differ_by_one_at_most(adapter: Subject) {
    async fn until(consumers: &[Consumer], expected: &[usize]) {
        let shares = || {
            let mut shares: Vec<_> = consumers.iter().map(Consumer::partitions).collect();
            shares.sort_unstable();
            shares
        };
        let balanced = async {
            while shares() != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let balanced = tokio::time::timeout(PATIENCE, balanced).await;
        assert!(balanced.is_ok(), "{:?} instead of {expected:?}", shares());
    }
    let store = store(&adapter);
    let mut consumers = Vec::new();
    for expected in [&[4][..], &[2, 2], &[1, 1, 2], &[1, 1, 1, 1], &[0, 1, 1, 1, 1]] {
        consumers.push(shared(&store, 4).open().await.unwrap());
        until(&consumers, expected).await;
    }
    for expected in [&[1, 1, 1, 1][..], &[1, 1, 2], &[2, 2]] {
        consumers.remove(0).close().await.unwrap();
        until(&consumers, expected).await;
    }
}

pub async fn no_event_is_missed_while_consumers_join_and_leave(adapter: Subject) {
    let store = store(&adapter);
    let seen = Arc::<Mutex<Sightings>>::default();
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move { write(&store, writer, 60).await })
        })
        .collect();
    let mut running = Vec::new();
    for round in 0..8 {
        running.push(Running::start(shared(&store, 5).open().await.unwrap(), &seen));
        tokio::time::sleep(Duration::from_millis(20)).await;
        if round % 3 == 2 {
            running.remove(0).stop().await;
        }
        if round % 4 == 3 {
            // Not stopped gracefully: events that it handled after its last checkpoint are redelivered.
            running.remove(0).task.abort();
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let log = everything(&store).await;
    until_all_handled(&seen, log.len()).await;
    for consumer in running {
        consumer.stop().await;
    }
    let tally = seen.lock().unwrap().check(&log);
    assert_eq!(tally.events, 3 * 60 * 2);
}

pub async fn a_spare_consumer_takes_over(adapter: Subject) {
    let store = store(&adapter);
    let seen = Arc::<Mutex<Sightings>>::default();
    let first = shared(&store, 1).open().await.unwrap();
    let second = shared(&store, 1).open().await.unwrap();
    assert_eq!((first.partitions(), second.partitions()), (1, 0));
    let (first, second) = (Running::start(first, &seen), Running::start(second, &seen));
    write(&store, 0, 10).await;
    until_all_handled(&seen, everything(&store).await.len()).await;
    first.stop().await;
    write(&store, 1, 10).await;
    let log = everything(&store).await;
    until_all_handled(&seen, log.len()).await;
    second.stop().await;
    assert_eq!(seen.lock().unwrap().check(&log).duplicates, 0);
}
