fn same(data: String) -> String {
    data
}

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 2, migrate(from = 1, with = same))]
struct GameStarted;

fn main() {}
