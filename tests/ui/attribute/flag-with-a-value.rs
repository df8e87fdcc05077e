#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1, readonly = true)]
struct GameStarted;

fn main() {}
