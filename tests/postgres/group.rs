//! Group append: concurrent appends share a statement, and each succeeds or fails on its own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::Adapter;
use event_core::adapter::append::Commit;
use event_core::{Error, EventId, ExpectedVersion, Outcome, Tenant};
use event_postgres::{PgAdapter, PgOptions};

use crate::proxy::Proxy;
use crate::{after, append, commit, concurrently, event, events, exact, one, page, pg, versions};

async fn adapter(database: &pg::Database<'_>, lanes: u32) -> Arc<PgAdapter> {
    let options = database.options().append_lanes(lanes);
    Arc::new(options.connect().await.unwrap())
}

/// Locks the rows of all streams, so that appends to them wait.
async fn lock_streams(database: &pg::Database<'_>) -> sqlx::PgConnection {
    let mut holder = database.connection().await;
    pg::run(&mut holder, "BEGIN; SELECT FROM event_store.streams FOR UPDATE").await;
    holder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_are_sent_in_groups() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let adapter = Arc::new(options.append_lanes(1).connect().await.unwrap());
    adapter.commit(&one("warm", ExpectedVersion::Any, events(1))).await.unwrap();
    proxy.take();
    let answers = concurrently(&adapter, 64, |n, adapter| async move {
        adapter.commit(&one(&format!("s-{n}"), exact(0), events(2))).await.unwrap()[0]
    })
    .await;
    let exchanges = proxy.take()[&'S'];
    assert!(exchanges <= 32, "{exchanges} exchanges for 64 appends");
    for answer in &answers {
        assert_eq!((answer.stream_version.get(), answer.outcome), (2, Outcome::Stored));
    }
    let positions: HashSet<_> = answers.iter().map(|answer| answer.position).collect();
    assert_eq!(positions.len(), 64);
    assert_eq!(after(&adapter, 1).await.len(), 128);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_fails_in_a_group_fails_alone_with_its_own_error() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    let taken = EventId::new();
    adapter.commit(&one("taken", exact(0), vec![event(taken)])).await.unwrap();
    adapter.commit(&one("full", exact(0), events(3))).await.unwrap();
    adapter.commit(&one("first", exact(0), events(1))).await.unwrap();
    // The lane waits for a locked row: the following appends queue up and form one group.
    let mut holder = lock_streams(&database).await;
    let work = concurrently(&adapter, 12, |n, adapter| async move {
        if n > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let request = match n {
            0 => one("first", exact(1), events(1)),
            1 => one("missing", exact(7), events(1)),
            2 => one("new-2", exact(0), vec![event(taken)]),
            3 => one("absent", ExpectedVersion::StreamExists, events(1)),
            4 => Commit { stream_limit: Some(4), ..one("full", ExpectedVersion::Any, events(2)) },
            n => one(&format!("good-{n}"), ExpectedVersion::NoStream, events(2)),
        };
        adapter.commit(&request).await
    });
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        pg::run(&mut holder, "ROLLBACK").await;
    };
    let (answers, ()) = tokio::join!(work, unlock);
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(Error::code, |_| "stored"))
        .collect();
    assert_eq!(
        codes,
        [
            "stored",
            "wrong_expected_version",
            "event_id_conflict",
            "wrong_expected_version",
            "stream_limit_reached",
            "stored",
            "stored",
            "stored",
            "stored",
            "stored",
            "stored",
            "stored"
        ]
    );
    assert!(
        matches!(&answers[1], Err(Error::WrongExpectedVersion { actual, .. }) if actual.get() == 0)
    );
    let stored = after(&adapter, 0).await;
    assert_eq!(stored.len(), 5 + 1 + 7 * 2, "nothing of the refused appends");
    assert_eq!(versions(&page(&adapter, "full").await.unwrap()), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_a_group_gets_its_own_result() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    adapter.commit(&one("first", exact(0), events(1))).await.unwrap();
    for n in 0..4 {
        adapter.commit(&one(&format!("old-{n}"), exact(0), events(2))).await.unwrap();
    }
    let mut holder = lock_streams(&database).await;
    // New, existing and missing streams and wrong versions, one to three events each, all in one group.
    let work = concurrently(&adapter, 17, |n, adapter| async move {
        if n == 0 {
            return (1, adapter.commit(&one("first", exact(1), events(1))).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (name, claim) = match n % 4 {
            0 => (format!("new-{n}"), exact(0)),
            1 => (format!("old-{}", n / 4), exact(2)),
            2 => (format!("absent-{n}"), ExpectedVersion::StreamExists),
            _ => (format!("wrong-{n}"), exact(9)),
        };
        (1 + n % 3, adapter.commit(&one(&name, claim, events(1 + n % 3))).await)
    });
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        pg::run(&mut holder, "ROLLBACK").await;
    };
    let (answers, ()) = tokio::join!(work, unlock);
    let log = after(&adapter, 0).await;
    assert_eq!(answers.iter().filter(|(_, answer)| answer.is_ok()).count(), 1 + 8);
    for (n, (size, answer)) in answers.into_iter().enumerate() {
        let Ok(appended) = answer else {
            assert!(matches!(n % 4, 2 | 3), "request {n}");
            continue;
        };
        let at = log.iter().position(|event| event.position() == appended[0].position).unwrap();
        let last = &log[at];
        assert_eq!(last.stream_version(), appended[0].stream_version, "request {n}");
        let before = appended[0].stream_version.get() - size as u64;
        let expected = if n == 0 { 1 } else { [0, 2][n % 4] };
        assert_eq!(before, expected, "request {n}");
        let mut of_stream = log.iter().filter(|event| event.stream_id() == last.stream_id());
        assert_eq!(of_stream.next_back().unwrap().position(), last.position(), "request {n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_of_a_cancelled_append_is_found_by_its_ids() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = lock_streams(&database).await;
    let cancelled = one("s", exact(1), events(1));
    let call = tokio::time::timeout(Duration::from_millis(50), adapter.commit(&cancelled)).await;
    assert!(call.is_err(), "the lane waits for the row");
    pg::run(&mut holder, "ROLLBACK").await;
    // The lane completed the append; a retry with the same ids returns its result.
    let again = Commit { retry: true, ..cancelled };
    let answer = adapter.commit(&again).await.unwrap()[0];
    assert_eq!(answer.stream_version.get(), 2);
    assert_eq!(versions(&page(&adapter, "s").await.unwrap()), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_queued_appends_and_refuses_new_ones() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = lock_streams(&database).await;
    let queued = {
        let adapter = Arc::clone(&adapter);
        tokio::spawn(async move { adapter.commit(&one("s", exact(1), events(1))).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let closing = {
        let adapter = Arc::clone(&adapter);
        tokio::spawn(async move { adapter.close().await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let late = adapter.commit(&one("late", exact(0), events(1))).await.unwrap_err();
    assert!(
        late.to_string().contains("closed") || format!("{late:?}").contains("closed"),
        "{late}"
    );
    assert!(!closing.is_finished(), "an append is in flight");
    pg::run(&mut holder, "ROLLBACK").await;
    closing.await.unwrap();
    assert_eq!(queued.await.unwrap().unwrap()[0].stream_version.get(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_appends_and_writes_nothing_of_them() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 1).await;
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut holder = lock_streams(&database).await;
    let first = {
        let adapter = Arc::clone(&adapter);
        tokio::spawn(async move { adapter.commit(&one("s", exact(1), events(1))).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let work = concurrently(&adapter, 8_192 + 5, |_, adapter| async move {
        adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.map_err(|e| e.code())
    });
    let unlock = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        pg::run(&mut holder, "ROLLBACK").await;
        // Appends to one stream run one at a time: long enough to see that the queue drains.
        tokio::time::sleep(Duration::from_millis(200)).await;
        adapter.close().await;
    };
    let (answers, ()) = tokio::join!(work, unlock);
    first.await.unwrap().unwrap();
    let refused = answers.iter().filter(|answer| **answer == Err("overloaded")).count();
    assert_eq!(refused, 5);
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    let mut connection = database.connection().await;
    let rows = pg::number(&mut connection, "SELECT count(*) FROM event_store.events").await;
    assert_eq!(rows, i64::try_from(stored).unwrap() + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_and_hot_streams_share_groups() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database, 4).await;
    let answers = concurrently(&adapter, 200, |n, adapter| async move {
        let tenant = Tenant::new(["red", "blue", "green"][n % 3]).unwrap();
        let stream = format!("hot-{}", n % 7);
        let commit =
            Commit { tenant, ..commit([append(&stream, ExpectedVersion::Any, events(1 + n % 4))]) };
        adapter.commit(&commit).await.map(|answers| (n, answers[0]))
    })
    .await;
    assert!(answers.iter().all(Result::is_ok));
    let mut connection = database.connection().await;
    let broken = pg::number(
        &mut connection,
        "SELECT count(*) FROM (SELECT version, row_number() OVER (PARTITION BY tenant_key, stream_key ORDER BY position) AS expected \
         FROM event_store.events) e WHERE version <> expected",
    )
    .await;
    assert_eq!(broken, 0, "positions follow versions, without a gap");
    let mismatched = pg::number(
        &mut connection,
        "SELECT count(*) FROM event_store.streams s WHERE version <> (SELECT count(*) FROM event_store.events e \
         WHERE e.tenant_key = s.tenant_key AND e.stream_key = s.stream_key)",
    )
    .await;
    assert_eq!(mismatched, 0);
}

#[tokio::test]
async fn without_lanes_every_append_is_sent_alone() {
    let database = pg::shared().database().await;
    let options: PgOptions = format!("{}?append_lanes=0", database.url).parse().unwrap();
    let adapter = options.connect().await.unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
}
