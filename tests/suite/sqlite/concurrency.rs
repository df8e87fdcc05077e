//! Concurrent writers of one file: in one program and in several, cancelled callers, a full queue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::adapter::Adapter;
use event_core::{
    Error, EventId, EventStore, ExpectedVersion, NewEvent, Outcome, ReadOptions, RetryPolicy,
    StreamVersion,
};
use event_sqlite::SqliteOptions;
use event_testing::Noted;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::{all_events, new_file, open_store, plain_connection, run, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_programs_write_in_turns() {
    let path = new_file();
    let programs = [open_store(&path).await, open_store(&path).await, open_store(&path).await];
    let mut tasks = Vec::new();
    for (program, store) in programs.iter().enumerate() {
        for writer in 0..4 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let own = stream(&format!("s-{program}-{writer}"));
                for n in 0..10 {
                    let expected = ExpectedVersion::Exact(StreamVersion::new(2 * n));
                    store.append(&own, expected, Noted::many(2)).await.unwrap();
                    store.append(&stream("shared"), Any, Noted::many(1)).await.unwrap();
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let all = all_events(&programs[0]).await;
    assert_eq!(all.len(), 12 * 30);
    let ids: BTreeSet<_> = all.iter().map(event_core::RecordedEvent::event_id).collect();
    assert_eq!(ids.len(), all.len());
    assert!(all.windows(2).all(|pair| pair[0].position() < pair[1].position()));
    let shared = programs[1].read_stream(&stream("shared"), ReadOptions::forward()).await.unwrap();
    assert!((1..).zip(&shared).all(|(n, event)| event.stream_version().get() == n));
}

#[tokio::test]
async fn a_lock_of_another_program_is_waited_for_and_named_in_errors() {
    let path = new_file();
    let options = SqliteOptions::new(&path).busy_timeout(Duration::from_millis(20));
    let adapter = options.clone().connect().await.unwrap();
    let store = EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap();
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    let mut other = plain_connection(&path).await;

    run(&mut other, "BEGIN IMMEDIATE").await;
    let error = store.append(&stream("s"), Any, Noted::many(1)).await.unwrap_err();
    assert!(matches!(error, Error::Overloaded { .. }) && error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("another program holds the file"), "{error}");
    assert_eq!(all_events(&store).await.len(), 1, "readers do not wait");
    // A second program starts while the first one writes: the schema is only read.
    options.clone().connect().await.unwrap().close().await;

    let patient =
        EventStore::builder(options.busy_timeout(Duration::from_mins(1)).connect().await.unwrap());
    let patient = patient.build().unwrap();
    let waiting =
        tokio::spawn(async move { patient.append(&stream("s"), Any, Noted::many(1)).await });
    run(&mut other, "COMMIT").await;
    assert_eq!(waiting.await.unwrap().unwrap().stream_version.get(), 2);
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    store.close().await;

    run(&mut other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").await;
    let options = SqliteOptions::new(&path).busy_timeout(Duration::from_millis(20));
    let error = options.connect().await.unwrap_err();
    assert!(error.to_string().contains("another program holds the file"), "{error}");
}

#[tokio::test]
async fn queued_appends_share_a_transaction_and_fail_alone() {
    let store = open_store(&new_file()).await;
    let id = EventId::new();
    let known = || NewEvent::from(Noted::new("x")).with_id(id);
    store.append(&stream("known"), NoStream, [known()]).await.unwrap();
    // On one thread the calls are polled in order: all are queued before the first is stored.
    let fresh = EventId::new();
    let same = || [NewEvent::from(Noted::new("y")).with_id(fresh)];
    let [a, b, c, k] = ["a", "b", "c", "known"].map(stream);
    let (first, conflict, taken, retried, stored, duplicate) = tokio::join!(
        store.append(&a, NoStream, Noted::many(3)),
        store.append(&a, NoStream, Noted::many(1)),
        store.append(&b, NoStream, [known()]),
        store.append(&k, NoStream, [known()]),
        store.append(&c, NoStream, same()),
        store.append(&c, NoStream, same()),
    );
    assert_eq!(first.unwrap().stream_version.get(), 3);
    assert_eq!(conflict.unwrap_err().code(), "wrong_expected_version");
    assert_eq!(taken.unwrap_err().code(), "event_id_conflict");
    assert_eq!(retried.unwrap().outcome, Outcome::AlreadyStored);
    assert_eq!(stored.unwrap().outcome, Outcome::Stored);
    assert_eq!(duplicate.unwrap().outcome, Outcome::AlreadyStored);
    assert_eq!(all_events(&store).await.len(), 5);
}

#[tokio::test]
async fn the_append_of_a_cancelled_caller_is_stored_as_a_whole() {
    let path = new_file();
    let store = open_store(&path).await;
    for n in 0..20 {
        let name = stream(&format!("s-{n}"));
        let mut append = Box::pin(store.append(&name, NoStream, Noted::many(3)));
        assert!(append.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(append);
    }
    // Closing waits for queued appends.
    store.close().await;
    let all = all_events(&open_store(&path).await).await;
    assert_eq!(all.len(), 60);
    let error = store.append(&stream("s"), Any, Noted::many(1)).await.unwrap_err();
    assert!(event_core::error::with_causes(&error).contains("closed"), "{error}");
    assert!(store.read_stream(&stream("s-1"), ReadOptions::forward()).await.is_err());
}

#[tokio::test]
async fn a_full_queue_refuses_appends() {
    let path = new_file();
    let options = SqliteOptions::new(&path).busy_timeout(Duration::from_mins(1));
    let adapter = Arc::new(options.connect().await.unwrap());
    let store = EventStore::builder(Arc::clone(&adapter)).retry(RetryPolicy::never());
    let store = store.build().unwrap();
    // Nothing is stored before the first one is refused.
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    let mut other = plain_connection(&path).await;
    run(&mut other, "BEGIN IMMEDIATE").await;
    let mut appends: FuturesUnordered<_> = (0..9_000)
        .map(|_| {
            let store = store.clone();
            async move { store.append(&stream("s"), Any, Noted::many(1)).await }.boxed()
        })
        .collect();
    let (mut stored, mut refused) = (1, 0);
    while let Some(answer) = appends.next().await {
        match answer {
            Ok(_) => stored += 1,
            Err(error) => {
                assert!(matches!(error, Error::Overloaded { .. }), "{error:?}");
                if refused == 0 {
                    run(&mut other, "COMMIT").await;
                }
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && stored >= 8_000, "{stored} stored, {refused} refused");
    assert_eq!(all_events(&store).await.len(), stored);
    adapter.close().await;
}
