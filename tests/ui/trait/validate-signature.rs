use event_core::Event;
use serde::{Deserialize, Serialize};

fn check(_: &GameStarted, _: u64) -> Result<(), event_core::InvalidEvent> {
    Ok(())
}

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1, validate = check)]
struct GameStarted;

fn main() {}
