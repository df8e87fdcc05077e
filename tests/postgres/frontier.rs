//! Reading all events in order: an append that commits late is neither missed nor read after later positions.
//!
//! The frontier is the position up to which no append is in flight any more; readers stop there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_core::adapter::{Adapter, TenantView};
use event_core::{AllOptions, BatchSize, EventId, EventStore, ExpectedVersion, Position};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::{after, append, commit, events, ids, one, pg};

/// Appends one event in the transaction of a connection, which the test can leave open.
pub(crate) async fn slow_append(connection: &mut PgConnection, stream: &str, id: EventId) {
    let sql = "SELECT status FROM event_store.append_one('default', $1, 'slow', -1, NULL, false, ARRAY[$2], ARRAY['noted'], ARRAY[1], \
               ARRAY['{}'], ARRAY['{}'])";
    let query = sqlx::query(sql).bind(stream.to_owned()).bind(id.as_uuid());
    assert_eq!(query.fetch_one(connection).await.unwrap().get::<&str, _>(0), "stored");
}

#[tokio::test]
async fn events_after_an_open_append_are_read_once_it_ended() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    assert_eq!(after(&adapter, 0).await.len(), 1);

    let (mut slow, late) = (database.connection().await, EventId::new());
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-1", late).await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(2))).await.unwrap();

    let start = Instant::now();
    assert_eq!(
        after(&adapter, 1).await.len(),
        0,
        "two are committed, but an append before them is in flight"
    );
    assert!(
        start.elapsed() >= Duration::from_millis(95),
        "the reader waits a while for the open append"
    );
    assert!(start.elapsed() < Duration::from_secs(3), "but not indefinitely");

    pg::run(&mut slow, "COMMIT").await;
    let found = after(&adapter, 1).await;
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].event_id(), late, "the late commit comes first");
}

#[tokio::test]
async fn readers_skip_the_gap_of_a_rolled_back_append() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    // A tenant that an open transaction creates would block the other appends.
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut slow = database.connection().await;
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-1", EventId::new()).await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(2))).await.unwrap();
    assert_eq!(after(&adapter, 0).await.len(), 1);
    pg::run(&mut slow, "ROLLBACK").await;
    let found = after(&adapter, 0).await;
    assert_eq!(found.iter().map(|event| event.position().get()).collect::<Vec<_>>(), [1, 3, 4]);
}

#[tokio::test]
async fn unrelated_transactions_do_not_block_readers() {
    let (database, other) = (pg::shared().database().await, pg::shared().database().await);
    let adapter = database.adapter().await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    let (mut slow, mut unrelated) = (database.connection().await, other.connection().await);
    pg::run(&mut unrelated, "BEGIN; CREATE TABLE busy ()").await;
    pg::run(&mut slow, "BEGIN; CREATE TABLE busy (); SAVEPOINT here").await;
    slow_append(&mut slow, "slow-1", EventId::new()).await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    assert_eq!(after(&adapter, 0).await.len(), 1, "the append is in flight");
    pg::run(&mut slow, "ROLLBACK TO here").await;
    for reader in [adapter, database.adapter().await] {
        assert_eq!(after(&reader, 0).await.len(), 2, "both transactions are still open");
    }
}

#[tokio::test]
async fn readers_wait_for_a_prepared_append() {
    let cluster = pg::Cluster::start_with(pg::Fsync::Off, "-c max_prepared_transactions=4");
    let database = cluster.database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    let (mut slow, late) = (database.connection().await, EventId::new());
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-1", late).await;
    pg::run(&mut slow, "PREPARE TRANSACTION 'later'").await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    assert_eq!(after(&adapter, 0).await.len(), 1);
    pg::run(&mut slow, "COMMIT PREPARED 'later'").await;
    assert_eq!(after(&adapter, 0).await[1].event_id(), late);
}

#[tokio::test]
async fn a_reader_that_starts_late_reads_the_same_log() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut slow = database.connection().await;
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-1", EventId::new()).await;
    pg::run(&mut slow, "ROLLBACK; BEGIN").await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(5))).await.unwrap();
    let late = EventId::new();
    slow_append(&mut slow, "slow-1", late).await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(5))).await.unwrap();

    let fresh = database.adapter().await;
    assert_eq!(after(&fresh, 0).await.len(), 1, "the gap at 2 may still be an append in flight");
    pg::run(&mut slow, "COMMIT").await;
    let all = after(&fresh, 0).await;
    assert_eq!(all.len(), 12);
    assert_eq!(all[6].event_id(), late);
    assert_eq!(ids(&after(&adapter, 0).await), ids(&all));
    assert_eq!(ids(&after(&database.adapter().await, 7).await), ids(&all[6..]));
}

