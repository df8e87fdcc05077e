use event_core::Event;

#[derive(Event)]
enum GameEvent {}

fn main() {}
