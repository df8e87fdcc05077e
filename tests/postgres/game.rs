//! Games on a server, opened by URL as gamebot does, with a new store for each command.

use std::path::Path;

use event_core::EventStore;
use gamebot::{Output, Show, play, show, simulate};

use crate::pg;

#[path = "../../event-postgres/examples/quickstart.rs"]
mod quickstart;

#[tokio::test]
async fn the_quickstart_example_runs_repeatedly() {
    let database = pg::shared().database().await;
    for events in [2, 4] {
        quickstart::run(&database.url).await.unwrap();
        let mut connection = database.connection().await;
        let stored = pg::number(&mut connection, "SELECT count(*) FROM event_store.events").await;
        assert_eq!(stored, events);
    }
}

#[tokio::test]
async fn a_stored_game_is_read_by_another_store() {
    let database = pg::shared().database().await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = file.join("gamebot/games/knockout.jsonl");
    let mut boards = Vec::new();
    for stored in [25, 0] {
        let store = EventStore::connect(&database.url).await.unwrap();
        let mut board = Vec::new();
        assert_eq!(play(&store, &file, Output::Json, &mut board).await.unwrap().stored, stored);
        store.close().await;
        boards.push(board);
    }
    let store = EventStore::connect(&database.url).await.unwrap();
    let mut board = Vec::new();
    let wanted = Show { game: "knockout-1".into(), json: true, ..Show::default() };
    show(&store, &wanted, &mut board).await.unwrap();
    store.close().await;
    boards.push(board);
    let expected = std::fs::read(file.with_extension("board.json")).unwrap();
    assert!(boards.iter().all(|board| *board == expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_games_are_stored_as_they_are_in_memory() {
    let database = pg::shared().database().await;
    let store = EventStore::connect(&database.url).await.unwrap();
    let stored = simulate(&store, 20, 7, &mut Vec::new()).await.unwrap();
    store.close().await;
    let memory = EventStore::in_memory().unwrap();
    assert_eq!(stored, simulate(&memory, 20, 7, &mut Vec::new()).await.unwrap());
}
