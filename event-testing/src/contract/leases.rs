//! The checkpoint store of a backend: each partition has one owner at a time, proved by a token, and only the owner moves
//! its checkpoint, and only forward.

use std::time::Duration;

use super::{Subject, append, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::adapter::{
    Checkpoint, CheckpointStore, Heartbeat, ParkedEvent, Registered, SubscriptionKey,
};
use event_core::error::SubscriptionError;
use event_core::{Error, EventId, Position, Result, Tenant};

/// A lease that lasts longer than any case.
const LONG: Duration = Duration::from_mins(10);
/// A lease that expires at once.
const SHORT: Duration = Duration::from_millis(1);

fn checkpoints(adapter: &Subject) -> &dyn CheckpointStore {
    adapter.checkpoints().expect("the backend stores checkpoints")
}

fn key(name: &str) -> SubscriptionKey {
    SubscriptionKey { tenant: Some(Tenant::default()), name: name.into() }
}

async fn register(
    checkpoints: &dyn CheckpointStore,
    name: &str,
    partitions: u32,
) -> SubscriptionKey {
    let (key, wanted) = (key(name), Registered { filter: "everything".into(), partitions });
    checkpoints.register(&key, &wanted, Position::START).await.unwrap();
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

async fn expire() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

pub async fn a_name_is_registered_once(adapter: Subject) {
    let (store, name) = (checkpoints(&adapter), key("a \"name\""));
    let wanted = Registered { filter: "category \"a\"".into(), partitions: 3 };
    let start = Position::new(7);
    assert_eq!(store.register(&name, &wanted, start).await.unwrap(), wanted);
    let other = Registered { filter: "everything".into(), partitions: 5 };
    assert_eq!(store.register(&name, &other, Position::START).await.unwrap(), wanted);
    let heartbeat = store.heartbeat(&name, "me", LONG).await.unwrap();
    assert_eq!(numbers(&heartbeat), [0, 1, 2]);
    assert!(heartbeat.leases.iter().all(|lease| lease.checkpoint == at(7)), "{heartbeat:?}");
    // Each tenant has its own namespace, and so has the view of all tenants.
    for tenant in [Some(Tenant::new("theirs").unwrap()), None] {
        let other_key = SubscriptionKey { tenant, ..name.clone() };
        assert_eq!(store.register(&other_key, &other, Position::START).await.unwrap(), other);
    }
    let key = key("race");
    let (other_adapter, other_key) = (adapter.clone(), key.clone());
    let b = tokio::spawn(async move {
        checkpoints(&other_adapter).register(&other_key, &other, Position::START).await.unwrap()
    });
    let a = store.register(&key, &wanted, Position::START).await.unwrap();
    assert_eq!(a, b.await.unwrap());
}

pub async fn partitions_are_balanced_between_owners(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let key = register(checkpoints, "s", 5).await;
    let a = checkpoints.heartbeat(&key, "a", LONG).await.unwrap();
    assert_eq!((a.partitions, a.members, a.share(), numbers(&a)), (5, 1, 5, vec![0, 1, 2, 3, 4]));
    let b = checkpoints.heartbeat(&key, "b", LONG).await.unwrap();
    assert_eq!((b.members, b.share(), numbers(&b)), (2, 3, vec![]), "nothing is free");
    // The owner learns of the new one, and releases its surplus.
    let a = checkpoints.heartbeat(&key, "a", LONG).await.unwrap();
    assert_eq!((a.members, a.share(), a.leases.len()), (2, 3, 5));
    let surplus: Vec<_> =
        a.leases[3..].iter().map(|lease| (lease.partition, lease.token)).collect();
    checkpoints.release(&key, "a", Some(&surplus)).await.unwrap();
    assert_eq!(numbers(&checkpoints.heartbeat(&key, "b", LONG).await.unwrap()), [3, 4]);
    assert_eq!(numbers(&checkpoints.heartbeat(&key, "a", LONG).await.unwrap()), [0, 1, 2]);
    // An owner that releases everything leaves: its partitions are free at once, and it is no longer a member.
    checkpoints.release(&key, "a", None).await.unwrap();
    let b = checkpoints.heartbeat(&key, "b", LONG).await.unwrap();
    assert_eq!((b.members, numbers(&b)), (1, vec![0, 1, 2, 3, 4]));
}

pub async fn an_expired_lease_is_taken_with_a_new_token(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let key = register(checkpoints, "s", 1).await;
    let first = checkpoints.heartbeat(&key, "a", SHORT).await.unwrap().leases[0];
    expire().await;
    // No other owner took it: the lease continues under the same token.
    let again = checkpoints.heartbeat(&key, "a", SHORT).await.unwrap().leases[0];
    assert_eq!(again, first);
    expire().await;
    assert!(
        checkpoints.save(&key, 0, first.token, at(1), 0).await.unwrap(),
        "no other owner took it"
    );
    let taken = checkpoints.heartbeat(&key, "b", LONG).await.unwrap();
    assert_eq!(taken.members, 1, "an owner without heartbeats is no member");
    assert!(taken.leases[0].token > first.token);
    assert_eq!(taken.leases[0].checkpoint, at(1));
    assert!(checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases.is_empty());
}

pub async fn checkpoints_never_go_back(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let key = register(checkpoints, "s", 2).await;
    let token = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases[0].token;
    let event = Some((Position::new(9), EventId::new()));
    let ten = Checkpoint { event, ..at(10) };
    assert!(checkpoints.save(&key, 0, token, ten, 2).await.unwrap());
    assert!(
        checkpoints.save(&key, 0, token, at(9), 1).await.unwrap(),
        "no progress, but the token is valid"
    );
    let again = Checkpoint { event: Some((Position::new(9), EventId::new())), ..ten };
    assert!(
        checkpoints.save(&key, 0, token, again, 2).await.unwrap(),
        "a retry is not counted twice"
    );
    let leases = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert_eq!(leases[0].checkpoint, ten, "the checkpoint did not move");
    assert!(checkpoints.save(&key, 0, token, at(12), 1).await.unwrap());
    let leases = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert_eq!(leases[0].checkpoint, Checkpoint { event, ..at(12) }, "the last event is kept");
    assert_eq!(leases[1].checkpoint, at(0));
    let list = checkpoints.list(None).await.unwrap();
    assert_eq!((list[0].skipped, list[1].skipped), (3, 0));
}

pub async fn a_superseded_token_changes_nothing(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let key = register(checkpoints, "s", 1).await;
    let old = checkpoints.heartbeat(&key, "a", SHORT).await.unwrap().leases[0].token;
    assert!(checkpoints.park(&key, old, &parked(0, 3)).await.unwrap());
    expire().await;
    let new = checkpoints.heartbeat(&key, "b", LONG).await.unwrap().leases[0].token;
    assert!(!checkpoints.save(&key, 0, old, at(5), 0).await.unwrap());
    assert!(!checkpoints.park(&key, old, &parked(0, 4)).await.unwrap());
    assert!(!checkpoints.unpark(&key, 0, old, Position::new(3)).await.unwrap());
    checkpoints.release(&key, "a", Some(&[(0, old)])).await.unwrap();
    checkpoints.release(&key, "a", None).await.unwrap();
    let lease = checkpoints.heartbeat(&key, "b", LONG).await.unwrap().leases[0];
    assert_eq!((lease.token, lease.checkpoint), (new, at(0)));
    assert_eq!(checkpoints.parked(&key, false, Position::START, 10).await.unwrap().len(), 1);
}

pub async fn pausing_and_resetting_revoke_leases(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let key = register(checkpoints, "s", 2).await;
    let before = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert!(checkpoints.save(&key, 0, before[0].token, at(8), 0).await.unwrap());
    checkpoints.pause(&key, true).await.unwrap();
    assert!(!checkpoints.save(&key, 0, before[0].token, at(9), 0).await.unwrap());
    let paused = checkpoints.heartbeat(&key, "a", LONG).await.unwrap();
    assert!(paused.paused && paused.leases.is_empty(), "{paused:?}");
    checkpoints.pause(&key, false).await.unwrap();
    let resumed = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert_eq!(resumed[0].checkpoint, at(8));
    checkpoints.reset(&key, Position::new(4)).await.unwrap();
    assert!(!checkpoints.save(&key, 0, resumed[0].token, at(9), 0).await.unwrap());
    let reset = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases;
    assert!(reset.iter().all(|lease| lease.checkpoint == at(4)), "{reset:?}");
}

pub async fn parked_events_are_stored_and_marked_for_replay(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let key = register(checkpoints, "s", 1).await;
    let token = checkpoints.heartbeat(&key, "a", LONG).await.unwrap().leases[0].token;
    let events = [parked(0, 3), parked(0, 5), parked(0, 9)];
    for event in events.iter().rev() {
        assert!(checkpoints.park(&key, token, event).await.unwrap());
    }
    let page = checkpoints.parked(&key, false, Position::START, 2).await.unwrap();
    let ids: Vec<_> = page.iter().map(|event| (event.position.get(), event.event_id)).collect();
    assert_eq!(ids, [(3, events[0].event_id), (5, events[1].event_id)]);
    assert!(page[0].error.contains("luck") && page[0].attempts == 3 && !page[0].replay);
    assert!(page[0].parked_at > chrono::DateTime::UNIX_EPOCH, "by the store's clock");
    assert!(checkpoints.parked(&key, true, Position::START, 9).await.unwrap().is_empty());
    assert_eq!(checkpoints.replay(&key, Some(Position::new(5))).await.unwrap(), 1);
    assert_eq!(checkpoints.heartbeat(&key, "a", LONG).await.unwrap().replays, 1);
    assert_eq!(checkpoints.replay(&key, None).await.unwrap(), 2);
    assert_eq!(checkpoints.parked(&key, true, Position::new(3), 9).await.unwrap().len(), 2);
    assert!(checkpoints.unpark(&key, 0, token, Position::new(3)).await.unwrap());
    // It failed again: the replay mark is removed.
    assert!(
        checkpoints.park(&key, token, &ParkedEvent { attempts: 4, ..parked(0, 5) }).await.unwrap()
    );
    let left = checkpoints.parked(&key, false, Position::START, 9).await.unwrap();
    let left: Vec<_> = left.iter().map(|e| (e.position.get(), e.attempts, e.replay)).collect();
    assert_eq!(left, [(5, 4, false), (9, 3, true)]);
}

pub async fn calls_on_a_missing_subscription_are_not_found(adapter: Subject) {
    fn missing<T: std::fmt::Debug>(result: Result<T>) {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Subscription(SubscriptionError::NotFound { .. })),
            "{error:?}"
        );
    }
    let (checkpoints, key) = (checkpoints(&adapter), key("nothing"));
    missing(checkpoints.heartbeat(&key, "a", LONG).await);
    missing(checkpoints.save(&key, 0, 1, at(1), 0).await);
    missing(checkpoints.release(&key, "a", None).await);
    missing(checkpoints.park(&key, 1, &parked(0, 1)).await);
    missing(checkpoints.parked(&key, false, Position::START, 1).await);
    missing(checkpoints.replay(&key, None).await);
    missing(checkpoints.unpark(&key, 0, 1, Position::new(1)).await);
    missing(checkpoints.pause(&key, true).await);
    missing(checkpoints.reset(&key, Position::START).await);
    missing(checkpoints.stopped(&key, None).await);
    missing(checkpoints.delete(&key).await);
    let deleted = register(checkpoints, "s", 2).await;
    let token = checkpoints.heartbeat(&deleted, "a", LONG).await.unwrap().leases[0].token;
    checkpoints.delete(&deleted).await.unwrap();
    missing(checkpoints.save(&deleted, 0, token, at(1), 0).await);
    assert!(checkpoints.list(None).await.unwrap().is_empty());
    let again = register(checkpoints, "s", 1).await;
    assert_eq!(numbers(&checkpoints.heartbeat(&again, "a", LONG).await.unwrap()), [0]);
}

