use event_core::{Aggregate, Event};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(Default)]
struct Game;

impl Aggregate for Game {
    type Event = GameStarted;

    fn apply(&mut self, _: GameStarted) {}
}

fn main() {}
