#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1)]
struct V1;

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 3, from = V1)]
struct V3;

impl From<V1> for V3 {
    fn from(_: V1) -> Self {
        Self
    }
}

fn main() {}
