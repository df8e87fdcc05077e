//! SQLite: the contract suite and the model, on a file of its own each.

mod faults;
mod inline;
mod jumps;
mod kill;
mod moments;
mod projection;
mod schema;
mod sharing;

use std::path::{Path, PathBuf};

use event_core::{AllOptions, EventStore, RecordedEvent, StreamId};
use event_sqlite::{SqliteAdapter, SqliteOptions};
use proptest::prelude::*;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::model::{agrees, steps};

event_testing::adapter_contract!(contract, async || open(&new_file()).await);
event_testing::durable_contract!(durable, async || open(&new_file()).await);
event_testing::import_contract!(imports, async || open(&new_file()).await);

proptest! {
    // Each case has a file of its own: fewer of them than in memory.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_gives_the_answers_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            agrees(open(&new_file()).await, &steps).await;
        });
    }
}

thread_local! {
    /// The folder of a test, which has a thread of its own; it goes with it.
    static FOLDER: TempDir = tempfile::tempdir().unwrap();
}

/// A path in a folder of this test, where nothing is yet.
fn new_file() -> PathBuf {
    FOLDER.with(|folder| folder.path().join(format!("{}.db", fastrand::u64(..))))
}

async fn open(path: &Path) -> SqliteAdapter {
    SqliteOptions::new(path).connect().await.unwrap()
}

async fn open_store(path: &Path) -> EventStore {
    EventStore::new(open(path).await).unwrap()
}

/// Another program that has the file open.
async fn other_program(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
}

async fn run(connection: &mut SqliteConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

async fn everything(store: &EventStore) -> Vec<RecordedEvent> {
    let mut events = store.all_events(AllOptions::new());
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    all
}
