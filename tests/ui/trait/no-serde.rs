use event_core::Event;

#[derive(Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

fn main() {}
