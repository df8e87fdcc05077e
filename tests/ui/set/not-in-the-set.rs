use event_core::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "door.opened", version = 1)]
struct DoorOpened;

#[derive(Event)]
enum GameEvent {
    Started(GameStarted),
}

fn main() {
    let _ = GameEvent::from(DoorOpened);
}
