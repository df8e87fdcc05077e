//! A hot stream: several appends to it travel together, and each is judged on what those before it left.

use std::collections::BTreeSet;
use std::sync::Arc;

use event_core::adapter::Adapter;
use event_core::adapter::append::Commit;
use event_core::{Appended, Error, EventId, EventStore, ExpectedVersion, Outcome, Result};
use event_postgres::PgAdapter;
use futures_util::future::join_all;

use crate::{after, concurrently, event, events, exact, ids, one, page, pg, stream, versions};

async fn adapter(database: &pg::Database<'_>, lanes: u32) -> Arc<PgAdapter> {
    Arc::new(database.options().append_lanes(lanes).connect().await.unwrap())
}

fn holds(expected: ExpectedVersion, version: u64) -> bool {
    match expected {
        ExpectedVersion::Any => true,
        ExpectedVersion::NoStream => version == 0,
        ExpectedVersion::StreamExists => version > 0,
        ExpectedVersion::Exact(exact) => exact.get() == version,
    }
}

fn mixed(n: usize, known: u64) -> ExpectedVersion {
    match n % 5 {
        0 | 1 => ExpectedVersion::Any,
        2 => ExpectedVersion::NoStream,
        3 => ExpectedVersion::StreamExists,
        _ => exact(known + fastrand::u64(0..40)),
    }
}

