use event_core::{Event, RecordedEvent};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(Event)]
enum GameEvent {
    Started(GameStarted),
}

fn read(recorded: &RecordedEvent) {
    let _ = recorded.decode::<GameEvent>();
}

fn main() {}
