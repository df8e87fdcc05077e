//! What a backend keeps of durable subscriptions: one owner a partition, proved by a token, and checkpoints that only its
//! owner moves, forward.

use std::time::Duration;

use super::{Subject, append, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::adapter::{
    Checkpoint, CheckpointStore, Heartbeat, ParkedEvent, Registered, SubscriptionKey,
};
use event_core::error::SubscriptionError;
use event_core::{Error, EventId, Position, Result, Tenant};

/// Longer than any case takes.
const LONG: Duration = Duration::from_mins(10);
/// Over at the next look.
const OVER: Duration = Duration::from_millis(1);

fn kept(adapter: &Subject) -> &dyn CheckpointStore {
    adapter.checkpoints().expect("the backend keeps checkpoints")
}

fn key(name: &str) -> SubscriptionKey {
    SubscriptionKey { tenant: Some(Tenant::default()), name: name.into() }
}

async fn register(kept: &dyn CheckpointStore, name: &str, partitions: u32) -> SubscriptionKey {
    let (key, wanted) = (key(name), Registered { filter: "everything".into(), partitions });
    kept.register(&key, &wanted, Position::START).await.unwrap();
    key
}

fn at(position: u64) -> Checkpoint {
    Checkpoint { position: Position::new(position), event: None }
}

fn numbers(heartbeat: &Heartbeat) -> Vec<u32> {
    heartbeat.leases.iter().map(|lease| lease.partition).collect()
}

fn parked(partition: u32, position: u64) -> ParkedEvent {
    ParkedEvent {
        position: Position::new(position),
        event_id: EventId::new(),
        partition,
        attempts: 3,
        error: "no\0 luck".into(),
        parked_at: chrono::DateTime::UNIX_EPOCH,
        replay: true,
    }
}

async fn ended() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

pub async fn a_name_is_registered_once(adapter: Subject) {
    let (store, name) = (kept(&adapter), key("a \"name\""));
    let wanted = Registered { filter: "category \"a\"".into(), partitions: 3 };
    let start = Position::new(7);
    assert_eq!(store.register(&name, &wanted, start).await.unwrap(), wanted);
    let other = Registered { filter: "everything".into(), partitions: 5 };
    assert_eq!(store.register(&name, &other, Position::START).await.unwrap(), wanted);
    let heartbeat = store.heartbeat(&name, "me", LONG).await.unwrap();
    assert_eq!(numbers(&heartbeat), [0, 1, 2]);
    assert!(heartbeat.leases.iter().all(|lease| lease.checkpoint == at(7)), "{heartbeat:?}");
    // Another tenant's, and everybody's, are others.
    for tenant in [Some(Tenant::new("theirs").unwrap()), None] {
        let theirs = SubscriptionKey { tenant, ..name.clone() };
        assert_eq!(store.register(&theirs, &other, Position::START).await.unwrap(), other);
    }
    let key = key("race");
    let (other_adapter, other_key) = (adapter.clone(), key.clone());
    let b = tokio::spawn(async move {
        kept(&other_adapter).register(&other_key, &other, Position::START).await.unwrap()
    });
    let a = store.register(&key, &wanted, Position::START).await.unwrap();
    assert_eq!(a, b.await.unwrap());
}

pub async fn partitions_are_shared_out_and_go_to_who_is_left(adapter: Subject) {
    let kept = kept(&adapter);
    let key = register(kept, "s", 5).await;
    let a = kept.heartbeat(&key, "a", LONG).await.unwrap();
    assert_eq!((a.partitions, a.members, a.share(), numbers(&a)), (5, 1, 5, vec![0, 1, 2, 3, 4]));
    let b = kept.heartbeat(&key, "b", LONG).await.unwrap();
    assert_eq!((b.members, b.share(), numbers(&b)), (2, 3, vec![]), "nothing is free");
    // The owner learns of the newcomer, and gives up its surplus.
    let a = kept.heartbeat(&key, "a", LONG).await.unwrap();
    assert_eq!((a.members, a.share(), a.leases.len()), (2, 3, 5));
    let surplus: Vec<_> =
        a.leases[3..].iter().map(|lease| (lease.partition, lease.token)).collect();
    kept.release(&key, "a", Some(&surplus)).await.unwrap();
    assert_eq!(numbers(&kept.heartbeat(&key, "b", LONG).await.unwrap()), [3, 4]);
    assert_eq!(numbers(&kept.heartbeat(&key, "a", LONG).await.unwrap()), [0, 1, 2]);
    // One goes in good order: what it had is free at once, and it counts no more.
    kept.release(&key, "a", None).await.unwrap();
    let b = kept.heartbeat(&key, "b", LONG).await.unwrap();
    assert_eq!((b.members, numbers(&b)), (1, vec![0, 1, 2, 3, 4]));
}

pub async fn a_lease_that_ended_is_taken_with_a_new_token(adapter: Subject) {
    let kept = kept(&adapter);
    let key = register(kept, "s", 1).await;
    let first = kept.heartbeat(&key, "a", OVER).await.unwrap().leases[0];
    ended().await;
    // Nobody took it: it is still the same ownership.
    let again = kept.heartbeat(&key, "a", OVER).await.unwrap().leases[0];
    assert_eq!(again, first);
    ended().await;
    assert!(kept.save(&key, 0, first.token, at(1), 0).await.unwrap(), "nobody took it");
    let taken = kept.heartbeat(&key, "b", LONG).await.unwrap();
    assert_eq!(taken.members, 1, "who is not seen does not count");
    assert!(taken.leases[0].token > first.token);
    assert_eq!(taken.leases[0].checkpoint, at(1));
    assert!(kept.heartbeat(&key, "a", LONG).await.unwrap().leases.is_empty());
}

pub async fn checkpoints_never_go_back(adapter: Subject) {
    let kept = kept(&adapter);
    let key = register(kept, "s", 2).await;
    let token = kept.heartbeat(&key, "a", LONG).await.unwrap().leases[0].token;
    let event = Some((Position::new(9), EventId::new()));
    let ten = Checkpoint { event, ..at(10) };
    assert!(kept.save(&key, 0, token, ten, 2).await.unwrap());
    assert!(kept.save(&key, 0, token, at(9), 1).await.unwrap(), "behind, but the lease holds");
    let again = Checkpoint { event: Some((Position::new(9), EventId::new())), ..ten };
    assert!(kept.save(&key, 0, token, again, 2).await.unwrap(), "a retry counts nothing twice");
    let leases = kept.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert_eq!(leases[0].checkpoint, ten, "nothing moved");
    assert!(kept.save(&key, 0, token, at(12), 1).await.unwrap());
    let leases = kept.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert_eq!(leases[0].checkpoint, Checkpoint { event, ..at(12) }, "the last event is kept");
    assert_eq!(leases[1].checkpoint, at(0));
    let list = kept.list(None).await.unwrap();
    assert_eq!((list[0].skipped, list[1].skipped), (3, 0));
}

pub async fn a_token_that_was_taken_over_changes_nothing(adapter: Subject) {
    let kept = kept(&adapter);
    let key = register(kept, "s", 1).await;
    let old = kept.heartbeat(&key, "a", OVER).await.unwrap().leases[0].token;
    assert!(kept.park(&key, old, &parked(0, 3)).await.unwrap());
    ended().await;
    let new = kept.heartbeat(&key, "b", LONG).await.unwrap().leases[0].token;
    assert!(!kept.save(&key, 0, old, at(5), 0).await.unwrap());
    assert!(!kept.park(&key, old, &parked(0, 4)).await.unwrap());
    assert!(!kept.unpark(&key, 0, old, Position::new(3)).await.unwrap());
    kept.release(&key, "a", Some(&[(0, old)])).await.unwrap();
    kept.release(&key, "a", None).await.unwrap();
    let lease = kept.heartbeat(&key, "b", LONG).await.unwrap().leases[0];
    assert_eq!((lease.token, lease.checkpoint), (new, at(0)));
    assert_eq!(kept.parked(&key, false, Position::START, 10).await.unwrap().len(), 1);
}

pub async fn pausing_and_resetting_take_leases_away(adapter: Subject) {
    let kept = kept(&adapter);
    let key = register(kept, "s", 2).await;
    let before = kept.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert!(kept.save(&key, 0, before[0].token, at(8), 0).await.unwrap());
    kept.pause(&key, true).await.unwrap();
    assert!(!kept.save(&key, 0, before[0].token, at(9), 0).await.unwrap());
    let paused = kept.heartbeat(&key, "a", LONG).await.unwrap();
    assert!(paused.paused && paused.leases.is_empty(), "{paused:?}");
    kept.pause(&key, false).await.unwrap();
    let resumed = kept.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert_eq!(resumed[0].checkpoint, at(8));
    kept.reset(&key, Position::new(4)).await.unwrap();
    assert!(!kept.save(&key, 0, resumed[0].token, at(9), 0).await.unwrap());
    let reset = kept.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert!(reset.iter().all(|lease| lease.checkpoint == at(4)), "{reset:?}");
}

pub async fn parked_events_are_kept_and_marked(adapter: Subject) {
    let kept = kept(&adapter);
    let key = register(kept, "s", 1).await;
    let token = kept.heartbeat(&key, "a", LONG).await.unwrap().leases[0].token;
    let events = [parked(0, 3), parked(0, 5), parked(0, 9)];
    for event in events.iter().rev() {
        assert!(kept.park(&key, token, event).await.unwrap());
    }
    let page = kept.parked(&key, false, Position::START, 2).await.unwrap();
    let ids: Vec<_> = page.iter().map(|event| (event.position.get(), event.event_id)).collect();
    assert_eq!(ids, [(3, events[0].event_id), (5, events[1].event_id)]);
    assert!(page[0].error.contains("luck") && page[0].attempts == 3 && !page[0].replay);
    assert!(page[0].parked_at > chrono::DateTime::UNIX_EPOCH, "by the store's clock");
    assert!(kept.parked(&key, true, Position::START, 9).await.unwrap().is_empty());
    assert_eq!(kept.replay(&key, Some(Position::new(5))).await.unwrap(), 1);
    assert_eq!(kept.heartbeat(&key, "a", LONG).await.unwrap().replays, 1);
    assert_eq!(kept.replay(&key, None).await.unwrap(), 2);
    assert_eq!(kept.parked(&key, true, Position::new(3), 9).await.unwrap().len(), 2);
    assert!(kept.unpark(&key, 0, token, Position::new(3)).await.unwrap());
    // It failed again: it waits for another mark.
    assert!(kept.park(&key, token, &ParkedEvent { attempts: 4, ..parked(0, 5) }).await.unwrap());
    let left = kept.parked(&key, false, Position::START, 9).await.unwrap();
    let left: Vec<_> = left.iter().map(|e| (e.position.get(), e.attempts, e.replay)).collect();
    assert_eq!(left, [(5, 4, false), (9, 3, true)]);
}

pub async fn what_is_not_there_is_not_found(adapter: Subject) {
    fn missing<T: std::fmt::Debug>(result: Result<T>) {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Subscription(SubscriptionError::NotFound { .. })),
            "{error:?}"
        );
    }
    let (kept, key) = (kept(&adapter), key("nothing"));
    missing(kept.heartbeat(&key, "a", LONG).await);
    missing(kept.save(&key, 0, 1, at(1), 0).await);
    missing(kept.release(&key, "a", None).await);
    missing(kept.park(&key, 1, &parked(0, 1)).await);
    missing(kept.parked(&key, false, Position::START, 1).await);
    missing(kept.replay(&key, None).await);
    missing(kept.unpark(&key, 0, 1, Position::new(1)).await);
    missing(kept.pause(&key, true).await);
    missing(kept.reset(&key, Position::START).await);
    missing(kept.stopped(&key, None).await);
    missing(kept.delete(&key).await);
    let deleted = register(kept, "s", 2).await;
    let token = kept.heartbeat(&deleted, "a", LONG).await.unwrap().leases[0].token;
    kept.delete(&deleted).await.unwrap();
    missing(kept.save(&deleted, 0, token, at(1), 0).await);
    assert!(kept.list(None).await.unwrap().is_empty());
    let again = register(kept, "s", 1).await;
    assert_eq!(numbers(&kept.heartbeat(&again, "a", LONG).await.unwrap()), [0]);
}

