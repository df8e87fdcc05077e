mod old {
    #[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
    #[event(type = "game.started", version = 1)]
    struct GameStartedV1;
}

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1)]
struct GameStarted;

fn main() {}
