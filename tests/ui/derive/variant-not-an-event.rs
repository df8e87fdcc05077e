use event_core::Event;

struct GameStarted;

#[derive(Event)]
enum GameEvent {
    Started(GameStarted),
}

fn main() {}
