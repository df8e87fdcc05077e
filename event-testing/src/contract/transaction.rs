//! Several streams in one commit.

use super::{Subject, append, everything, exact, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream, StreamExists};
use event_core::{Error, NewEvent, Outcome};

pub async fn several_streams_are_appended_atomically(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "b", NoStream, Noted::many(1)).await;
    let appended = store
        .transaction()
        .append(&stream("c"), NoStream, Noted::many(2))
        .append(&stream("a"), Any, Noted::many(1))
        .append(&stream("b"), exact(1), Noted::many(3))
        .commit()
        .await
        .unwrap();
    let versions: Vec<_> = appended.iter().map(|it| it.stream_version.get()).collect();
    assert_eq!(versions, [2, 1, 4]);
    let all = everything(&store).await;
    assert_eq!(all.len(), 7);
    for (name, appended) in ["c", "a", "b"].iter().zip(&appended) {
        let last = all.iter().rev().find(|event| event.stream_id().as_str() == *name).unwrap();
        assert_eq!(last.position(), appended.position);
    }

    let error = store
        .transaction()
        .append(&stream("a"), Any, Noted::many(1))
        .append(&stream("b"), exact(1), Noted::many(1))
        .append(&stream("new"), NoStream, Noted::many(1))
        .commit()
        .await
        .unwrap_err();
    let Error::WrongExpectedVersion { stream_id, actual, .. } = error else { panic!("{error}") };
    assert_eq!((stream_id.as_str(), actual.get()), ("b", 4));
    assert_eq!(everything(&store).await, all);
    assert_eq!(store.stream_version(&stream("new")).await.unwrap().get(), 0);
    let missing = store.transaction().append(&stream("zz"), StreamExists, Noted::many(1));
    let missing = missing.append(&stream("yy"), Any, Noted::many(1)).commit().await.unwrap_err();
    assert!(matches!(missing, Error::WrongExpectedVersion { actual, .. } if actual.get() == 0));
    assert_eq!(store.stream_version(&stream("yy")).await.unwrap().get(), 0);
}

pub async fn a_stream_may_be_appended_to_once(adapter: Subject) {
    let store = store(&adapter);
    let twice = store.transaction().append(&stream("a"), Any, Noted::many(1)).append(
        &stream("a"),
        Any,
        Noted::many(1),
    );
    assert_eq!(twice.commit().await.unwrap_err().code(), "invalid_event_data");
    let empty = store.transaction().commit().await.unwrap_err();
    assert_eq!(empty.code(), "invalid_event_data");
    assert!(everything(&store).await.is_empty());
}

pub async fn a_repeated_transaction_returns_the_first_results(adapter: Subject) {
    let store = store(&adapter);
    let (a, b) = (NewEvent::from(Noted::new("a")), NewEvent::from(Noted::new("b")));
    let commit = |events: [NewEvent; 2]| {
        let [a, b] = events;
        let transaction = store.transaction().append(&stream("a"), NoStream, [a]);
        transaction.append(&stream("b"), NoStream, [b]).commit()
    };
    let first = commit([a.clone(), b.clone()]).await.unwrap();
    let again = commit([a.clone(), b]).await.unwrap();
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(again.outcome, Outcome::AlreadyStored);
        assert_eq!((first.stream_version, first.position), (again.stream_version, again.position));
    }
    let partial = commit([a, NewEvent::from(Noted::new("new"))]).await.unwrap_err();
    assert!(matches!(partial, Error::EventIdConflict { .. }), "{partial}");
    assert_eq!(everything(&store).await.len(), 2);
}

pub async fn crossing_transactions_do_not_deadlock(adapter: Subject) {
    let store = store(&adapter);
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let names = if n % 2 == 0 { ["x", "y", "z"] } else { ["z", "y", "x"] };
                for _ in 0..5 {
                    let mut transaction = store.transaction();
                    for name in names {
                        transaction = transaction.append(&stream(name), Any, Noted::many(1));
                    }
                    transaction.commit().await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for name in ["x", "y", "z"] {
        assert_eq!(store.stream_version(&stream(name)).await.unwrap().get(), 80);
    }
}