/// Beside slow transactions and rollbacks, a reader that polls `position > last` misses events and `read_all` misses none.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_naive_reader_misses_events_and_read_all_does_not() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.options().pool_size(16).connect().await.unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let until = Instant::now() + Duration::from_secs(3);
    let mut writers = Vec::new();
    for writer in 0..8_u64 {
        let adapter = Arc::clone(&adapter);
        writers.push(tokio::spawn(async move {
            let random = fastrand::Rng::with_seed;
            let mut random = random(writer);
            while Instant::now() < until {
                let name = |n: u8| format!("hot-{n}");
                let first = random.u8(0..4);
                let appends = [
                    append(&name(first), ExpectedVersion::Any, events(1)),
                    append(&name(first + 4), ExpectedVersion::Any, events(2)),
                ];
                adapter.commit(&commit(appends)).await.unwrap();
                let single = name(random.u8(0..8));
                adapter.commit(&one(&single, ExpectedVersion::Any, events(1))).await.unwrap();
            }
        }));
    }
    for writer in 0..6_u64 {
        let mut connection = database.connection().await;
        writers.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(100 + writer);
            while Instant::now() < until {
                pg::run(&mut connection, "BEGIN").await;
                slow_append(&mut connection, &format!("slow-{writer}"), EventId::new()).await;
                tokio::time::sleep(Duration::from_millis(random.u64(1..15))).await;
                slow_append(&mut connection, &format!("slow-{writer}"), EventId::new()).await;
                pg::run(&mut connection, if random.u8(0..10) < 3 { "ROLLBACK" } else { "COMMIT" })
                    .await;
            }
        }));
    }
    let ends = Arc::clone(&done);
    let mut connection = database.connection().await;
    let naive = tokio::spawn(async move {
        let (mut last, mut seen) = (0_i64, BTreeSet::new());
        while !ends.load(Ordering::SeqCst) {
            let sql = "SELECT position FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 500";
            for row in sqlx::query(sql).bind(last).fetch_all(&mut connection).await.unwrap() {
                last = row.get(0);
                seen.insert(last);
            }
        }
        seen.len()
    });
    let (reader, ends) = (database.adapter().await, Arc::clone(&done));
    let ordered = tokio::spawn(async move {
        let (mut last, mut seen) = (0, Vec::new());
        loop {
            let ending = ends.load(Ordering::SeqCst);
            let page = after(&reader, last).await;
            if page.is_empty() && ending {
                return seen;
            }
            last = page.last().map_or(last, |event| event.position().get());
            seen.extend(page);
        }
    });
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let (naive, ordered) = (naive.await.unwrap(), ordered.await.unwrap());

    let mut connection = database.connection().await;
    let sql = "SELECT event_id FROM event_store.events ORDER BY position";
    let stored: Vec<EventId> = sqlx::query_scalar::<_, uuid::Uuid>(AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .unwrap()
        .into_iter()
        .map(EventId::from_uuid)
        .collect();
    println!("stored {}, read_all {}, naive reader {naive}", stored.len(), ordered.len());
    assert!(stored.len() > 500, "enough events to miss some of them");
    assert_eq!(ids(&ordered), stored, "everything, once, in order");
    assert!(ordered.is_sorted_by_key(event_core::RecordedEvent::position));
    assert!(naive < stored.len(), "the naive reader must miss some, or the test proves nothing");
}

