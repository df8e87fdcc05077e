use event_core::Event;

#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "game.started", version = 3, since = 3)]
struct V3;
#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "game.started", version = 5, since = 5, also_from(V3))]
struct V5;

fn main() {}
