//! `gamebot watch`: from the first event to the last, whether they were stored before or are stored meanwhile.

use std::io::Write as _;

use event_core::EventStore;
use gamebot::{Failure, Watch, watch};

use crate::games;

async fn seen(store: &EventStore, wanted: Watch) -> Result<String, Failure> {
    let mut out = Vec::new();
    watch(store, &wanted, &mut out).await?;
    out.flush().unwrap();
    Ok(String::from_utf8(out).unwrap())
}

fn knockout() -> Watch {
    Watch { game: "knockout-1".into(), ..Watch::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_is_told_event_by_event_and_then_its_board() {
    let store = EventStore::in_memory().unwrap();
    let missing = seen(&store, knockout()).await.unwrap_err();
    assert!(missing.message.contains("there is no game knockout-1"), "{missing}");

    // Waited for, and followed while it is played.
    let watcher = tokio::spawn({
        let store = store.clone();
        let wanted = Watch { guild: Some("98".into()), ..knockout() };
        async move { seen(&store, wanted).await.unwrap() }
    });
    tokio::task::yield_now().await;
    games::played(&store, "race").await;
    games::played(&store, "knockout").await;
    let told = watcher.await.unwrap();
    assert_eq!(told, seen(&store, knockout()).await.unwrap(), "the same when it was played before");
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].contains("knockout begins"), "{told}");
    assert_eq!(lines.iter().position(|line| line.is_empty()), Some(25), "a line an event");
    assert_eq!(lines.last(), Some(&"green wins"));
}

#[tokio::test]
async fn a_terminal_shows_the_board_alone() {
    let store = EventStore::in_memory().unwrap();
    games::played(&store, "knockout").await;
    let told = seen(&store, Watch { is_terminal: true, ..knockout() }).await.unwrap();
    let (before, board) = told.rsplit_once("\u{1b}[J").unwrap();
    assert_eq!(before, "\u{1b}[H", "drawn once, since it was over");
    assert!(board.starts_with("game knockout-1") && board.ends_with("green wins\n"), "{board}");
}
