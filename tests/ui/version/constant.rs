use event_core::Event;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = VERSION)]
struct GameStarted;

fn main() {}
