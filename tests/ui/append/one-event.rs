use event_core::{Event, EventStore, ExpectedVersion, StreamId};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

async fn start(store: &EventStore, game: &StreamId) {
    let _ = store.append(game, ExpectedVersion::NoStream, GameStarted).await;
    let _ = store.transaction().append(game, ExpectedVersion::NoStream, GameStarted);
}

fn main() {}
