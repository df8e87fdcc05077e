//! Transactions that claim the version of streams without appending to them.

use std::sync::Arc;

use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::{
    Appended, Delete, Error, EventStore, ExpectedVersion, ListOptions, NewEvent, Outcome, Position,
    Result,
};
use tokio::sync::Barrier;

use super::{Subject, append, everything, exact, store, stream};
use crate::Noted;

/// The races of one case.
const ROUNDS: usize = 40;

/// Appends one event to a stream, while another one has a version.
async fn append_while(
    store: &EventStore,
    name: &str,
    (claimed, expected): (&str, ExpectedVersion),
) -> Result<Appended> {
    let transaction = store.transaction().append(&stream(name), Any, Noted::many(1));
    let answers = transaction.expect(&stream(claimed), expected).commit().await?;
    assert_eq!(answers.len(), 1);
    Ok(answers[0])
}

/// Whether a call succeeded; any error but a lost race fails the case.
fn won<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(answer) => Some(answer),
        Err(Error::WrongExpectedVersion { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

pub async fn a_claim_that_holds_leaves_no_trace(adapter: Subject) {
    let store = store(&adapter);
    let first = append(&store, "read", NoStream, Noted::many(2)).await;
    let answers = store
        .transaction()
        .expect(&stream("read"), exact(2))
        .append(&stream("written"), NoStream, Noted::many(1))
        .expect(&stream("missing"), NoStream)
        .expect(&stream("missing-too"), exact(0))
        .expect(&stream("whatever"), Any)
        .commit()
        .await
        .unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].stream_version.get(), answers[0].outcome), (1, Outcome::Stored));
    assert_eq!(answers[0].position, Position::new(first.position.get() + 1));

    let claims = store.transaction().expect(&stream("read"), StreamExists);
    let claims = claims.expect(&stream("missing"), NoStream).commit().await.unwrap();
    assert_eq!(claims, []);
    for name in ["missing", "missing-too", "whatever"] {
        assert_eq!(store.stream_version(&stream(name)).await.unwrap().get(), 0);
        let info = store.stream_info(&stream(name)).await.unwrap_err();
        assert_eq!(info.code(), "stream_not_found");
    }
    let listed = store.list_streams(ListOptions::new().deleted()).await.unwrap();
    let names: Vec<_> = listed.iter().map(|info| info.stream_id.as_str()).collect();
    assert_eq!(names, ["read", "written"]);
    assert_eq!(store.stream_version(&stream("read")).await.unwrap().get(), 2);
    assert_eq!(everything(&store).await.len(), 3);
    // The positions go on where they were, and what was claimed to be missing can be created.
    let next = append(&store, "missing", NoStream, Noted::many(1)).await;
    assert_eq!(next.stream_version.get(), 1);
    assert_eq!(next.position, Position::new(answers[0].position.get() + 1));
}

pub async fn a_claim_is_judged_as_an_append(adapter: Subject) {
    let store = store(&adapter);
    let linked = NewEvent::from(Noted::new("linked"));
    let id = linked.id();
    append(&store, "two", NoStream, vec![linked, Noted::new("b").into()]).await;
    for name in ["archived", "soft", "hard"] {
        append(&store, name, NoStream, Noted::many(1)).await;
    }
    store.archive_stream(&stream("archived"), Any).await.unwrap();
    store.delete_stream(&stream("soft"), Any, Delete::Soft).await.unwrap();
    store.delete_stream(&stream("hard"), Any, Delete::Hard).await.unwrap();
    store.link(&stream("links"), NoStream, [id]).await.unwrap();

    let before = everything(&store).await;
    for (name, expected, code) in [
        ("two", NoStream, "wrong_expected_version"),
        ("two", exact(0), "wrong_expected_version"),
        ("two", exact(1), "wrong_expected_version"),
        ("two", exact(3), "wrong_expected_version"),
        ("none", StreamExists, "wrong_expected_version"),
        ("none", exact(1), "wrong_expected_version"),
        ("archived", exact(1), "stream_archived"),
        ("archived", Any, "stream_archived"),
        ("soft", Any, "stream_deleted"),
        ("soft", NoStream, "stream_deleted"),
        ("hard", exact(1), "stream_deleted"),
        ("links", exact(1), "mixed_stream"),
    ] {
        let alone = store.transaction().expect(&stream(name), expected).commit().await;
        let alone = alone.unwrap_err();
        assert_eq!(alone.code(), code, "{name}, {expected}: {alone}");
        let with = append_while(&store, "written", (name, expected)).await.unwrap_err();
        assert_eq!(with.code(), code, "{name}, {expected}: {with}");
        if let Error::WrongExpectedVersion { stream_id, expected: named, actual, .. } = with {
            let found = if name == "two" { 2 } else { 0 };
            assert_eq!((stream_id.as_str(), named, actual.get()), (name, expected, found));
        }
    }
    for expected in [Any, StreamExists, exact(2)] {
        store.transaction().expect(&stream("two"), expected).commit().await.unwrap();
    }
    assert_eq!(everything(&store).await, before);
    assert_eq!(store.stream_version(&stream("written")).await.unwrap().get(), 0);
}

