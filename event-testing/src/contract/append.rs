//! Appending: versions and positions, expected versions, limits, contention.

use serde_json::value::RawValue;

use super::{Subject, append, everything, exact, store, stream, versions};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::{
    BatchSize, Category, Error, EventId, EventStore, EventVersion, Metadata, NewEvent, ReadOptions,
    StreamVersion,
};

pub async fn returns_version_and_position_of_the_last_event(adapter: Subject) {
    let store = store(&adapter);
    let first = append(&store, "game-1", NoStream, Noted::many(1)).await;
    let third = append(&store, "game-1", exact(1), Noted::many(2)).await;
    assert_eq!((first.stream_version.get(), third.stream_version.get()), (1, 3));
    let page = store.read_stream(&stream("game-1"), ReadOptions::forward()).await.unwrap();
    assert_eq!(page[2].position(), third.position);
    assert!(first.position < third.position);
}

pub async fn positions_follow_stream_versions(adapter: Subject) {
    let store = store(&adapter);
    for round in 0..5 {
        append(&store, "a", Any, Noted::many(3)).await;
        append(&store, &format!("b-{round}"), NoStream, Noted::many(2)).await;
    }
    let page = store.read_stream(&stream("a"), ReadOptions::forward()).await.unwrap();
    assert_eq!(versions(&page), (1..=15).collect::<Vec<_>>());
    assert!(page.windows(2).all(|pair| pair[0].position() < pair[1].position()));
}

pub async fn keeps_payload_and_metadata_byte_for_byte(adapter: Subject) {
    let store = store(&adapter);
    let data = r#"{ "z": 1.0, "a": [1e2, "\u00e4", null],  "big": 12345678901234567890.5 }"#;
    let metadata = r#"{ "source_id" : "line-1",  "n": 1.50 }"#;
    let event = NewEvent::raw(
        "contract.raw",
        EventVersion::new(7),
        RawValue::from_string(data.into()).unwrap(),
    )
    .with_metadata(Metadata::from_json(metadata).unwrap());
    let id = event.id();
    append(&store, "raw", NoStream, vec![event]).await;
    let page = store.read_stream(&stream("raw"), ReadOptions::forward()).await.unwrap();
    let stored = &page[0];
    assert_eq!(stored.data().get(), data);
    assert_eq!(stored.metadata().as_json(), metadata);
    assert_eq!((stored.event_type(), stored.event_version().get()), ("contract.raw", 7));
    assert_eq!(stored.event_id(), id);
}

pub async fn refuses_an_empty_append(adapter: Subject) {
    let store = store(&adapter);
    let error = store.append(&stream("s"), Any, Vec::<Noted>::new()).await.unwrap_err();
    assert_eq!((error.code(), error.category()), ("invalid_event_data", Category::Domain));
    assert_eq!(store.stream_version(&stream("s")).await.unwrap(), StreamVersion::NONE);
}

pub async fn accepts_ten_thousand_events_and_no_more(adapter: Subject) {
    let store = store(&adapter);
    let error = store.append(&stream("big"), NoStream, Noted::many(10_001)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidBatchSize(_)), "{error}");
    let appended = append(&store, "big", NoStream, Noted::many(10_000)).await;
    assert_eq!(appended.stream_version.get(), 10_000);
    let page = ReadOptions::forward().limit(BatchSize::MAX);
    let page = store.read_stream(&stream("big"), page).await.unwrap();
    assert_eq!(versions(&page), (1..=10_000).collect::<Vec<_>>());
    assert_eq!(page[9_999].decode::<Noted>().unwrap(), Noted::new("note 9999"));
}

pub async fn an_invalid_event_is_named_and_nothing_is_written(adapter: Subject) {
    let store = store(&adapter);
    let batch = [Noted::new("a"), Noted::new(""), Noted::new("c")];
    let error = store.append(&stream("s"), NoStream, batch).await.unwrap_err();
    assert!(matches!(error, Error::InvalidEventData { index: Some(1), .. }), "{error}");
    assert!(error.to_string().contains("`text` must not be empty"), "{error}");
    assert!(everything(&store).await.is_empty());
}

