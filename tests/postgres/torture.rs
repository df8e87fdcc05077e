//! The order that no reader misses, under the worst of writers: hot streams, slow transactions over several streams of
//! which many roll back, and a writer that has nothing to do with it and stays open. Read on the primary and on a hot
//! standby, each beside a reader that takes whatever is visible after its last position.
//!
//! Four seconds of it; `EVENTS_TORTURE_SECONDS` for more.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event_core::adapter::{Adapter, TenantView};
use event_core::{AllOptions, EventId, ExpectedVersion, Position, RecordedEvent};
use event_postgres::PgAdapter;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{append, commit, event, events, one, pg};

const FAST: usize = 12;
const SLOW: usize = 8;
const MANY: usize = 4;
const HOT: usize = 6;

/// Ids that are committed for certain, by everybody.
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
    let (over, settled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));

    let mut readers = Vec::new();
    for (place, url) in [("primary", database.url.clone()), ("standby", standby_url)] {
        let careful = PgAdapter::connect(&url).await.unwrap();
        let careful = tokio::spawn(read_behind_the_frontier(careful, Arc::clone(&settled)));
        let naive = pg::connect(&url).await;
        let naive = tokio::spawn(read_whatever_is_there(naive, Arc::clone(&settled)));
        readers.push((place, careful, naive));
    }
    let mut writers = Vec::new();
    for n in 0..FAST + MANY {
        let (adapter, committed, over) =
            (Arc::clone(&adapter), Arc::clone(&committed), Arc::clone(&over));
        writers.push(tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                if n < FAST {
                    fast(&adapter, &committed).await;
                } else {
                    many(&adapter, &committed).await;
                }
            }
            0
        }));
    }
    for _ in 0..SLOW {
        let (connection, committed, over) =
            (database.connection().await, Arc::clone(&committed), Arc::clone(&over));
        writers.push(tokio::spawn(slow(connection, committed, over)));
    }
    let unrelated = tokio::spawn(stay_open(database.connection().await, Arc::clone(&over)));
    tokio::time::sleep(Duration::from_secs(seconds())).await;
    over.store(true, Ordering::SeqCst);
    let mut rolled_back = 0;
    for writer in writers {
        rolled_back += writer.await.unwrap();
    }
    unrelated.await.unwrap();
    // One more, which tells the readers that they have seen all.
    let last = EventId::new();
    adapter.commit(&one("end-1", ExpectedVersion::Any, vec![event(last)])).await.unwrap();
    settled.store(true, Ordering::SeqCst);

    let committed = committed.lock().unwrap().clone();
    println!("{} events committed, {rolled_back} transactions rolled back", committed.len());
    assert!(rolled_back > 0);
    for (place, careful, naive) in readers {
        let (seen, naive) = (careful.await.unwrap(), naive.await.unwrap());
        let ids: HashSet<EventId> = seen.iter().map(|(id, ..)| *id).collect();
        let missed = committed.difference(&ids).count();
        let reordered = reordered(&seen);
        let overlooked = committed.difference(&naive).count();
        println!(
            "{place}: missed {missed}, out of order {reordered}; a naive reader missed {overlooked}"
        );
        assert_eq!((missed, reordered), (0, 0), "{place}");
        assert_eq!(ids.len(), seen.len(), "{place}: nothing twice");
        if place == "primary" {
            assert!(overlooked > 0, "the run was not hard enough to tell the readers apart");
        }
    }
}

fn seconds() -> u64 {
    std::env::var("EVENTS_TORTURE_SECONDS").map_or(4, |said| said.parse().expect("whole seconds"))
}

fn hot() -> String {
    format!("hot-{}", fastrand::usize(..HOT))
}

/// One or a few events to a hot stream, through the adapter.
async fn fast(adapter: &PgAdapter, committed: &Committed) {
    let claim = *fastrand::choice(&[ExpectedVersion::Any, ExpectedVersion::StreamExists]).unwrap();
    let events = events(fastrand::usize(1..4));
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    adapter.commit(&one(&hot(), claim, events)).await.unwrap();
    committed.lock().unwrap().extend(ids);
}

/// Two streams at once, through the adapter.
async fn many(adapter: &PgAdapter, committed: &Committed) {
    let (a, b) = (events(2), events(1));
    let ids: Vec<_> = a.iter().chain(&b).map(|event| event.id).collect();
    let own = format!("own-{}", EventId::new());
    let both = [append(&hot(), ExpectedVersion::Any, a), append(&own, ExpectedVersion::Any, b)];
    adapter.commit(&commit(both)).await.unwrap();
    committed.lock().unwrap().extend(ids);
}

/// Transactions that append, dawdle, and append again; three of ten are rolled back. How many of them.
async fn slow(mut connection: PgConnection, committed: Committed, over: Arc<AtomicBool>) -> u32 {
    let mut rolled_back = 0;
    while !over.load(Ordering::SeqCst) {
        // In one order, so that the transactions do not wait for one another in a circle.
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

/// Writes something of its own and stays open for a second at a time.
async fn stay_open(mut connection: PgConnection, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        pg::run(&mut connection, "BEGIN; CREATE TABLE unrelated ()").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        pg::run(&mut connection, "ROLLBACK").await;
    }
}

/// What a reader saw: the id, stream, version and position of each event, in its order.
type Seen = Vec<(EventId, String, u64, u64)>;

/// Reads through the adapter until it has seen what came last.
async fn read_behind_the_frontier(adapter: PgAdapter, settled: Arc<AtomicBool>) -> Seen {
    let (mut seen, mut after, mut patience) = (Seen::new(), Position::new(0), None);
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
            let started = *patience.get_or_insert_with(Instant::now);
            assert!(started.elapsed() < Duration::from_mins(1), "the last event never came");
        }
        if page.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Reads what is visible after the last position it saw, as a reader without a frontier does.
async fn read_whatever_is_there(
    mut connection: PgConnection,
    settled: Arc<AtomicBool>,
) -> HashSet<EventId> {
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

/// Events that do not come after all before them, or not right after the one before in their stream.
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
