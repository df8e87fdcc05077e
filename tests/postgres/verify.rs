//! The verification finds rows that contradict one another, each kind by its name, and nothing in a sound store.

use std::sync::Arc;
use std::time::Duration;

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{EventId, EventStore, NewEvent};
use event_testing::Noted;

use crate::{pg, stream};

const HARMS: [(&str, &str); 14] = [
    ("gap_in_versions", "DELETE FROM event_store.events WHERE version = 3"),
    ("wrong_count", "DELETE FROM event_store.events WHERE version = 5"),
    ("version_beyond_stream", "UPDATE event_store.streams SET version = 2 WHERE stream_id = 's'"),
    (
        "position_used_twice",
        "ALTER TABLE event_store.events DROP CONSTRAINT events_pkey CASCADE; UPDATE event_store.events SET position = 2 WHERE position = 3",
    ),
    (
        "event_id_used_twice",
        "ALTER TABLE event_store.events DROP CONSTRAINT events_event_id CASCADE;
         UPDATE event_store.events SET event_id = '00000000-0000-7000-8000-000000000000' WHERE position < 3",
    ),
    (
        "positions_out_of_order",
        "SELECT setval('event_store.position_seq', 99); UPDATE event_store.events SET position = 77 WHERE position = 2",
    ),
    ("position_beyond_sequence", "SELECT setval('event_store.position_seq', 3)"),
    ("mixed_stream", "UPDATE event_store.streams SET state = 'links' WHERE stream_id = 's'"),
    ("link_to_nothing", "UPDATE event_store.links SET position = 1000"),
    ("checkpoint_beyond_log", "UPDATE event_store.subscription_partitions SET position = 1000"),
    ("checkpoint_beyond_log", "UPDATE event_store.subscription_partitions SET event_id = gen_random_uuid(), event_position = 1"),
    ("event_of_unknown_stream", "UPDATE event_store.events SET stream_key = 99 WHERE position = 1"),
    ("keys_contradict", "UPDATE event_store.events SET category_key = 99 WHERE position = 1"),
    ("missing_in_census", "DELETE FROM event_store.event_versions"),
];

#[tokio::test]
async fn every_kind_of_contradiction_is_found() {
    let mut missed = Vec::new();
    for (kind, harm) in HARMS {
        let database = pg::shared().database().await;
        let adapter = Arc::new(database.adapter().await);
        let store = EventStore::new(Arc::clone(&adapter)).unwrap();
        let id = EventId::new();
        let known = [NewEvent::from(Noted::new("x")).with_id(id)];
        store.append(&stream("s"), Any, known).await.unwrap();
        store.append(&stream("s"), Any, Noted::many(4)).await.unwrap();
        store.link(&stream("links"), NoStream, [id]).await.unwrap();
        let mut mail = store.subscription("mail").open().await.unwrap();
        mail.next().await.unwrap().unwrap().ack().unwrap();
        mail.close().await.unwrap();
        let verification = store.verify().await.unwrap();
        assert!(verification.is_sound(), "{verification}");
        pg::run(&mut database.connection().await, harm).await;
        let verification = store.verify().await.unwrap();
        match verification.finding(kind) {
            Some(found) if found.count > 0 && !found.places.is_empty() => {}
            _ => missed.push(format!("{kind} by {harm}: {verification}")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Its statements read whole tables, and may take longer than a statement of an application.
#[tokio::test]
async fn a_verification_may_take_longer_than_a_statement() {
    let database = pg::shared().database().await;
    let options = database.options().statement_timeout(Duration::from_millis(300));
    let store = EventStore::new(options.connect().await.unwrap()).unwrap();
    store.append(&stream("s"), Any, Noted::many(4)).await.unwrap();
    let mut admin = database.connection().await;
    pg::run(&mut admin, "BEGIN; LOCK TABLE event_store.snapshots IN ACCESS EXCLUSIVE MODE").await;
    let unlock = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pg::run(&mut admin, "COMMIT").await;
    };
    let (verified, ()) = tokio::join!(store.verify(), unlock);
    assert!(verified.unwrap().is_sound());
    store.close().await;
}
