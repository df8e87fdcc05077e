//! Reading in order beside adverse writers: hot streams, slow transactions over several streams, many of which roll
//! back, and an unrelated transaction that stays open. The log is read on the primary and on a hot standby, each time
//! beside a naive reader that takes all rows visible after its last position.
//!
//! Runs for four seconds; `EVENTS_TORTURE_SECONDS` sets another duration.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event_core::adapter::{Adapter, TenantView};
use event_core::{AllOptions, EventId, ExpectedVersion, Position, RecordedEvent};
use event_postgres::PgAdapter;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{append, commit, event, events, one, pg};

const SINGLE: usize = 12;
const SLOW: usize = 8;
const DOUBLE: usize = 4;
const HOT: usize = 6;

/// Ids of the acknowledged commits of all writers.
type Committed = Arc<Mutex<HashSet<EventId>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_misses_an_event_or_sees_one_out_of_order() {
    let cluster = pg::Cluster::start(pg::Fsync::Off);
    let database = cluster.database().await;
    let adapter = Arc::new(database.adapter().await);
    for n in 0..HOT {
        adapter.commit(&one(&format!("hot-{n}"), ExpectedVersion::Any, events(1))).await.unwrap();
    }
    let standby = cluster.standby();
    let standby_url = standby.url_of(&database);
    let committed: Committed = Committed::default();
    let (stop, settled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));

    let mut readers = Vec::new();
    for (server, url) in [("primary", database.url.clone()), ("standby", standby_url)] {
        let ordered = PgAdapter::connect(&url).await.unwrap();
        let ordered = tokio::spawn(read_in_order(ordered, Arc::clone(&settled)));
        let naive = pg::connect(&url).await;
        let naive = tokio::spawn(read_naively(naive, Arc::clone(&settled)));
        readers.push((server, ordered, naive));
    }
    let mut writers = Vec::new();
    for n in 0..SINGLE + DOUBLE {
        let (adapter, committed, stop) =
            (Arc::clone(&adapter), Arc::clone(&committed), Arc::clone(&stop));
        writers.push(tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                if n < SINGLE {
                    append_one(&adapter, &committed).await;
                } else {
                    append_two(&adapter, &committed).await;
                }
            }
            0
        }));
    }
    for _ in 0..SLOW {
        let (connection, committed, stop) =
            (database.connection().await, Arc::clone(&committed), Arc::clone(&stop));
        writers.push(tokio::spawn(append_slowly(connection, committed, stop)));
    }
    let unrelated = tokio::spawn(hold_transactions(database.connection().await, Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_secs(seconds())).await;
    stop.store(true, Ordering::SeqCst);
    let mut rolled_back = 0;
    for writer in writers {
        rolled_back += writer.await.unwrap();
    }
    unrelated.await.unwrap();
    // The last event: a reader that has read it has read all.
    let last = EventId::new();
    adapter.commit(&one("end-1", ExpectedVersion::Any, vec![event(last)])).await.unwrap();
    settled.store(true, Ordering::SeqCst);

    let committed = committed.lock().unwrap().clone();
    println!("{} events committed, {rolled_back} transactions rolled back", committed.len());
    assert!(rolled_back > 0);
    for (server, ordered, naive) in readers {
        let (seen, naive) = (ordered.await.unwrap(), naive.await.unwrap());
        let ids: HashSet<EventId> = seen.iter().map(|(id, ..)| *id).collect();
        let missed = committed.difference(&ids).count();
        let reordered = reordered(&seen);
        let overlooked = committed.difference(&naive).count();
        println!(
            "{server}: missed {missed}, out of order {reordered}; a naive reader missed {overlooked}"
        );
        assert_eq!((missed, reordered), (0, 0), "{server}");
        assert_eq!(ids.len(), seen.len(), "{server}: no event twice");
        if server == "primary" {
            assert!(overlooked > 0, "the load was too low to make the naive reader miss events");
        }
    }
}

fn seconds() -> u64 {
    std::env::var("EVENTS_TORTURE_SECONDS")
        .map_or(4, |seconds| seconds.parse().expect("whole seconds"))
}

fn hot() -> String {
    format!("hot-{}", fastrand::usize(..HOT))
}

/// Appends one to three events to a hot stream through the adapter.
async fn append_one(adapter: &PgAdapter, committed: &Committed) {
    let claim = *fastrand::choice(&[ExpectedVersion::Any, ExpectedVersion::StreamExists]).unwrap();
    let events = events(fastrand::usize(1..4));
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    adapter.commit(&one(&hot(), claim, events)).await.unwrap();
    committed.lock().unwrap().extend(ids);
}

