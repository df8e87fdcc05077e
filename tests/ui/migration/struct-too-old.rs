use event_core::MigrationError;
use event_core::serde_json::Value;

fn same(data: Value) -> Result<Value, MigrationError> {
    Ok(data)
}

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 1)]
struct V1;

#[derive(serde::Serialize, serde::Deserialize, event_core::Event)]
#[event(type = "game.started", version = 3, migrate(from = V1, with = same))]
struct V3;

fn main() {}