pub async fn every_expected_version_against_a_missing_and_an_existing_stream(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "existing", NoStream, Noted::many(2)).await;
    for (claim, holds_if_missing, holds_if_existing) in [
        (Any, true, true),
        (NoStream, true, false),
        (StreamExists, false, true),
        (exact(0), true, false),
        (exact(1), false, false),
        (exact(2), false, true),
        (exact(3), false, false),
        (exact(u64::MAX), false, false),
    ] {
        let at = store.stream_version(&stream("existing")).await.unwrap();
        let exact_or_claim = if claim == exact(2) { exact(at.get()) } else { claim };
        for (name, claim, holds, actual) in [
            (format!("missing-{claim}"), claim, holds_if_missing, StreamVersion::NONE),
            ("existing".to_owned(), exact_or_claim, holds_if_existing, at),
        ] {
            let result = store.append(&stream(&name), claim, [Noted::new("x")]).await;
            match result {
                Ok(appended) => {
                    assert!(holds, "{claim} at {name}");
                    assert_eq!(appended.stream_version, actual.next());
                }
                Err(Error::WrongExpectedVersion { actual: found, expected, .. }) => {
                    assert!(!holds, "{claim} at {name}");
                    assert_eq!((found, expected), (actual, claim));
                }
                Err(error) => panic!("{claim} at {name}: {error}"),
            }
        }
    }
}

pub async fn a_refused_append_uses_no_position(adapter: Subject) {
    let store = store(&adapter);
    let first = append(&store, "s", NoStream, Noted::many(1)).await;
    for claim in [NoStream, exact(0), exact(7)] {
        store.append(&stream("s"), claim, Noted::many(3)).await.unwrap_err();
    }
    store.append(&stream("missing"), StreamExists, Noted::many(3)).await.unwrap_err();
    let second = append(&store, "s", exact(1), Noted::many(1)).await;
    assert_eq!(second.position.get(), first.position.get() + 1);
}

pub async fn one_of_twenty_racing_writers_wins(adapter: Subject) {
    let store = store(&adapter);
    for claim in [NoStream, exact(0)] {
        let name = format!("race-{claim}");
        let results = race(&store, 20, &name, claim).await;
        let winners = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "{claim}");
        for error in results.into_iter().filter_map(Result::err) {
            let Error::WrongExpectedVersion { actual, .. } = error else { panic!("{error}") };
            assert_eq!(actual.get(), 1, "the loser learns the true version");
        }
    }
}

pub async fn any_and_stream_exists_never_fail_under_contention(adapter: Subject) {
    let store = store(&adapter);
    for result in race(&store, 20, "hot", Any).await {
        result.unwrap();
    }
    for result in race(&store, 20, "hot", StreamExists).await {
        result.unwrap();
    }
    let page = store.read_stream(&stream("hot"), ReadOptions::forward()).await.unwrap();
    assert_eq!(versions(&page), (1..=40).collect::<Vec<_>>());
}

pub async fn exact_writers_that_retry_all_succeed(adapter: Subject) {
    let store = store(&adapter);
    let writers: Vec<_> =
        (0..20).map(|_| tokio::spawn(decide_until_stored(store.clone()))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.stream_version(&stream("turns")).await.unwrap().get(), 20);
}

async fn decide_until_stored(store: EventStore) {
    let name = stream("turns");
    loop {
        let seen = store.stream_version(&name).await.unwrap();
        match store.append(&name, exact(seen.get()), [Noted::new("turn")]).await {
            Ok(_) => return,
            Err(Error::WrongExpectedVersion { actual, .. }) => assert!(actual > seen),
            Err(error) => panic!("{error}"),
        }
    }
}

