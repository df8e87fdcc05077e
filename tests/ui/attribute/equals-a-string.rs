#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event = "game.started"]
struct GameStarted;

fn main() {}
