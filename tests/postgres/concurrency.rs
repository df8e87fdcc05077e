//! Twenty concurrent writers on one stream, for each kind of expected version, and on several streams at once.

use std::sync::Arc;

use event_core::adapter::Adapter;
use event_core::{Appended, Error, EventId, ExpectedVersion, Outcome, Result};
use event_postgres::PgAdapter;

use crate::{
    after, append, commit, concurrently, event, events, exact, one, page, pg, stream, versions,
};

const WRITERS: usize = 20;
const CONNECTIONS: u32 = 20;

async fn adapter(database: &pg::Database<'_>) -> Arc<PgAdapter> {
    Arc::new(database.options().pool_size(CONNECTIONS).connect().await.unwrap())
}

/// Each writer appends one event with the same claim.
async fn race(adapter: &Arc<PgAdapter>, claim: ExpectedVersion) -> Vec<Result<Appended>> {
    concurrently(adapter, WRITERS, |_, adapter| async move {
        let answers = adapter.commit(&one("s", claim, events(1))).await?;
        Ok(answers[0])
    })
    .await
}

/// Asserts that one writer won and that all others got the version that it created.
fn assert_one_winner(results: Vec<Result<Appended>>, claim: ExpectedVersion, version: u64) {
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "{claim}");
    assert_eq!(won[0].as_ref().unwrap().stream_version.get(), version);
    for error in lost {
        match error.unwrap_err() {
            Error::WrongExpectedVersion { stream_id, expected, actual, .. } => {
                assert_eq!((stream_id, expected, actual.get()), (stream("s"), claim, version));
            }
            other => panic!("{claim}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_that_only_one_writer_can_meet_have_one_winner() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    for claim in [ExpectedVersion::NoStream, exact(0)] {
        let database = pg::shared().database().await;
        let adapter = self::adapter(&database).await;
        assert_one_winner(race(&adapter, claim).await, claim, 1);
        assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
    }
    adapter.commit(&one("s", ExpectedVersion::NoStream, events(3))).await.unwrap();
    for version in 3..8 {
        assert_one_winner(race(&adapter, exact(version)).await, exact(version), version + 1);
    }
    let mut connection = database.connection().await;
    let assigned =
        pg::number(&mut connection, "SELECT last_value FROM event_store.position_seq").await;
    assert_eq!(assigned, 8, "a refused append is assigned no position");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_that_every_writer_meets_all_win() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    for (round, claim) in
        [ExpectedVersion::Any, ExpectedVersion::StreamExists, ExpectedVersion::Any]
            .into_iter()
            .enumerate()
    {
        let answers: Vec<_> =
            race(&adapter, claim).await.into_iter().collect::<Result<_>>().unwrap();
        let mut numbers: Vec<_> =
            answers.iter().map(|answer| answer.stream_version.get()).collect();
        numbers.sort_unstable();
        let first = (round * WRITERS) as u64;
        assert_eq!(numbers, (first + 1..=first + WRITERS as u64).collect::<Vec<_>>(), "{claim}");
    }
    let stored = page(&adapter, "s").await.unwrap();
    assert!(
        stored.is_sorted_by_key(event_core::RecordedEvent::position),
        "positions follow versions"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stream_exists_never_creates_a_stream() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    for result in race(&adapter, ExpectedVersion::StreamExists).await {
        assert!(
            matches!(result, Err(Error::WrongExpectedVersion { actual, .. }) if actual.get() == 0)
        );
    }
    let mut connection = database.connection().await;
    for table in ["tenants", "categories", "streams", "events"] {
        let rows =
            pg::number(&mut connection, &format!("SELECT count(*) FROM event_store.{table}")).await;
        assert_eq!(rows, 0, "a refused append leaves nothing in {table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conflict_returns_the_actual_version() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    let conflicts = concurrently(&adapter, WRITERS, |_, adapter| async move {
        let (mut version, mut conflicts) = (0, 0);
        for _ in 0..5 {
            loop {
                match adapter.commit(&one("s", exact(version), events(1))).await {
                    Ok(answers) => break version = answers[0].stream_version.get(),
                    Err(Error::WrongExpectedVersion { actual, .. }) => {
                        assert!(
                            actual.get() > version,
                            "the returned version is newer than the claim"
                        );
                        (version, conflicts) = (actual.get(), conflicts + 1);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        conflicts
    })
    .await;
    assert_eq!(versions(&page(&adapter, "s").await.unwrap()), (1..=100).collect::<Vec<_>>());
    assert!(conflicts.iter().sum::<u32>() > 0, "the writers did race");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_ids_are_stored_once() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    for claim in [ExpectedVersion::Any, ExpectedVersion::NoStream, exact(0)] {
        let database = pg::shared().database().await;
        let adapter = self::adapter(&database).await;
        let batch: Vec<_> = (0..3).map(|_| EventId::new()).collect();
        let answers = concurrently(&adapter, WRITERS, |_, adapter| {
            let batch = batch.iter().map(|id| event(*id)).collect();
            async move { adapter.commit(&one("s", claim, batch)).await.unwrap()[0] }
        })
        .await;
        let stored = answers.iter().filter(|answer| answer.outcome == Outcome::Stored).count();
        assert_eq!(stored, 1, "{claim}");
        let numbers = |answer: &Appended| (answer.stream_version, answer.position);
        assert!(
            answers.iter().all(|answer| numbers(answer) == numbers(&answers[0])),
            "{answers:?}"
        );
        assert_eq!(page(&adapter, "s").await.unwrap().len(), 3);
    }
    drop(adapter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_stream_limit_holds_in_a_race() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    let results = concurrently(&adapter, WRITERS, |_, adapter| async move {
        let mut commit = one("s", ExpectedVersion::Any, events(5));
        commit.stream_limit = Some(52);
        adapter.commit(&commit).await
    })
    .await;
    let (stored, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(stored.len(), 10);
    for error in refused {
        assert!(
            matches!(error, Err(Error::StreamLimitReached { limit: 52, actual: 50, .. })),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_to_several_streams_in_any_order_never_deadlock() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    concurrently(&adapter, WRITERS, |writer, adapter| async move {
        for round in 0..10 {
            let mut names = ["a-1", "b-1", "c-1", "d-1", "e-1"];
            names.rotate_left(writer % 5);
            if round % 2 == 0 {
                names.reverse();
            }
            let appends: Vec<_> = names[..3]
                .iter()
                .map(|name| append(name, ExpectedVersion::Any, events(2)))
                .collect();
            adapter.commit(&commit(appends)).await.unwrap();
        }
    })
    .await;
    let all = after(&adapter, 0).await;
    assert_eq!(all.len(), 1000, "all events in one page");
    let mut connection = database.connection().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(pg::number(&mut connection, deadlocks).await, 0);
    let disorder = "SELECT count(*) FROM (SELECT position < lag(position) OVER (PARTITION BY stream_key ORDER BY version) AS bad \
                    FROM event_store.events) o WHERE bad";
    assert_eq!(pg::number(&mut connection, disorder).await, 0, "positions follow versions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_streams_are_all_or_nothing_in_a_race() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database).await;
    let results = concurrently(&adapter, WRITERS, |writer, adapter| async move {
        let own = format!("own-{writer}");
        let appends = [
            append(&own, ExpectedVersion::NoStream, events(1)),
            append("shared", exact(0), events(2)),
        ];
        adapter.commit(&commit(appends)).await
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in &results {
        if let Err(error) = result {
            assert!(
                matches!(error, Error::WrongExpectedVersion { stream_id, actual, .. }
                    if stream_id.as_str() == "shared" && actual.get() == 2),
                "{error:?}"
            );
        }
    }
    assert_eq!(after(&adapter, 0).await.len(), 3, "the losers' own streams were not written");
    let mut connection = database.connection().await;
    assert_eq!(pg::number(&mut connection, "SELECT count(*) FROM event_store.streams").await, 2);
}
