#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1)]
struct V1;

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 2, since = 2)]
struct V2;

#[derive(event_core::Event)]
enum GameEvent {
    Old(V1),
    New(V2),
}

fn main() {}
