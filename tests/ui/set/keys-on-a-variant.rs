use event_core::Event;

#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

#[derive(Event)]
enum GameEvent {
    #[event(type = "game.started", version = 1)]
    Started(GameStarted),
}

fn main() {}