/// Appends to two streams in one commit through the adapter.
async fn append_two(adapter: &PgAdapter, committed: &Committed) {
    let (a, b) = (events(2), events(1));
    let ids: Vec<_> = a.iter().chain(&b).map(|event| event.id).collect();
    let own = format!("own-{}", EventId::new());
    let both = [append(&hot(), ExpectedVersion::Any, a), append(&own, ExpectedVersion::Any, b)];
    adapter.commit(&commit(both)).await.unwrap();
    committed.lock().unwrap().extend(ids);
}

/// Runs transactions that append, pause and append again; three of ten are rolled back. Returns the number of rollbacks.
async fn append_slowly(
    mut connection: PgConnection,
    committed: Committed,
    stop: Arc<AtomicBool>,
) -> u32 {
    let mut rolled_back = 0;
    while !stop.load(Ordering::SeqCst) {
        // In a fixed order, so that the transactions do not deadlock.
        let mut streams = [fastrand::usize(..HOT), fastrand::usize(..HOT)];
        streams.sort_unstable();
        pg::run(&mut connection, "BEGIN").await;
        let mut ids = Vec::new();
        for stream in streams {
            let id = EventId::new();
            let sql = format!(
                "SELECT status FROM event_store.append_one('default', 'hot-{stream}', 'hot', -1, NULL, false, ARRAY['{id}'::uuid], ARRAY['noted'], \
                 ARRAY[1], ARRAY['{{}}'], ARRAY['{{}}'])"
            );
            let status: String =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
            assert_eq!(status, "stored");
            ids.push(id);
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
        }
        if fastrand::u8(..10) < 3 {
            pg::run(&mut connection, "ROLLBACK").await;
            rolled_back += 1;
        } else {
            pg::run(&mut connection, "COMMIT").await;
            committed.lock().unwrap().extend(ids);
        }
    }
    rolled_back
}

/// Keeps an unrelated writing transaction open for a second at a time.
async fn hold_transactions(mut connection: PgConnection, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        pg::run(&mut connection, "BEGIN; CREATE TABLE unrelated ()").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        pg::run(&mut connection, "ROLLBACK").await;
    }
}

/// The events that a reader saw, in its order: id, stream, version and position.
type Seen = Vec<(EventId, String, u64, u64)>;

/// Reads through the adapter until it has read the last event.
async fn read_in_order(adapter: PgAdapter, settled: Arc<AtomicBool>) -> Seen {
    let (mut seen, mut after, mut waiting_since) = (Seen::new(), Position::new(0), None);
    loop {
        let done = settled.load(Ordering::SeqCst);
        let page =
            adapter.read_all(&TenantView::All, &AllOptions::new().after(after)).await.unwrap();
        after = page.last().map_or(after, RecordedEvent::position);
        seen.extend(page.iter().map(|event| {
            let stream = event.stream_id().as_str().to_owned();
            (event.event_id(), stream, event.stream_version().get(), event.position().get())
        }));
        if seen.last().is_some_and(|(_, stream, ..)| stream == "end-1") {
            return seen;
        }
        if done {
            let started = *waiting_since.get_or_insert_with(Instant::now);
            assert!(started.elapsed() < Duration::from_mins(1), "the last event was not read");
        }
        if page.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Reads all rows visible after its last position, as a reader without a frontier does.
async fn read_naively(mut connection: PgConnection, settled: Arc<AtomicBool>) -> HashSet<EventId> {
    let (mut seen, mut after, mut idle) = (HashSet::new(), 0_i64, 0);
    while idle < 100 {
        let done = settled.load(Ordering::SeqCst);
        let rows: Vec<(i64, sqlx::types::Uuid)> = sqlx::query_as(
            "SELECT position, event_id FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 1000",
        )
        .bind(after)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        after = rows.last().map_or(after, |row| row.0);
        idle = if done && rows.is_empty() { idle + 1 } else { 0 };
        if rows.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        seen.extend(rows.into_iter().map(|(_, id)| EventId::from_uuid(id)));
    }
    seen
}

/// Counts events whose position is not the highest so far, or whose version is not the next of their stream.
fn reordered(seen: &Seen) -> usize {
    let (mut highest, mut versions, mut wrong) = (0, BTreeMap::<&str, u64>::new(), 0);
    for (_, stream, version, position) in seen {
        let before = versions.insert(stream, *version).unwrap_or_default();
        if *position <= highest || *version != before + 1 {
            wrong += 1;
        }
        highest = highest.max(*position);
    }
    wrong
}
