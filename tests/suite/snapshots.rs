//! Snapshots of games: recovery from any snapshot gives the state of all events, and a failing snapshot store only costs time.

use std::sync::Arc;

use event_core::adapter::{Adapter as _, StoredSnapshot};
use event_core::aggregate::SnapshotFault;
use event_core::{Aggregate as _, BatchSize, EventStore, ExpectedVersion, MemoryAdapter, Tenant};
use game_events::{GameEvent, GameSession, game_stream};

use crate::flaky::Fault::{self, Permanent, Sound};
use crate::flaky::FlakyAdapter;
use crate::games;

fn folded(events: &[GameEvent]) -> GameSession {
    let mut session = GameSession::default();
    for event in events {
        session.apply(event.clone());
    }
    session
}

#[tokio::test]
async fn a_game_is_recovered_from_a_snapshot_at_any_version() {
    for name in games::SHIPPED {
        let events = games::events(name).await;
        let whole = folded(&events);
        let stream = game_stream(&whole.game_id).unwrap();
        for at in 1..=events.len() {
            let store = EventStore::in_memory().unwrap();
            let (before, after) = events.split_at(at);
            store.append(&stream, ExpectedVersion::NoStream, before.to_vec()).await.unwrap();
            let taken = store.snapshot::<GameSession>(&stream).await.unwrap();
            assert_eq!(taken.state, folded(before), "{name} at {at}");
            if !after.is_empty() {
                store.append(&stream, ExpectedVersion::Any, after.to_vec()).await.unwrap();
            }
            let recovered = store.recover::<GameSession>(&stream).await.unwrap();
            assert_eq!(recovered.state, whole, "{name} from {at}");
            assert_eq!(recovered.report.from_snapshot, Some(taken.version));
            assert_eq!(recovered.report.applied, after.len() as u64);
        }
    }
}

#[tokio::test]
async fn only_events_from_the_snapshot_on_are_read() {
    let adapter = Arc::new(FlakyAdapter::new(&[]));
    let store = EventStore::builder(Arc::clone(&adapter)).build().unwrap();
    let events = games::events("race").await;
    let stream = game_stream(&folded(&events).game_id).unwrap();
    store.append(&stream, ExpectedVersion::NoStream, events.clone()).await.unwrap();
    let one = || BatchSize::new(1).unwrap();
    let calls = async || {
        let before = adapter.calls();
        store.recover::<GameSession>(&stream).limit(one()).await.unwrap();
        adapter.calls() - before
    };
    // The snapshot, each event, and the empty page after the last one.
    assert_eq!(calls().await, 1 + events.len() + 1);
    store.snapshot::<GameSession>(&stream).await.unwrap();
    assert_eq!(
        calls().await,
        1 + 1 + 1,
        "the snapshot, the event at which it was taken, and the empty page"
    );
}

#[tokio::test]
async fn a_failing_snapshot_store_only_costs_time() {
    let events = games::events("knockout").await;
    let whole = folded(&events);
    let stream = game_stream(&whole.game_id).unwrap();
    let memory = MemoryAdapter::new();
    let sound = EventStore::new(memory.clone()).unwrap();
    sound.append(&stream, ExpectedVersion::NoStream, events).await.unwrap();
    sound.snapshot::<GameSession>(&stream).await.unwrap();

    let recovered = async |faults: &[Fault]| {
        let store = EventStore::new(FlakyAdapter::around(memory.clone(), faults)).unwrap();
        let recovered = store.recover::<GameSession>(&stream).await.unwrap();
        assert_eq!((&recovered.state, recovered.report.problems), (&whole, vec![]));
        let faults = recovered.report.snapshot_problems.into_iter().map(|problem| problem.fault);
        (recovered.report.from_snapshot.is_some(), faults.collect::<Vec<_>>())
    };
    assert_eq!(recovered(&[]).await, (true, vec![]));
    assert_eq!(recovered(&[Permanent]).await, (false, vec![SnapshotFault::Unreadable]));

    // A stale snapshot that has to be replaced, which fails.
    let (tenant, kind) = (Tenant::default(), "game_session");
    let good = memory.snapshots().load(&tenant, &stream, kind).await.unwrap().unwrap();
    let stale = StoredSnapshot { shape: !good.shape, ..good };
    let at = stale.stream_version;
    assert!(memory.snapshots().discard(&tenant, &stream, kind, at).await.unwrap());
    assert!(memory.snapshots().save(&tenant, &stream, &stale).await.unwrap());
    let wanted = vec![SnapshotFault::Stale, SnapshotFault::NotSaved];
    for faults in [&[Sound, Sound, Permanent][..], &[Sound, Sound, Sound, Permanent]] {
        assert_eq!(recovered(faults).await, (false, wanted.clone()));
    }
    // The last recovery had removed it before it failed to save.
    assert_eq!(recovered(&[]).await, (false, vec![]));
}