/// Asserts that the answers are those of the requests one after the other, in some order, on a stream at version `first`.
fn assert_serial(first: u64, answers: &[(ExpectedVersion, Vec<EventId>, Result<Appended>)]) -> u64 {
    let mut accepted: Vec<_> = answers
        .iter()
        .filter_map(|(expected, ids, answer)| Some((answer.as_ref().ok()?, *expected, ids)))
        .collect();
    accepted.sort_by_key(|(appended, ..)| appended.stream_version);
    let (mut version, mut position) = (first, None);
    let mut passed = BTreeSet::from([first]);
    for (appended, expected, ids) in accepted {
        assert_eq!(appended.outcome, Outcome::Stored);
        assert!(holds(expected, version), "{expected} was accepted at {version}");
        version += ids.len() as u64;
        assert_eq!(appended.stream_version.get(), version, "no gap, and no version twice");
        assert!(position < Some(appended.position), "positions follow versions");
        position = Some(appended.position);
        passed.insert(version);
    }
    for (expected, _, answer) in answers {
        match answer {
            Ok(_) => {}
            Err(Error::WrongExpectedVersion { actual, .. }) => {
                let actual = actual.get();
                assert!(passed.contains(&actual), "the stream was never at {actual}");
                assert!(!holds(*expected, actual), "{expected} was refused at {actual}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_to_one_stream_are_judged_as_if_one_after_the_other() {
    let database = pg::shared().database().await;
    for lanes in [0, 1, 4] {
        let (adapter, name) = (adapter(&database, lanes).await, format!("hot-{lanes}"));
        let mut version = 0;
        for round in 0..4 {
            let answers = concurrently(&adapter, 200, |n, adapter| {
                let (name, expected) = (name.clone(), mixed(n, version));
                async move {
                    let commit = one(&name, expected, events(1 + n % 3));
                    let ids = commit.appends[0].events.iter().map(|event| event.id).collect();
                    let answer = adapter.commit(&commit).await.map(|appended| appended[0]);
                    (expected, ids, answer)
                }
            })
            .await;
            version = assert_serial(version, &answers);
            let created = answers.iter().any(|(_, _, answer)| {
                answer.as_ref().is_ok_and(|appended| appended.stream_version.get() == version)
            });
            assert!(created, "lanes {lanes}, round {round}");
        }
        let rows = format!(
            "SELECT count(*) FROM event_store.events e JOIN event_store.streams s USING (tenant_key, stream_key) \
             WHERE s.stream_id = '{name}' AND s.version = {version}"
        );
        let mut connection = database.connection().await;
        assert_eq!(pg::number(&mut connection, &rows).await, i64::try_from(version).unwrap());
        adapter.close().await;
    }
}

/// Locks a stream, so that the appends to it queue up in the given order, and unlocks it.
async fn queued(
    database: &pg::Database<'_>,
    adapter: &PgAdapter,
    commits: &[Commit],
) -> Vec<Result<Appended>> {
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    let work = join_all(commits.iter().map(|commit| adapter.commit(commit)));
    let unlock = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        pg::run(&mut holder, "ROLLBACK").await;
    };
    let (answers, ()) = tokio::join!(work, unlock);
    answers.into_iter().map(|answer| answer.map(|appended| appended[0])).collect()
}

#[tokio::test]
async fn a_refused_append_in_the_middle_of_a_group_takes_no_other_down() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    let known = one("hot", exact(0), events(1));
    adapter.commit(&known).await.unwrap();
    let limited = Commit { stream_limit: Some(5), ..one("hot", exact(5), events(1)) };
    let commits = [
        one("hot", ExpectedVersion::Any, events(1)),
        one("hot", exact(2), events(2)),
        one("hot", exact(2), events(1)),
        one("hot", ExpectedVersion::Any, events(1)),
        one("hot", ExpectedVersion::NoStream, events(1)),
        limited,
        known,
        one("hot", exact(5), events(1)),
        one("hot", ExpectedVersion::StreamExists, events(1)),
    ];
    let answers = queued(&database, &adapter, &commits).await;
    let shown: Vec<String> = answers
        .iter()
        .map(|answer| match answer {
            Ok(appended) => format!("{:?} {}", appended.outcome, appended.stream_version.get()),
            Err(Error::WrongExpectedVersion { actual, .. }) => format!("not {}", actual.get()),
            Err(error) => error.code().to_owned(),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Stored 2",
            "Stored 4",
            "not 4",
            "Stored 5",
            "not 5",
            "stream_limit_reached",
            "AlreadyStored 1",
            "Stored 6",
            "Stored 7"
        ]
    );
    assert_eq!(versions(&page(&adapter, "hot").await.unwrap()), [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn an_id_that_is_twice_in_a_group_is_stored_once() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    adapter.commit(&one("hot", exact(0), events(1))).await.unwrap();
    let (twice, shared) = (one("hot", ExpectedVersion::Any, events(2)), EventId::new());
    let commits = [
        one("hot", ExpectedVersion::Any, events(1)),
        twice.clone(),
        one("hot", ExpectedVersion::Any, vec![event(shared), event(EventId::new())]),
        twice.clone(),
        one("hot", ExpectedVersion::Any, vec![event(shared)]),
        one("other", ExpectedVersion::Any, vec![event(shared)]),
        one("hot", ExpectedVersion::Any, vec![event(EventId::new()), event(shared)]),
        one("hot", ExpectedVersion::Any, events(1)),
    ];
    let answers = queued(&database, &adapter, &commits).await;
    let codes: Vec<_> =
        answers.iter().map(|it| it.as_ref().map_or_else(Error::code, |_| "")).collect();
    assert_eq!(codes[6], "event_id_conflict", "{answers:?}");
    let [first, again] = [1, 3].map(|n| answers[n].as_ref().unwrap());
    assert_eq!((first.stream_version, first.position), (again.stream_version, again.position));
    assert_eq!([first, again].iter().filter(|it| it.outcome == Outcome::Stored).count(), 1);
    assert!(codes[7].is_empty(), "{answers:?}");
    let log = after(&adapter, 0).await;
    let stored = ids(&log);
    assert_eq!(stored.iter().filter(|id| **id == shared).count(), 1);
    assert_eq!(stored.len(), stored.iter().collect::<BTreeSet<_>>().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_a_group_is_stored_in_several() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 2).await;
    for (name, requests, size, bytes) in
        [("many", 200, 60, 1), ("wide", 60, 1, 100_000), ("both", 700, 2, 3_000)]
    {
        let text = "x".repeat(bytes);
        let data =
            serde_json::value::RawValue::from_string(format!(r#"{{"text":"{text}"}}"#)).unwrap();
        let answers = concurrently(&adapter, requests, |_, adapter| {
            let mut commit = one(name, ExpectedVersion::Any, events(size));
            commit.appends[0].events.iter_mut().for_each(|event| event.data = data.clone());
            async move {
                let ids = commit.appends[0].events.iter().map(|event| event.id).collect();
                (ExpectedVersion::Any, ids, adapter.commit(&commit).await.map(|it| it[0]))
            }
        })
        .await;
        assert_eq!(assert_serial(0, &answers), (requests * size) as u64, "{name}");
        assert!(answers.iter().all(|(_, _, answer)| answer.is_ok()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_to_an_archived_stream_is_refused_by_its_state() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    adapter.commit(&one("hot", exact(0), events(1))).await.unwrap();
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    store.archive_stream(&stream("hot"), exact(1)).await.unwrap();
    let answers = concurrently(&adapter, 40, |n, adapter| async move {
        adapter.commit(&one("hot", mixed(n, 1), events(1))).await
    })
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap_err().code(), "stream_archived");
    }
    assert_eq!(page(&adapter, "hot").await.unwrap().len(), 1);
}
