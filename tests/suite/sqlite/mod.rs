//! SQLite: the contract suites and the model, and helpers for the tests of this folder. Each test has its own file.

mod append_in;
mod backup;
mod concurrency;
mod faults;
mod first_starts;
mod full_disk;
mod identity;
mod inline;
mod jumps;
mod kill;
mod projection;
mod races;
mod restored;
mod schema;
mod sleeping;
mod slow;
mod table;
mod verify;
mod write_ahead;

use std::path::{Path, PathBuf};

use event_core::store::Connect;
use event_core::{AllOptions, EventStore, RecordedEvent, StreamId};
use event_sqlite::{SqliteAdapter, SqliteOptions};
use event_testing::contract::inline::Shared;
use proptest::prelude::*;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::model::{agrees, steps};

event_testing::adapter_contract!(contract, async || open(&new_file()).await);
event_testing::durable_contract!(durable, async || open(&new_file()).await);
event_testing::views_contract!(views, async || open(&new_file()).await);
event_testing::tables_contract!(tables, async || open(&new_file()).await);
event_testing::inline_contract!(inline_models, async || {
    // SQLite's lock is not fair: among writers that never pause, one may wait for longer than the default.
    let url = format!("sqlite:{}?busy_timeout_ms=60000", new_file().display());
    Shared::new(move |inline| {
        inline.into_iter().fold(EventStore::connect(&url), Connect::inline).into_future()
    })
});
event_testing::import_contract!(imports, async || open(&new_file()).await);

proptest! {
    // Each case creates a file: fewer cases than in memory.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_agrees_with_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            agrees(open(&new_file()).await, &steps).await;
        });
    }
}

thread_local! {
    /// The folder of a test. Each test has its own thread, which removes the folder at its end.
    static FOLDER: TempDir = tempfile::tempdir().unwrap();
}

/// An unused path in the folder of this test.
fn new_file() -> PathBuf {
    FOLDER.with(|folder| folder.path().join(format!("{}.db", fastrand::u64(..))))
}

async fn open(path: &Path) -> SqliteAdapter {
    SqliteOptions::new(path).connect().await.unwrap()
}

async fn open_store(path: &Path) -> EventStore {
    EventStore::new(open(path).await).unwrap()
}

/// A plain connection, as another program would open it.
async fn plain_connection(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
}

async fn run(connection: &mut SqliteConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// All events of the store, in the order of the log.
async fn all_events(store: &EventStore) -> Vec<RecordedEvent> {
    let mut events = store.all_events(AllOptions::new());
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    all
}