async fn race(
    store: &EventStore,
    writers: usize,
    name: &str,
    claim: event_core::ExpectedVersion,
) -> Vec<event_core::Result<event_core::Appended>> {
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, name) = (store.clone(), stream(name));
            tokio::spawn(async move {
                store.append(&name, claim, [Noted::new(format!("writer {writer}"))]).await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

pub async fn the_stream_limit_is_enforced(adapter: Subject) {
    let store = EventStore::builder(adapter.clone()).stream_limit(Some(5)).build().unwrap();
    append(&store, "s", NoStream, Noted::many(4)).await;
    let error = store.append(&stream("s"), exact(4), Noted::many(2)).await.unwrap_err();
    assert!(matches!(error, Error::StreamLimitReached { limit: 5, actual: 4, .. }), "{error}");
    append(&store, "s", exact(4), Noted::many(1)).await;
    let error = store.append(&stream("new"), Any, Noted::many(6)).await.unwrap_err();
    assert!(matches!(error, Error::StreamLimitReached { limit: 5, actual: 0, .. }), "{error}");
    assert_eq!(store.stream_version(&stream("new")).await.unwrap(), StreamVersion::NONE);
    let unlimited = EventStore::builder(adapter).stream_limit(None).build().unwrap();
    append(&unlimited, "s", exact(5), Noted::many(9)).await;
}

pub async fn hostile_names_and_huge_payloads_are_stored_unchanged(adapter: Subject) {
    let store = store(&adapter);
    let odd = [
        "o'neil\"; drop table events; --",
        "100%_done\\",
        "game-\u{202e}gnp.exe",
        "ключ-日本",
        " ",
    ];
    for name in odd {
        append(&store, name, NoStream, vec![Noted::new(name).into()]).await;
        let page = store.read_stream(&stream(name), ReadOptions::forward()).await.unwrap();
        assert_eq!(page[0].stream_id().as_str(), name);
        assert_eq!(page[0].decode::<Noted>().unwrap().text, name);
    }
    let huge = "ä\"\\".repeat(1 << 19);
    append(&store, "huge", NoStream, vec![Noted::new(huge.clone()).into()]).await;
    let page = store.read_stream(&stream("huge"), ReadOptions::forward()).await.unwrap();
    assert_eq!(page[0].decode::<Noted>().unwrap().text, huge);
}

/// The error names the index and the size of the event, and nothing of the append is sent to the backend.
pub async fn an_event_beyond_the_size_limit_is_refused(adapter: Subject) {
    let store = store(&adapter);
    let events = [Noted::new("small"), Noted::new("x".repeat(64 << 20))];
    let refused = store.append(&stream("s"), NoStream, events).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidEventData { index: Some(1), .. }), "{refused}");
    assert!(
        refused.to_string().contains("are 67108877 bytes, more than the 16777216"),
        "{refused}"
    );
    assert_eq!(store.stream_version(&stream("s")).await.unwrap(), StreamVersion::NONE);

    let small = EventStore::builder(adapter).event_size_limit(14).build().unwrap();
    append(&small, "s", NoStream, vec![Noted::new("x").into()]).await;
    small.append(&stream("s"), Any, [Noted::new("xy")]).await.unwrap_err();
}

pub async fn what_some_backend_cannot_store_is_refused(adapter: Subject) {
    let store = store(&adapter);
    let raw = |event_type: &str, json: String| {
        let data = RawValue::from_string(json).unwrap();
        NewEvent::raw(event_type.to_owned(), EventVersion::FIRST, data)
    };
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let long = "a".repeat(256);
    let bad = [
        raw("", "{}".into()),
        raw("no\0ted", "{}".into()),
        raw("no\nted", "{}".into()),
        raw(&long, "{}".into()),
        raw("noted", nested(128)),
        raw("noted", nested(100_000)),
        raw("noted", "{}".into())
            .with_metadata(Metadata::from_json(format!("{{\"a\":{}}}", nested(127))).unwrap()),
    ];
    for event in bad {
        let batch = vec![raw("noted", "{}".into()), event];
        let error = store.append(&stream("s"), Any, batch).await.unwrap_err();
        assert!(matches!(error, Error::InvalidEventData { index: Some(1), .. }), "{error}");
    }
    let good = vec![
        raw("Noted by-hand é", "{}".into()),
        raw("noted", nested(127)),
        raw("noted", "\"nul: \\u0000\"".into()),
    ];
    store.append(&stream("s"), NoStream, good).await.unwrap();
    assert_eq!(everything(&store).await.len(), 3);
}

pub async fn an_event_names_no_later_cause(adapter: Subject) {
    let store = store(&adapter);
    let caused = |id: EventId, cause: EventId| {
        let metadata = Metadata::new().with_causation_id(cause.to_string());
        NewEvent::from(Noted::new("note")).with_id(id).with_metadata(metadata)
    };
    let [a, b] = [EventId::new(), EventId::new()];
    for (index, batch) in [
        (0, vec![caused(a, a)]),
        (1, vec![caused(a, EventId::new()), caused(b, b)]),
        (0, vec![caused(a, b), caused(b, a)]),
    ] {
        let error = store.append(&stream("s"), Any, batch).await.unwrap_err();
        assert!(
            matches!(error, Error::InvalidEventData { index: Some(at), .. } if at == index),
            "{error}"
        );
    }
    store
        .append(&stream("s"), NoStream, vec![caused(a, EventId::new()), caused(b, a)])
        .await
        .unwrap();
}
