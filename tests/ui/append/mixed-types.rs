use event_core::{Event, EventStore, ExpectedVersion, StreamId};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.ended", version = 1)]
struct GameEnded;

async fn play(store: &EventStore, game: &StreamId) {
    let _ = store.append(game, ExpectedVersion::NoStream, [GameStarted, GameEnded]).await;
}

fn main() {}
