use event_core::{Event, EventSet, assert_disjoint};

#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(Event)]
enum GameEvent { Started(GameStarted) }
#[derive(Event)]
enum ArenaEvent { Started(GameStarted) }

const _: () = assert_disjoint(&[GameEvent::TYPES, ArenaEvent::TYPES]);

fn main() {}
