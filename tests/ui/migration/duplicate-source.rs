use event_core::MigrationError;
use event_core::serde_json::Value;

fn same(data: Value) -> Result<Value, MigrationError> {
    Ok(data)
}

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 2)]
#[event(migrate(from = 1, with = same), migrate(from = 1, with = same))]
struct GameStarted;

fn main() {}