#[tokio::test]
async fn filtered_reads_stop_at_the_same_frontier() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut slow = database.connection().await;
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow-1", EventId::new()).await;
    adapter.commit(&one("s-1", ExpectedVersion::Any, events(1))).await.unwrap();
    let category = AllOptions::new().category("s").after(Position::START);
    assert_eq!(adapter.read_all(&TenantView::All, &category).await.unwrap().len(), 1);
    pg::run(&mut slow, "COMMIT").await;
    assert_eq!(adapter.read_all(&TenantView::All, &category).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_filtered_page_is_full_while_more_events_match_beside_unrelated_work() {
    let database = pg::shared().database().await;
    let writer = database.adapter().await;
    for n in 0..40 {
        let name = if n % 10 == 0 { "note-1" } else { "else-1" };
        writer.commit(&one(name, ExpectedVersion::Any, events(10))).await.unwrap();
    }
    // An unrelated open transaction: transaction ids alone do not show that the gaps before it are final.
    let mut other = database.connection().await;
    pg::run(&mut other, "BEGIN; CREATE TABLE elsewhere (x int)").await;
    let reader = database.adapter().await;
    let notes = AllOptions::new().category("note").limit(BatchSize::new(15).unwrap());
    let page = reader.read_all(&TenantView::All, &notes).await.unwrap();
    assert_eq!(page.len(), 15, "a page that is not full is the last one");
    let store = EventStore::new(reader).unwrap();
    let mut log = store.all_events(notes);
    let mut read = 0;
    while let Some(event) = log.next().await {
        event.unwrap();
        read += 1;
    }
    assert_eq!(read, 40);
    pg::run(&mut other, "ROLLBACK").await;
}

/// The position up to which a frontier is kept, or -1.
const KEPT: &str = "SELECT coalesce((SELECT position FROM event_store.kept_frontier), -1)";

/// Positions that were rolled back, and events after them that a process has proved: a writer that begins later holds up
/// no process that starts while it is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_starts_beside_an_open_writer_reads_what_was_proved() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let mut direct = database.connection().await;
    adapter.commit(&one("a-1", ExpectedVersion::Any, events(10))).await.unwrap();
    pg::run(&mut direct, "SELECT nextval('event_store.position_seq')").await;
    adapter.commit(&one("a-2", ExpectedVersion::Any, events(500))).await.unwrap();
    while pg::number(&mut direct, KEPT).await < 511 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let mut transaction = direct.begin().await.unwrap();
    adapter
        .append_in(&mut transaction, &one("w-1", ExpectedVersion::Any, events(1)))
        .await
        .unwrap();
    let late = adapter.commit(&one("a-3", ExpectedVersion::Any, events(5))).await.unwrap();
    let fresh = database.adapter().await;
    assert_eq!(after(&fresh, 0).await.len(), 510, "the five after the writer wait for it");
    let stall = fresh.health().await.unwrap().stall.expect("what waits is reported");
    assert_eq!(stall.after.get(), 511);
    transaction.commit().await.unwrap();
    assert_eq!(after(&fresh, 0).await.len(), 516);
    assert_eq!(late[0].position.get(), 517);
}

/// What is kept is believed for the log that it was proved on only.
#[tokio::test]
async fn a_kept_frontier_of_another_log_is_not_believed() {
    let database = pg::shared().database().await;
    let quiet = || database.options().notify(false).connect();
    let adapter = quiet().await.unwrap();
    let mut direct = database.connection().await;
    adapter.commit(&one("a-1", ExpectedVersion::Any, events(10))).await.unwrap();
    let keep = |server: &str, event: &str, position: i64| {
        format!(
            "INSERT INTO event_store.kept_frontier (server, position, event_position, event_id) VALUES ({server}, {position}, \
             {position}, {event}) ON CONFLICT (is_only) DO UPDATE SET server = excluded.server, position = excluded.position, \
             event_position = excluded.position, event_id = excluded.event_id"
        )
    };
    let stored = "(SELECT event_id FROM event_store.events WHERE position = 10)";
    // A writer holds position 11, and 12 is there: a frontier of 12 would skip it.
    let mut writer = database.connection().await;
    let mut transaction = writer.begin().await.unwrap();
    let open = one("w-1", ExpectedVersion::Any, events(1));
    adapter.append_in(&mut transaction, &open).await.unwrap();
    adapter.commit(&one("a-2", ExpectedVersion::Any, events(1))).await.unwrap();
    let there = "(SELECT event_id FROM event_store.events WHERE position = 12)";
    for (server, event, position, readable) in [
        ("'another/1'", there, 12, 10),
        ("event_store.log_server()", stored, 12, 10),
        ("event_store.log_server()", "gen_random_uuid()", 1_000, 10),
        ("event_store.log_server()", stored, 10, 10),
    ] {
        pg::run(&mut direct, &keep(server, event, position)).await;
        let fresh = quiet().await.unwrap();
        assert_eq!(after(&fresh, 0).await.len(), readable, "{server} {event} {position}");
    }
    transaction.commit().await.unwrap();
    let fresh = quiet().await.unwrap();
    assert_eq!(after(&fresh, 0).await.len(), 12);
}
