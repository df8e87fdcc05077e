//! The verification finds rows that contradict one another, each kind by its name, and nothing in a sound store.

use std::path::Path;

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{Delete, EventId, EventStore, NewEvent, StreamVersion};
use event_testing::Noted;

use super::{all_events, new_file, open, open_store, plain_connection, run, stream};

/// A store with streams of every kind, links, a subscription, a truncated and a deleted stream.
async fn filled(path: &Path, with_removals: bool) -> EventStore {
    let store = open_store(path).await;
    let id = EventId::new();
    let known = [NewEvent::from(Noted::new("x")).with_id(id)];
    store.append(&stream("s"), Any, known).await.unwrap();
    store.append(&stream("s"), Any, Noted::many(4)).await.unwrap();
    store.append(&stream("t"), Any, Noted::many(3)).await.unwrap();
    store.append(&stream("soft"), Any, Noted::many(2)).await.unwrap();
    store.delete_stream(&stream("soft"), Any, Delete::Soft).await.unwrap();
    store.append(&stream("old"), Any, Noted::many(2)).await.unwrap();
    store.archive_stream(&stream("old"), Any).await.unwrap();
    store.link(&stream("links"), NoStream, [id]).await.unwrap();
    if with_removals {
        store.append(&stream("cut"), Any, Noted::many(5)).await.unwrap();
        store.truncate_before(&stream("cut"), StreamVersion::new(3)).await.unwrap();
        store.append(&stream("gone"), Any, Noted::many(2)).await.unwrap();
        store.delete_stream(&stream("gone"), Any, Delete::Hard).await.unwrap();
    }
    let mut mail = store.subscription("mail").open().await.unwrap();
    mail.next().await.unwrap().unwrap().ack().unwrap();
    mail.close().await.unwrap();
    store
}

const HARMS: [(&str, &str); 28] = [
    ("gap_in_versions", "DELETE FROM events WHERE version = 3 AND stream_key = 1"),
    ("wrong_count", "DELETE FROM events WHERE version = 5 AND stream_key = 1"),
    ("wrong_count", "UPDATE streams SET version = 9 WHERE stream_id = 't'"),
    ("version_beyond_stream", "UPDATE streams SET version = 2 WHERE stream_id = 's'"),
    ("version_beyond_stream", "UPDATE events SET version = 0 WHERE version = 1 AND stream_key = 1"),
    ("version_beyond_stream", "UPDATE links SET version = 7"),
    (
        "positions_out_of_order",
        "UPDATE events SET position = 77 WHERE position = 2; UPDATE sqlite_sequence SET seq = 99",
    ),
    ("position_beyond_sequence", "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'events'"),
    ("position_beyond_sequence", "DELETE FROM sqlite_sequence"),
    ("position_beyond_sequence", "UPDATE events SET position = -4 WHERE position = 1"),
    ("unknown_state", "UPDATE streams SET state = 'frozen' WHERE stream_id = 't'"),
    ("mixed_stream", "UPDATE streams SET state = 'links' WHERE stream_id = 't'"),
    ("mixed_stream", "UPDATE streams SET state = 'hard_deleted' WHERE stream_id = 't'"),
    ("mixed_stream", "UPDATE streams SET state = 'active' WHERE stream_id = 'links'"),
    ("link_to_nothing", "UPDATE links SET position = 1000"),
    ("checkpoint_beyond_log", "UPDATE subscription_partitions SET position = 1000"),
    (
        "checkpoint_beyond_log",
        "UPDATE subscription_partitions SET event_id = zeroblob(16), event_position = 1",
    ),
    (
        "checkpoint_beyond_log",
        "INSERT INTO projections (name, build, prefix, filter, position) VALUES ('p', 1, 'p_1_', '{}', 500)",
    ),
    (
        "checkpoint_beyond_log",
        "INSERT INTO parked_events VALUES ('', 'x', 500, zeroblob(16), 0, 1, 'e', 0, 0)",
    ),
    ("event_of_unknown_stream", "UPDATE events SET stream_key = 99 WHERE position = 1"),
    ("event_of_unknown_stream", "DELETE FROM categories"),
    ("keys_contradict", "UPDATE events SET category_key = 99 WHERE position = 1"),
    ("unreadable_event", "UPDATE events SET data = '{' WHERE position = 2"),
    ("unreadable_event", "UPDATE events SET metadata = '[1]' WHERE position = 2"),
    ("unreadable_event", "UPDATE events SET event_id = x'00' WHERE position = 2"),
    ("unreadable_event", "UPDATE events SET recorded_at = 9223372036854775807 WHERE position = 2"),
    ("missing_in_census", "DELETE FROM event_versions"),
    (
        "time_beyond_dates",
        "UPDATE streams SET created_at = 9223372036854775807 WHERE stream_id = 't'",
    ),
];

#[tokio::test]
async fn every_kind_of_contradiction_is_found() {
    let mut missed = Vec::new();
    for (kind, harm) in HARMS {
        for with_removals in [false, true] {
            let path = new_file();
            let store = filled(&path, with_removals).await;
            let verification = store.verify().await.unwrap();
            assert!(verification.is_sound(), "{verification}");
            let mut connection = plain_connection(&path).await;
            run(&mut connection, "PRAGMA ignore_check_constraints = TRUE").await;
            run(&mut connection, harm).await;
            let verification = store.verify().await.unwrap();
            match verification.finding(kind) {
                Some(found) if found.count > 0 && !found.places.is_empty() => {}
                _ => missed.push(format!("{kind} by {harm}: {verification}")),
            }
            let error = open(&path).await.check().await.unwrap_err();
            assert!(error.to_string().contains(kind), "{harm}: {error}");
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test]
async fn a_finding_says_how_many_and_where() {
    let path = new_file();
    let store = filled(&path, false).await;
    let mut connection = plain_connection(&path).await;
    run(&mut connection, "UPDATE events SET data = 'x'").await;
    let verification = store.verify().await.unwrap();
    let found = verification.finding("unreadable_event").unwrap();
    assert_eq!((found.count, found.places.len()), (12, 5));
    assert!(found.places[0].contains("version 1 of stream \"s\", position 1"), "{found}");
    assert!(verification.to_string().contains("and 7 more"), "{verification}");
    assert_eq!(all_events(&store).await.len(), 12, "every one of them can be read past");
}

#[tokio::test]
async fn rows_of_a_stream_that_there_is_not_stop_no_reader() {
    let path = new_file();
    let store = filled(&path, false).await;
    let mut connection = plain_connection(&path).await;
    run(&mut connection, "UPDATE events SET stream_key = 99 WHERE position = 2").await;
    let all = all_events(&store).await;
    assert_eq!(all.len(), 12);
    let damaged: Vec<_> = all.iter().filter(|event| event.damage().is_some()).collect();
    assert_eq!(damaged.len(), 1);
    assert_eq!(damaged[0].position().get(), 2);
    assert!(damaged[0].decode::<Noted>().is_err());
}