pub async fn racing_owners_never_share_a_partition(adapter: Subject) {
    let key = register(checkpoints(&adapter), "s", 8).await;
    let owners: Vec<_> = (0..6)
        .map(|owner| {
            let (adapter, key) = (adapter.clone(), key.clone());
            tokio::spawn(async move {
                let name = format!("owner {owner}");
                let mut held = Vec::new();
                for _ in 0..10 {
                    held = loop {
                        match checkpoints(&adapter).heartbeat(&key, &name, LONG).await {
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

pub async fn the_list_shows_position_and_lag_of_each_partition(adapter: Subject) {
    let (checkpoints, store) = (checkpoints(&adapter), store(&adapter));
    let last = append(&store, "a", Any, Noted::many(4)).await.position.get();
    let key = register(checkpoints, "s", 2).await;
    register(checkpoints, "r", 1).await;
    let leases = checkpoints.heartbeat(&key, "me", LONG).await.unwrap().leases;
    assert!(checkpoints.save(&key, 0, leases[0].token, at(last), 0).await.unwrap());
    checkpoints.stopped(&key, Some("it broke")).await.unwrap();
    let states = checkpoints.list(Some(&Tenant::default())).await.unwrap();
    let names: Vec<_> =
        states.iter().map(|partition| (partition.key.name.as_str(), partition.partition)).collect();
    assert_eq!(names, [("r", 0), ("s", 0), ("s", 1)]);
    assert_eq!(states[1].owner.as_deref(), Some("me"));
    assert_eq!((states[0].owner.as_deref(), states[0].stopped.as_deref()), (None, None));
    assert_eq!(states[2].stopped.as_deref(), Some("it broke"));
    assert_eq!((states[1].lag, states[1].behind_since), (0, None));
    assert_eq!(states[2].lag, last);
    assert!(states[2].behind_since.is_some_and(|since| since <= states[2].now), "{:?}", states[2]);
    assert!(checkpoints.list(Some(&Tenant::new("others").unwrap())).await.unwrap().is_empty());
    checkpoints.stopped(&key, None).await.unwrap();
    assert_eq!(checkpoints.list(None).await.unwrap()[2].stopped, None);
}
