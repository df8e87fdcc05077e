//! SQLite: the contract suite and the model, on a file of its own each.

use std::path::PathBuf;

use event_sqlite::{SqliteAdapter, SqliteOptions};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::model::{agrees, steps};

event_core::adapter_contract!(contract, async || open(new_file()).await);

proptest! {
    // Each case has a file of its own: fewer of them than in memory.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_gives_the_answers_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            agrees(open(new_file()).await, &steps).await;
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

async fn open(path: PathBuf) -> SqliteAdapter {
    SqliteAdapter::connect_with(SqliteOptions::new(path)).await.unwrap()
}
