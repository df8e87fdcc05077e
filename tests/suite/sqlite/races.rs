//! Races: reads beside deletions, and reads beside the closing of the store.

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{AllOptions, Delete, ReadOptions, RecordedEvent};
use event_testing::Noted;

use super::{open_store, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_deleted_during_a_read_are_an_error_not_an_empty_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&folder.path().join("store.db")).await;
    store.append(&stream("game-1"), NoStream, Noted::many(2)).await.unwrap();
    let events = store.read_all(AllOptions::new()).await.unwrap();
    let ids: Vec<_> = events.iter().map(RecordedEvent::event_id).collect();
    for round in 0..100 {
        let links = stream(&format!("links-{round}"));
        store.link(&links, NoStream, ids.clone()).await.unwrap();
        let deleting = tokio::spawn({
            let (store, links) = (store.clone(), links.clone());
            async move { store.delete_stream(&links, Any, Delete::Hard).await }
        });
        loop {
            match store.read_stream(&links, ReadOptions::forward()).await {
                Ok(page) => assert_eq!(page.len(), 2, "round {round}"),
                Err(error) => {
                    assert_eq!(error.code(), "stream_deleted");
                    break;
                }
            }
        }
        deleting.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_reads_and_leaves_a_single_file() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let path = folder.path().join(format!("{round}.db"));
        let store = open_store(&path).await;
        store.append(&stream("game-1"), NoStream, Noted::many(5_000)).await.unwrap();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    loop {
                        match store.read_all(AllOptions::new()).await {
                            Ok(page) => assert!(!page.is_empty()),
                            Err(error) => return error,
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        store.close().await;
        let leftovers: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().starts_with(&format!("{round}.db-")))
            .collect();
        assert!(leftovers.is_empty(), "round {round}: {leftovers:?}");
        for reader in readers {
            let error = reader.await.unwrap();
            let message = event_core::error::with_causes(&error);
            assert!(message.contains("the store is closed"), "{message}");
        }
    }
}
