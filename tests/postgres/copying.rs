//! Copies of a whole store from SQLite to PostgreSQL and back.

use event_core::EventStore;
use event_sqlite::SqliteOptions;

use crate::filled::{copied, fill};
use crate::pg;

#[tokio::test]
async fn a_store_is_copied_from_sqlite_to_postgres_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = async |name: &str| {
        let options = SqliteOptions::new(folder.path().join(name));
        EventStore::new(options.connect().await.unwrap()).unwrap()
    };
    let first = file("first.db").await;
    fill(&first).await;
    let server = EventStore::new(pg::shared().database().await.into_adapter().await).unwrap();
    copied(&first, &server).await;
    copied(&server, &file("second.db").await).await;
}
