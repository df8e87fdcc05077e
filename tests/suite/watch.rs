//! `gamebot watch`: prints every event of a game, whether it was stored before the command started or afterwards.

use std::io::Write as _;

use event_core::EventStore;
use gamebot::{Failure, Watch, watch};

use crate::games;

async fn output(store: &EventStore, args: Watch) -> Result<String, Failure> {
    let mut out = Vec::new();
    watch(store, &args, &mut out).await?;
    out.flush().unwrap();
    Ok(String::from_utf8(out).unwrap())
}

fn knockout() -> Watch {
    Watch { game: "knockout-1".into(), ..Watch::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_printed_one_per_line_followed_by_the_board() {
    let store = EventStore::in_memory().unwrap();
    let missing = output(&store, knockout()).await.unwrap_err();
    assert!(missing.message.contains("there is no game knockout-1"), "{missing}");

    // This watcher waits for the start of the game and follows it.
    let watcher = tokio::spawn({
        let store = store.clone();
        let args = Watch { guild: Some("98".into()), ..knockout() };
        async move { output(&store, args).await.unwrap() }
    });
    tokio::task::yield_now().await;
    games::played(&store, "race").await;
    games::played(&store, "knockout").await;
    let followed = watcher.await.unwrap();
    assert_eq!(
        followed,
        output(&store, knockout()).await.unwrap(),
        "the same for a completed game"
    );
    let lines: Vec<_> = followed.lines().collect();
    assert!(lines[0].contains("knockout starts"), "{followed}");
    assert_eq!(lines.iter().position(|line| line.is_empty()), Some(25), "one line per event");
    assert_eq!(lines.last(), Some(&"green wins"));
}

#[tokio::test]
async fn a_terminal_shows_the_board_only() {
    let store = EventStore::in_memory().unwrap();
    games::played(&store, "knockout").await;
    let screen = output(&store, Watch { is_terminal: true, ..knockout() }).await.unwrap();
    let (before, board) = screen.rsplit_once("\u{1b}[J").unwrap();
    assert_eq!(before, "\u{1b}[H", "a completed game is printed once");
    assert!(board.starts_with("game knockout-1") && board.ends_with("green wins\n"), "{board}");
}
