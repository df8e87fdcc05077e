//! Clock jumps of a store, simulated by shifting the stored times of leases in the opposite direction: for the store, both
//! are the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::adapter::{Adapter, CheckpointStore, Incarnation, Registered, SubscriptionKey};
use event_core::{AllOptions, Error, EventStore, Position, RecordedEvent, StreamId, Tenant};
use event_testing::{Noted, Sightings};
use tokio::time::{Instant, sleep, timeout};

const HOUR: i64 = 3_600;
const LEASE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_mins(1);

/// The leases of an owner that died before a clock jump do not block the next owner.
pub(crate) async fn a_dead_owner_keeps_no_lease(
    adapter: &dyn Adapter,
    mut shift: impl AsyncFnMut(i64),
) {
    let key = SubscriptionKey { tenant: Some(Tenant::default()), name: "s".into() };
    let checkpoints: &dyn CheckpointStore = adapter.checkpoints().unwrap();
    let wanted = Registered { filter: "everything".into(), partitions: 4 };
    let id = checkpoints.register(&key, &wanted, Position::START).await.unwrap().incarnation;
    let mut owners = ["first", "second", "third"].into_iter();
    let mut before = heartbeat(checkpoints, &key, id, owners.next().unwrap()).await;
    for (owner, seconds) in owners.zip([HOUR, -HOUR]) {
        shift(seconds).await;
        let now = heartbeat(checkpoints, &key, id, owner).await;
        let tokens = |leases: &[(u32, u64)]| leases.iter().map(|lease| lease.1).sum::<u64>();
        assert_eq!(now.len(), 4, "{owner} takes over after {seconds} s");
        assert!(tokens(&now) > tokens(&before), "with new tokens");
        before = now;
    }
}

async fn heartbeat(
    checkpoints: &dyn CheckpointStore,
    key: &SubscriptionKey,
    id: Incarnation,
    owner: &str,
) -> Vec<(u32, u64)> {
    let leases = checkpoints.heartbeat(key, id, owner, LEASE).await.unwrap().leases;
    leases.iter().map(|lease| (lease.partition, lease.token)).collect()
}

/// Consumers join and leave while the clock jumps back and forth: no event is missed or out of order.
pub(crate) async fn no_event_is_missed(store: EventStore, mut shift: impl AsyncFnMut(i64)) {
    let (seen, done) = (Arc::<Mutex<Sightings>>::default(), Arc::new(AtomicBool::new(false)));
    let writer = tokio::spawn({
        let (store, done) = (store.clone(), Arc::clone(&done));
        async move {
            let mut round = 0;
            while !done.load(Ordering::SeqCst) {
                let name = StreamId::new(format!("game-{}", round % 7)).unwrap();
                store.append(&name, Any, Noted::many(1 + round % 3)).await.unwrap();
                round += 1;
                sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let mut running = Vec::new();
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        let consumer = store
            .subscription("shared")
            .partitions(5)
            .lease(Duration::from_millis(600))
            .checkpoint_interval(Duration::from_millis(5))
            .open()
            .await
            .unwrap();
        let (stopper, seen) = (consumer.stopper(), Arc::clone(&seen));
        let task = tokio::spawn(consumer.run(move |event: Arc<RecordedEvent>| {
            seen.lock().unwrap().saw(event.position());
            std::future::ready(Ok::<(), Error>(()))
        }));
        running.push((stopper, task));
        sleep(Duration::from_millis(120)).await;
        shift(if fastrand::bool() { HOUR } else { -HOUR }).await;
        if running.len() > 3 {
            let (stopper, task) = running.remove(0);
            stopper.stop();
            task.await.unwrap().unwrap();
        }
    }
    done.store(true, Ordering::SeqCst);
    writer.await.unwrap();
    let (mut events, mut log) = (store.all_events(AllOptions::new()), Vec::new());
    while let Some(event) = events.next().await {
        log.push(event.unwrap());
    }
    let poll = async {
        while seen.lock().unwrap().distinct() < log.len() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        timeout(PATIENCE, poll).await.is_ok(),
        "a consumer waits for a lease that never expires"
    );
    for (stopper, task) in running {
        stopper.stop();
        task.await.unwrap().unwrap();
    }
    assert_eq!(seen.lock().unwrap().check(&log).events, log.len());
}
