use event_core::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "Game Started", version = "1", colour = 1)]
struct GameStarted;

fn main() {}