pub async fn racing_owners_never_share_a_partition(adapter: Subject) {
    let key = register(kept(&adapter), "s", 8).await;
    let owners: Vec<_> = (0..6)
        .map(|owner| {
            let (adapter, key) = (adapter.clone(), key.clone());
            tokio::spawn(async move {
                let name = format!("owner {owner}");
                let mut held = Vec::new();
                for _ in 0..10 {
                    held = loop {
                        match kept(&adapter).heartbeat(&key, &name, LONG).await {
                            Ok(heartbeat) => break numbers(&heartbeat),
                            Err(error) => assert!(error.is_transient(), "{error:?}"),
                        }
                    };
                }
                held
            })
        })
        .collect();
    let mut all = Vec::new();
    for owner in owners {
        all.extend(owner.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7]);
}

pub async fn the_list_says_how_far_each_partition_is(adapter: Subject) {
    let (kept, store) = (kept(&adapter), store(&adapter));
    let last = append(&store, "a", Any, Noted::many(4)).await.position.get();
    let key = register(kept, "s", 2).await;
    register(kept, "r", 1).await;
    let leases = kept.heartbeat(&key, "me", LONG).await.unwrap().leases;
    assert!(kept.save(&key, 0, leases[0].token, at(last), 0).await.unwrap());
    kept.stopped(&key, Some("it broke")).await.unwrap();
    let states = kept.list(Some(&Tenant::default())).await.unwrap();
    let names: Vec<_> =
        states.iter().map(|partition| (partition.key.name.as_str(), partition.partition)).collect();
    assert_eq!(names, [("r", 0), ("s", 0), ("s", 1)]);
    assert_eq!(states[1].owner.as_deref(), Some("me"));
    assert_eq!((states[0].owner.as_deref(), states[0].stopped.as_deref()), (None, None));
    assert_eq!(states[2].stopped.as_deref(), Some("it broke"));
    assert_eq!((states[1].lag, states[1].behind_since), (0, None));
    assert_eq!(states[2].lag, last);
    assert!(states[2].behind_since.is_some_and(|since| since <= states[2].now), "{:?}", states[2]);
    assert!(kept.list(Some(&Tenant::new("others").unwrap())).await.unwrap().is_empty());
    kept.stopped(&key, None).await.unwrap();
    assert_eq!(kept.list(None).await.unwrap()[2].stopped, None);
}
