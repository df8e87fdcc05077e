use event_core::Event;

#[derive(Event)]
enum GameEvent {
    Started { round: u8 },
}

fn main() {}
