use event_core::{Event, RecordedEvent};

#[derive(Event)]
enum GameEvent {
    #[event(other)]
    Other(RecordedEvent),
    #[event(other)]
    Rest(RecordedEvent),
}

fn main() {}
