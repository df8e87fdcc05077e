#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1)]
struct V1;

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 2, from = V1)]
struct V2;

impl TryFrom<V1> for V2 {
    type Error = ();
    fn try_from(_: V1) -> Result<Self, ()> { Err(()) }
}

fn main() {}
