use event_core::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started.v2", version = 1)]
struct GameStarted;

fn main() {}