pub async fn a_claimed_stream_occurs_once(adapter: Subject) {
    let store = store(&adapter);
    let appended = store.transaction().append(&stream("a"), Any, Noted::many(1));
    let appended = appended.expect(&stream("a"), Any).commit().await.unwrap_err();
    assert_eq!(appended.code(), "invalid_event_data");
    let claimed = store.transaction().expect(&stream("a"), Any).expect(&stream("a"), NoStream);
    assert_eq!(claimed.commit().await.unwrap_err().code(), "invalid_event_data");
    assert!(everything(&store).await.is_empty());
}

pub async fn a_repeated_transaction_is_stored_whatever_it_claimed(adapter: Subject) {
    let store = store(&adapter);
    let [a, b, new] = ["a", "b", "new"].map(|text| NewEvent::from(Noted::new(text)));
    let commit = |events: Vec<NewEvent>, name: &'static str| {
        let transaction = store.transaction().append(&stream(name), NoStream, events);
        transaction.expect(&stream("claimed"), NoStream).commit()
    };
    let first = commit(vec![a.clone(), b.clone()], "a").await.unwrap();
    append(&store, "claimed", NoStream, Noted::many(1)).await;
    let again = commit(vec![a.clone(), b], "a").await.unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].outcome, Outcome::AlreadyStored);
    assert_eq!(
        (first[0].stream_version, first[0].position),
        (again[0].stream_version, again[0].position)
    );
    let partial = commit(vec![a, new], "a").await.unwrap_err();
    assert!(matches!(partial, Error::EventIdConflict { .. }), "{partial}");
    let refused = commit(vec![Noted::new("c").into()], "c").await.unwrap_err();
    let Error::WrongExpectedVersion { stream_id, .. } = refused else { panic!("{refused}") };
    assert_eq!(stream_id.as_str(), "claimed");
    assert_eq!(everything(&store).await.len(), 3);
}

pub async fn a_claim_that_a_stream_is_missing_holds_against_its_creation(adapter: Subject) {
    let store = store(&adapter);
    let mut claims = 0;
    for round in 0..ROUNDS {
        let (created, written) = (format!("created-{round}"), format!("written-{round}"));
        let expected = if round % 2 == 0 { NoStream } else { exact(0) };
        let barrier = Arc::new(Barrier::new(2));
        let creation = tokio::spawn({
            let (store, barrier, created) = (store.clone(), Arc::clone(&barrier), created.clone());
            async move {
                barrier.wait().await;
                store.append(&stream(&created), Any, Noted::many(1)).await
            }
        });
        barrier.wait().await;
        let claim = won(append_while(&store, &written, (&created, expected)).await);
        let created = creation.await.unwrap().unwrap();
        assert_eq!(created.stream_version.get(), 1);
        if let Some(claim) = claim {
            claims += 1;
            assert!(claim.position < created.position, "the stream was created before the claim");
        }
    }
    let stored = everything(&store).await.len();
    assert_eq!(stored, ROUNDS + claims);
}

pub async fn a_claim_holds_against_racing_appends(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "read", NoStream, Noted::many(1)).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            let mut positions = Vec::new();
            for _ in 0..ROUNDS {
                let appended = store.append(&stream("read"), Any, Noted::many(1)).await.unwrap();
                positions.push((appended.stream_version, appended.position));
            }
            positions
        }
    });
    let mut claims = Vec::new();
    while claims.len() < ROUNDS {
        let read = store.stream_version(&stream("read")).await.unwrap();
        let claimed = ExpectedVersion::Exact(read);
        claims.extend(
            won(append_while(&store, "written", ("read", claimed)).await)
                .map(|answer| (read, answer.position)),
        );
    }
    let appends = writer.await.unwrap();
    for (version, position) in claims {
        let next = appends.iter().find(|(appended, _)| *appended == version.next());
        assert!(next.is_none_or(|(_, next)| position < *next), "version {version}: {position}");
    }
}

pub async fn crossing_claims_allow_no_write_skew(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "x", NoStream, Noted::many(1)).await;
    append(&store, "y", NoStream, Noted::many(1)).await;
    for round in 0..ROUNDS {
        // Streams that exist, and streams that do not.
        let [x, y, claim] = if round % 2 == 0 {
            let versions = store.stream_version(&stream("x")).await.unwrap();
            assert_eq!(store.stream_version(&stream("y")).await.unwrap(), versions);
            ["x".to_owned(), "y".to_owned(), versions.to_string()]
        } else {
            [format!("x-{round}"), format!("y-{round}"), "0".to_owned()]
        };
        let expected = exact(claim.parse().unwrap());
        let barrier = Arc::new(Barrier::new(4));
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let (store, barrier) = (store.clone(), Arc::clone(&barrier));
                let (written, read) =
                    if number % 2 == 0 { (x.clone(), y.clone()) } else { (y.clone(), x.clone()) };
                tokio::spawn(async move {
                    barrier.wait().await;
                    let transaction =
                        store.transaction().append(&stream(&written), expected, Noted::many(1));
                    won(transaction.expect(&stream(&read), expected).commit().await).is_some()
                })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += usize::from(task.await.unwrap());
        }
        assert_eq!(winners, 1, "round {round}");
        if round % 2 == 0 {
            // Both have one event more again.
            for name in [&x, &y] {
                let _ = store.append(&stream(name), expected, Noted::many(1)).await;
            }
        }
    }
}
