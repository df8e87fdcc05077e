//! The checkpoint store of a backend: each partition has one owner at a time, proved by a token, and only the owner moves
//! its checkpoint, and only forward.

use std::time::Duration;

use super::{Subject, append, everything, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;
use event_core::adapter::{
    Checkpoint, CheckpointMove, CheckpointStore, Heartbeat, Incarnation, Moved, ParkedEvent,
    Registered, SubscriptionKey,
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
) -> (SubscriptionKey, Incarnation) {
    let (key, wanted) = (key(name), Registered { filter: "everything".into(), partitions });
    let registered = checkpoints.register(&key, &wanted, Position::START).await.unwrap();
    (key, registered.incarnation)
}

fn at(position: u64) -> Checkpoint {
    Checkpoint { position: Position::new(position), event: None }
}

fn move_to(partition: u32, token: u64, position: u64) -> CheckpointMove {
    CheckpointMove { partition, token, checkpoint: at(position), skipped: 1 }
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
    let registered = store.register(&name, &wanted, start).await.unwrap();
    assert_eq!(registered, wanted);
    let other = Registered { filter: "everything".into(), partitions: 5 };
    let again = store.register(&name, &other, Position::START).await.unwrap();
    assert_eq!(again, registered, "what is stored");
    let heartbeat = store.heartbeat(&name, registered.incarnation, "me", LONG).await.unwrap();
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
    let (key, id) = register(checkpoints, "s", 5).await;
    let a = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap();
    assert_eq!((a.partitions, a.members, a.share(), numbers(&a)), (5, 1, 5, vec![0, 1, 2, 3, 4]));
    let b = checkpoints.heartbeat(&key, id, "b", LONG).await.unwrap();
    assert_eq!((b.members, b.share(), numbers(&b)), (2, 2, vec![]), "nothing is free");
    // The owner learns of the new one, and releases its surplus.
    let a = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap();
    assert_eq!((a.members, a.share(), a.leases.len()), (2, 3, 5));
    let surplus: Vec<_> =
        a.leases[3..].iter().map(|lease| (lease.partition, lease.token)).collect();
    checkpoints.release(&key, id, "a", Some(&surplus)).await.unwrap();
    assert_eq!(numbers(&checkpoints.heartbeat(&key, id, "b", LONG).await.unwrap()), [3, 4]);
    assert_eq!(numbers(&checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap()), [0, 1, 2]);
    // An owner that releases everything leaves: its partitions are free at once, and it is no longer a member.
    checkpoints.release(&key, id, "a", None).await.unwrap();
    let b = checkpoints.heartbeat(&key, id, "b", LONG).await.unwrap();
    assert_eq!((b.members, numbers(&b)), (1, vec![0, 1, 2, 3, 4]));
}

pub async fn an_expired_lease_is_taken_with_a_new_token(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let (key, id) = register(checkpoints, "s", 1).await;
    let first = checkpoints.heartbeat(&key, id, "a", SHORT).await.unwrap().leases[0];
    expire().await;
    // No other owner took it: the lease continues under the same token.
    let again = checkpoints.heartbeat(&key, id, "a", SHORT).await.unwrap().leases[0];
    assert_eq!(again, first);
    expire().await;
    assert!(
        checkpoints.save(&key, 0, first.token, at(1), 0).await.unwrap(),
        "no other owner took it"
    );
    let taken = checkpoints.heartbeat(&key, id, "b", LONG).await.unwrap();
    assert_eq!(taken.members, 1, "an owner without heartbeats is no member");
    assert!(taken.leases[0].token > first.token);
    assert_eq!(taken.leases[0].checkpoint, at(1));
    assert!(checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases.is_empty());
}

pub async fn checkpoints_never_go_back(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let (key, id) = register(checkpoints, "s", 2).await;
    let token = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases[0].token;
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
    let leases = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    assert_eq!(leases[0].checkpoint, ten, "the checkpoint did not move");
    assert!(checkpoints.save(&key, 0, token, at(12), 1).await.unwrap());
    let leases = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    assert_eq!(leases[0].checkpoint, Checkpoint { event, ..at(12) }, "the last event is kept");
    assert_eq!(leases[1].checkpoint, at(0));
    let list = checkpoints.list(None).await.unwrap();
    assert_eq!((list[0].skipped, list[1].skipped), (3, 0));
}

pub async fn several_checkpoints_are_saved_together(adapter: Subject) {
    // A checkpoint is at a position that the log has assigned, and names the event that is stored there.
    let store = store(&adapter);
    append(&store, "log", Any, Noted::many(9)).await;
    let sixth = everything(&store).await.swap_remove(5);
    let checkpoints = checkpoints(&adapter);
    let (key, id) = register(checkpoints, "s", 3).await;
    let leases = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    let tokens: Vec<_> = leases.iter().map(|lease| lease.token).collect();
    let event = Some((sixth.position(), sixth.event_id()));
    let with_event =
        CheckpointMove { checkpoint: Checkpoint { event, ..at(7) }, ..move_to(2, tokens[2], 7) };
    let wanted = [with_event, move_to(0, tokens[0] - 1, 9), move_to(1, tokens[1], 4)];
    let moved = checkpoints.save_all(&key, &wanted).await.unwrap();
    assert_eq!(moved, [Moved::Saved, Moved::Lost, Moved::Saved], "in their order");
    // Repeated, or behind what is stored: nothing moves back, nothing is counted twice.
    let again = [wanted[0], move_to(1, tokens[1], 3)];
    assert_eq!(checkpoints.save_all(&key, &again).await.unwrap(), [Moved::Saved; 2]);
    let leases = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    let stored: Vec<_> = leases.iter().map(|lease| lease.checkpoint).collect();
    assert_eq!(stored, [at(0), at(4), with_event.checkpoint]);
    let skipped = checkpoints.list(None).await.unwrap();
    assert_eq!(skipped.iter().map(|it| it.skipped).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(checkpoints.save_all(&key, &[]).await.unwrap().is_empty());
}

/// The numbers of partitions of some owners that come and go, once each of them has sent enough heartbeats.
pub async fn shares_differ_by_one_at_most(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    for (partitions, owners) in [(4_u32, 3), (10, 6), (3, 5), (512, 7)] {
        let (key, id) = register(checkpoints, &format!("s-{partitions}"), partitions).await;
        let mut names: Vec<String> = (0..owners).map(|owner| format!("owner {owner}")).collect();
        // All of them, then without one in the middle, then with another one before all others.
        for change in 0..3 {
            match change {
                1 => {
                    let leaves = names.remove(1);
                    checkpoints.release(&key, id, &leaves, None).await.unwrap();
                }
                2 => names.insert(0, "a new one".into()),
                _ => {}
            }
            let mut held = Vec::new();
            for _ in 0..4 {
                held.clear();
                for name in &names {
                    let heartbeat = checkpoints.heartbeat(&key, id, name, LONG).await.unwrap();
                    let share = heartbeat.share() as usize;
                    let surplus: Vec<_> = heartbeat.leases.iter().skip(share).collect();
                    let surplus: Vec<_> =
                        surplus.iter().map(|it| (it.partition, it.token)).collect();
                    checkpoints.release(&key, id, name, Some(&surplus)).await.unwrap();
                    held.push(heartbeat.leases.len() - surplus.len());
                }
            }
            assert_eq!(held.iter().sum::<usize>(), partitions as usize, "{held:?}");
            let (least, most) = (held.iter().min().unwrap(), held.iter().max().unwrap());
            assert!(most - least <= 1, "{partitions} partitions of {names:?}: {held:?}");
        }
    }
}

pub async fn a_superseded_token_changes_nothing(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let (key, id) = register(checkpoints, "s", 1).await;
    let old = checkpoints.heartbeat(&key, id, "a", SHORT).await.unwrap().leases[0].token;
    assert!(checkpoints.park(&key, old, &parked(0, 3)).await.unwrap());
    expire().await;
    let new = checkpoints.heartbeat(&key, id, "b", LONG).await.unwrap().leases[0].token;
    assert!(!checkpoints.save(&key, 0, old, at(5), 0).await.unwrap());
    assert!(!checkpoints.park(&key, old, &parked(0, 4)).await.unwrap());
    assert!(!checkpoints.unpark(&key, 0, old, Position::new(3)).await.unwrap());
    checkpoints.release(&key, id, "a", Some(&[(0, old)])).await.unwrap();
    checkpoints.release(&key, id, "a", None).await.unwrap();
    let lease = checkpoints.heartbeat(&key, id, "b", LONG).await.unwrap().leases[0];
    assert_eq!((lease.token, lease.checkpoint), (new, at(0)));
    assert_eq!(checkpoints.parked(&key, None, false, Position::START, 10).await.unwrap().len(), 1);
}

pub async fn pausing_and_resetting_revoke_leases(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let (key, id) = register(checkpoints, "s", 2).await;
    let before = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    assert!(checkpoints.save(&key, 0, before[0].token, at(8), 0).await.unwrap());
    checkpoints.pause(&key, true).await.unwrap();
    assert!(!checkpoints.save(&key, 0, before[0].token, at(9), 0).await.unwrap());
    let paused = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap();
    assert!(paused.paused && paused.leases.is_empty(), "{paused:?}");
    checkpoints.pause(&key, false).await.unwrap();
    let resumed = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    assert_eq!(resumed[0].checkpoint, at(8));
    checkpoints.reset(&key, Position::new(4)).await.unwrap();
    assert!(!checkpoints.save(&key, 0, resumed[0].token, at(9), 0).await.unwrap());
    let reset = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases;
    assert!(reset.iter().all(|lease| lease.checkpoint == at(4)), "{reset:?}");
}

pub async fn parked_events_are_stored_and_marked_for_replay(adapter: Subject) {
    let checkpoints = checkpoints(&adapter);
    let (key, id) = register(checkpoints, "s", 1).await;
    let token = checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().leases[0].token;
    let events = [parked(0, 3), parked(0, 5), parked(0, 9)];
    for event in events.iter().rev() {
        assert!(checkpoints.park(&key, token, event).await.unwrap());
    }
    let page = checkpoints.parked(&key, None, false, Position::START, 2).await.unwrap();
    let ids: Vec<_> = page.iter().map(|event| (event.position.get(), event.event_id)).collect();
    assert_eq!(ids, [(3, events[0].event_id), (5, events[1].event_id)]);
    assert!(page[0].error.contains("luck") && page[0].attempts == 3 && !page[0].replay);
    assert!(page[0].parked_at > chrono::DateTime::UNIX_EPOCH, "by the store's clock");
    assert!(checkpoints.parked(&key, None, true, Position::START, 9).await.unwrap().is_empty());
    assert_eq!(checkpoints.replay(&key, Some(Position::new(5))).await.unwrap(), 1);
    assert_eq!(checkpoints.heartbeat(&key, id, "a", LONG).await.unwrap().replays, 1);
    assert_eq!(checkpoints.replay(&key, None).await.unwrap(), 2);
    assert_eq!(checkpoints.parked(&key, None, true, Position::new(3), 9).await.unwrap().len(), 2);
    assert!(checkpoints.unpark(&key, 0, token, Position::new(3)).await.unwrap());
    // It failed again: the replay mark is removed.
    assert!(
        checkpoints.park(&key, token, &ParkedEvent { attempts: 4, ..parked(0, 5) }).await.unwrap()
    );
    let left = checkpoints.parked(&key, None, false, Position::START, 9).await.unwrap();
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
    let id = Incarnation::new(1);
    missing(checkpoints.heartbeat(&key, id, "a", LONG).await);
    missing(checkpoints.save(&key, 0, 1, at(1), 0).await);
    missing(checkpoints.save_all(&key, &[move_to(0, 1, 1)]).await);
    missing(checkpoints.release(&key, id, "a", None).await);
    missing(checkpoints.park(&key, 1, &parked(0, 1)).await);
    missing(checkpoints.parked(&key, None, false, Position::START, 1).await);
    missing(checkpoints.replay(&key, None).await);
    missing(checkpoints.unpark(&key, 0, 1, Position::new(1)).await);
    missing(checkpoints.pause(&key, true).await);
    missing(checkpoints.reset(&key, Position::START).await);
    missing(checkpoints.stopped(&key, id, None).await);
    missing(checkpoints.delete(&key).await);
    let (deleted, id) = register(checkpoints, "s", 2).await;
    let token = checkpoints.heartbeat(&deleted, id, "a", LONG).await.unwrap().leases[0].token;
    checkpoints.delete(&deleted).await.unwrap();
    missing(checkpoints.save(&deleted, 0, token, at(1), 0).await);
    assert!(checkpoints.list(None).await.unwrap().is_empty());
    let (again, id) = register(checkpoints, "s", 1).await;
    assert_eq!(numbers(&checkpoints.heartbeat(&again, id, "a", LONG).await.unwrap()), [0]);
}

/// What belongs to a subscription that was deleted changes nothing of one that was created under its name since.
pub async fn a_deleted_subscription_and_its_successor_share_nothing(adapter: Subject) {
    fn replaced<T: std::fmt::Debug>(result: Result<T>) {
        let error = result.unwrap_err();
        assert_eq!(error.code(), "subscription_replaced", "{error:?}");
        let text = error.to_string();
        assert!(text.contains("created again") && text.contains("open"), "{text}");
    }
    let checkpoints = checkpoints(&adapter);
    let (key, old) = register(checkpoints, "s", 1).await;
    let mut tokens = Vec::new();
    for owner in ["a", "b", "c"] {
        tokens.push(checkpoints.heartbeat(&key, old, owner, LONG).await.unwrap().leases[0].token);
        checkpoints.release(&key, old, owner, None).await.unwrap();
    }
    tokens.push(checkpoints.heartbeat(&key, old, "old", LONG).await.unwrap().leases[0].token);
    for round in 0..5 {
        checkpoints.delete(&key).await.unwrap();
        let (_, new) = register(checkpoints, "s", 4).await;
        assert_ne!(new, old);
        replaced(checkpoints.heartbeat(&key, old, "old", LONG).await);
        replaced(checkpoints.release(&key, old, "old", None).await);
        replaced(checkpoints.stopped(&key, old, Some("it broke")).await);
        replaced(checkpoints.parked(&key, Some(old), true, Position::START, 9).await);
        // An owner of the same name is another owner.
        let heartbeat = checkpoints.heartbeat(&key, new, "old", LONG).await.unwrap();
        assert_eq!((heartbeat.members, numbers(&heartbeat)), (1, vec![0, 1, 2, 3]));
        let current = heartbeat.leases[0].token;
        assert!(checkpoints.park(&key, current, &parked(0, 3)).await.unwrap());
        assert_eq!(checkpoints.replay(&key, None).await.unwrap(), 1);
        for token in &tokens {
            assert_ne!(*token, current, "round {round}");
            assert!(!checkpoints.save(&key, 0, *token, at(1_000), 0).await.unwrap());
            let moved = checkpoints.save_all(&key, &[move_to(0, *token, 1_000)]).await.unwrap();
            assert_eq!(moved, [Moved::Lost]);
            assert!(!checkpoints.park(&key, *token, &parked(0, 4)).await.unwrap());
            assert!(!checkpoints.unpark(&key, 0, *token, Position::new(3)).await.unwrap());
            checkpoints.release(&key, new, "old", Some(&[(0, *token)])).await.unwrap();
        }
        replaced(checkpoints.parked(&key, Some(old), true, Position::START, 9).await);
        let parked = checkpoints.parked(&key, Some(new), true, Position::START, 9).await.unwrap();
        assert_eq!(parked.len(), 1);
        let heartbeat = checkpoints.heartbeat(&key, new, "old", LONG).await.unwrap();
        assert_eq!((heartbeat.leases[0].token, heartbeat.leases[0].checkpoint), (current, at(0)));
        assert_eq!(checkpoints.list(None).await.unwrap()[0].stopped, None);
        tokens.extend(heartbeat.leases.iter().map(|lease| lease.token));
    }
}

pub async fn racing_owners_never_share_a_partition(adapter: Subject) {
    let (key, id) = register(checkpoints(&adapter), "s", 8).await;
    let owners: Vec<_> = (0..6)
        .map(|owner| {
            let (adapter, key) = (adapter.clone(), key.clone());
            tokio::spawn(async move {
                let name = format!("owner {owner}");
                let mut held = Vec::new();
                for _ in 0..10 {
                    held = loop {
                        match checkpoints(&adapter).heartbeat(&key, id, &name, LONG).await {
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
    let (key, id) = register(checkpoints, "s", 2).await;
    _ = register(checkpoints, "r", 1).await;
    let leases = checkpoints.heartbeat(&key, id, "me", LONG).await.unwrap().leases;
    assert!(checkpoints.save(&key, 0, leases[0].token, at(last), 0).await.unwrap());
    checkpoints.stopped(&key, id, Some("it broke")).await.unwrap();
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
    checkpoints.stopped(&key, id, None).await.unwrap();
    assert_eq!(checkpoints.list(None).await.unwrap()[2].stopped, None);
}
