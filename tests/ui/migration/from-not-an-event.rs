struct V1;

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 2, from = V1)]
struct V2;

impl From<V1> for V2 {
    fn from(_: V1) -> Self {
        Self
    }
}

fn main() {}
