use event_core::Event;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1, crate = wrong::path)]
struct GameStarted;

fn main() {}
