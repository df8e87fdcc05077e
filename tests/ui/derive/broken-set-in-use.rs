#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(event_core::Event)]
enum GameEvent {
    Started(GameStarted),
    Ended,
}

fn main() {
    let _ = event_core::NewEvent::from(GameEvent::from(GameStarted));
}
