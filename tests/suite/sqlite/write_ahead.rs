//! The write-ahead log stays bounded, whatever readers do, and health says how long it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use event_core::ExpectedVersion::Any;
use event_core::ReadOptions;
use event_testing::Noted;
use sqlx::SqliteConnection;

use super::{new_file, open_store, plain_connection, run, stream};

async fn begin_read(connection: &mut SqliteConnection) {
    run(connection, "BEGIN; SELECT count(*) FROM streams").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_is_bounded_though_reads_always_overlap() {
    const WRITTEN: u64 = 40 << 20;
    let path = new_file();
    let store = open_store(&path).await;
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    // Another program, two of whose reads are open at any time.
    let other = tokio::spawn({
        let (stop, path) = (Arc::clone(&stop), path.clone());
        async move {
            let mut connections = [plain_connection(&path).await, plain_connection(&path).await];
            begin_read(&mut connections[0]).await;
            let mut reads = 0_u64;
            while !stop.load(Relaxed) {
                begin_read(&mut connections[1]).await;
                run(&mut connections[0], "COMMIT").await;
                connections.swap(0, 1);
                reads += 1;
            }
            reads
        }
    });
    let own: Vec<_> = (0..3)
        .map(|_| {
            let (stop, store) = (Arc::clone(&stop), store.clone());
            tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    store.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap();
                }
            })
        })
        .collect();
    let (mut written, mut longest) = (0, 0);
    let text = "x".repeat(40_000);
    while written < WRITTEN {
        store.append(&stream("big"), Any, [Noted::new(&text)]).await.unwrap();
        written += text.len() as u64;
        longest = longest.max(path.with_extension("db-wal").metadata().unwrap().len());
    }
    stop.store(true, Relaxed);
    for reader in own {
        reader.await.unwrap();
    }
    println!("{} reads of another program, log of {longest} bytes", other.await.unwrap());
    assert!(longest < 24 << 20, "the log grew to {longest} bytes");
    let health = store.health().await.unwrap();
    let bytes = path.with_extension("db-wal").metadata().unwrap().len();
    assert_eq!(health.write_ahead_bytes, Some(bytes));
}

#[tokio::test]
async fn a_read_that_does_not_end_only_lets_the_log_grow() {
    let path = new_file();
    let options = event_sqlite::SqliteOptions::new(&path);
    let adapter = options.busy_timeout(std::time::Duration::from_millis(20));
    let store = event_core::EventStore::new(adapter.connect().await.unwrap()).unwrap();
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    let mut other = plain_connection(&path).await;
    begin_read(&mut other).await;
    let text = "x".repeat(1 << 20);
    for _ in 0..20 {
        store.append(&stream("big"), Any, [Noted::new(&text)]).await.unwrap();
    }
    assert!(store.health().await.unwrap().write_ahead_bytes > Some(16 << 20));
    run(&mut other, "COMMIT").await;
    for _ in 0..6 {
        store.append(&stream("big"), Any, [Noted::new(&text)]).await.unwrap();
    }
    let bytes = store.health().await.unwrap().write_ahead_bytes;
    assert!(bytes < Some(9 << 20), "{bytes:?}");
}
