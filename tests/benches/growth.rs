//! The costs of a growing store on PostgreSQL: appends to a small and to a large store, in alternation; WAL per append,
//! relative to a raw row; disk space per event; memory of a reader of all events.
//!
//! The large store has a million events, the small one a hundred thousand; `EVENTS_GROWTH=10000000` makes ten million (some
//! minutes, 8 GB of disk).

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use event_core::{AllOptions, BatchSize};
use sqlx::PgConnection;

use crate::comparison::{Comparison, METADATA};
use crate::memory::PeakMemory;

#[path = "support/comparison.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod comparison;
#[path = "support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "support/memory.rs"]
mod memory;
#[path = "../support/pg.rs"]
mod pg;

/// Size of an event's data in bytes.
const DATA: usize = 333;

const INSERT: &str = "INSERT INTO raw_events (stream_key, version, event_id, tenant_key, category_key, schema_version, event_type, data, metadata) \
                      VALUES ($1, $2, $3, 1, 1, 2, 'bench.guess', $4::text::json, $5::text::json)";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let short = std::env::args().any(|argument| argument == "--test");
    let grown: usize = std::env::var("EVENTS_GROWTH")
        .map_or(if short { 20_000 } else { 1_000_000 }, |events| events.parse().unwrap());
    let small = if short { 10_000 } else { 100_000 };
    let settings = "-c shared_buffers=512MB -c max_wal_size=8GB -c checkpoint_timeout=1h";
    let cluster = pg::Cluster::start_with(pg::Fsync::On, settings);
    let (few, many) = (cluster.database().await, cluster.database().await);
    let [few_store, mut many_store] = [
        Comparison::new(few.adapter().await, short),
        Comparison::new(many.options().connect().await.unwrap(), short),
    ];
    many_store.data = padded(&many_store.data);
    let (mut admin_few, mut admin) = (few.connection().await, many.connection().await);
    few_store.fill(small).await;
    many_store.fill(grown).await;
    pg::run(&mut admin_few, "VACUUM ANALYZE").await;
    pg::run(&mut admin, "VACUUM ANALYZE").await;
    pg::run(&mut admin, "CHECKPOINT").await;

    println!(
        "append of 1 event with {grown} stored events, relative to {small} (cost; limit 1.15, target 1.0):"
    );
    few_store.print_header("rate with few stored events (raw) and with many (ours)");
    few_store
        .compare("1 event, 1 task", " | ", || few_store.ours(1, 1), || many_store.ours(1, 1))
        .await;
    few_store
        .compare("1 event, 64 tasks", " | ", || few_store.ours(64, 1), || many_store.ours(64, 1))
        .await;
    disk(&mut admin).await;
    wal(&mut admin, &many_store, if short { 100 } else { 5_000 }).await;
    memory_of_a_reader(&many_store).await;
}

/// The payload, extended to the size for which the limits are set.
fn padded(data: &str) -> String {
    let rest = DATA - data.len() - r#","note":"""#.len();
    format!("{},\"note\":\"{}\"}}", data.trim_end_matches('}'), "x".repeat(rest))
}

/// Prints the disk space per event.
async fn disk(admin: &mut PgConnection) {
    let events = pg::number(admin, "SELECT count(*) FROM event_store.events").await;
    let bytes = pg::number(
        admin,
        "SELECT (pg_total_relation_size('event_store.events') + pg_total_relation_size('event_store.streams'))::bigint",
    )
    .await;
    println!(
        "disk: {:.0} bytes per event of {DATA} + {} bytes, indexes and streams included (limit 820)",
        bytes as f64 / events as f64,
        METADATA.len()
    );
}

/// Prints the WAL bytes of an append of one event and of a raw insert, both measured after a checkpoint and a warm-up.
async fn wal(admin: &mut PgConnection, comparison: &Comparison, calls: u64) {
    pg::run(admin, "CREATE TABLE raw_events (LIKE event_store.events INCLUDING ALL)").await;
    pg::run(
        admin,
        "INSERT INTO raw_events SELECT * FROM event_store.events ORDER BY position LIMIT 200000",
    )
    .await;
    pg::run(admin, "VACUUM ANALYZE raw_events").await;
    pg::run(admin, "CHECKPOINT").await;
    let mut raw = 0.0;
    let mut ours = 0.0;
    for round in 0..2 {
        // The first round warms up: pages touched first after a checkpoint are written to the WAL as a whole.
        let start = lsn(admin).await;
        for call in 0..calls.cast_signed() {
            sqlx::query(INSERT)
                .bind(i64::MAX - round)
                .bind(call + 1)
                .bind(sqlx::types::Uuid::now_v7())
                .bind(&comparison.data)
                .bind(METADATA)
                .execute(&mut *admin)
                .await
                .unwrap();
        }
        let middle = lsn(admin).await;
        comparison.append_singly(calls).await;
        raw = (middle - start) as f64 / calls as f64;
        ours = (lsn(admin).await - middle) as f64 / calls as f64;
    }
    println!(
        "WAL: {ours:.0} bytes per append of 1 event, {raw:.0} per raw insert: {:.2} (limit 1.6, target 1.3)",
        ours / raw
    );
}

async fn lsn(admin: &mut PgConnection) -> i64 {
    pg::number(admin, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").await
}

/// Prints by how much the memory of the process grows while it reads all events.
async fn memory_of_a_reader(comparison: &Comparison) {
    let memory = PeakMemory::start();
    for page in [BatchSize::default(), BatchSize::MAX] {
        let mut events = comparison.store.all_events(AllOptions::new().limit(page));
        let mut count = 0_u64;
        while let Some(event) = events.next().await {
            std::hint::black_box(event.unwrap());
            count += 1;
        }
        println!("read {count} events in pages of {page}");
    }
    let (above, _) = memory.end();
    println!("memory: {above} KiB above idle at most (limit 65536)");
}
