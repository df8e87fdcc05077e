//! The games that are shipped with gamebot, played into a store.

use std::path::Path;

use event_core::{BatchSize, EventStore, ReadOptions, RecordedEvent, Scope, Tenant};
use game_events::{GameEvent, game_stream};
use gamebot::{Output, play};

pub(crate) const SHIPPED: [&str; 3] = ["knockout", "race", "two_player"];

/// Plays a shipped game into a store; its stream belongs to the tenant of guild 98.
pub(crate) async fn played(store: &EventStore, name: &str) -> gamebot::Played {
    let games = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("gamebot/games");
    play(store, &games.join(format!("{name}.jsonl")), Output::Json, &mut Vec::new()).await.unwrap()
}

/// The events of a shipped game, played in memory.
pub(crate) async fn events(name: &str) -> Vec<GameEvent> {
    let store = EventStore::in_memory().unwrap();
    let played = played(&store, name).await;
    let store = store.with_scope(Scope::tenant(Tenant::new("98").unwrap()));
    let stream = game_stream(&played.session.game_id).unwrap();
    let page = ReadOptions::forward().limit(BatchSize::MAX);
    let events: Vec<RecordedEvent> = store.read_stream(&stream, page).await.unwrap();
    events.iter().map(|event| GameEvent::try_from(event).unwrap()).collect()
}
