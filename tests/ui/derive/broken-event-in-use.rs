#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = "1")]
struct V1;

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 2, from = V1)]
struct V2;

impl From<V1> for V2 {
    fn from(_: V1) -> Self { Self }
}

#[derive(event_core::Event)]
enum GameEvent { Old(V1) }
fn main() { let _ = event_core::NewEvent::from(GameEvent::from(V1)); }
