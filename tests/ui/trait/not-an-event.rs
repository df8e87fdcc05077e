struct GameStarted;

fn main() {
    let _ = event_core::NewEvent::from(GameStarted);
}
