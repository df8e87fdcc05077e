use event_core::Event;

#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "game.started", version = 1)]
struct V1;
#[derive(serde::Serialize, serde::Deserialize, Event)]
#[event(type = "game.started", version = 2, from = V1, also_from(V2))]
struct V2;
impl From<V1> for V2 {
    fn from(_: V1) -> Self { Self }
}

fn main() {}
