use event_core::Event;

#[derive(Event)]
#[event(type = "game", version = 1)]
enum GameEvent {
    Started { round: u8 },
}

fn main() {}
