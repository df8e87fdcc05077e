//! [`recover_session`]: a game's state from its stream; [`topics`]: where its events are told of.

use event_core::{EventStore, InvalidStreamId, RecordedEvent, Recovered, Result, StreamId};

use crate::id::GameId;
use crate::session::GameSession;

/// The stream of a game: `game-<game_id>`.
///
/// # Errors
/// [`InvalidStreamId`] for an id that cannot stand in a stream's name: too long, or with control characters.
pub fn game_stream(game_id: &GameId) -> Result<StreamId, InvalidStreamId> {
    StreamId::new(format!("game-{game_id}"))
}

/// The topics of a game's event, for a [`Broadcast`](event_core::broadcast::Broadcast): `game:{id}`, `event_type:{type}` and
/// `guild:{id}`. An event of another stream than a game's is on no topic.
pub fn topics(event: &RecordedEvent) -> Vec<String> {
    let Some(game_id) = event.stream_id().as_str().strip_prefix("game-") else { return Vec::new() };
    vec![
        format!("game:{game_id}"),
        format!("event_type:{}", event.event_type()),
        format!("guild:{}", event.tenant()),
    ]
}

/// Rebuilds the session of a game, in the tenant of the store's scope.
///
/// # Errors
/// [`Error::StreamNotFound`](event_core::Error::StreamNotFound) for a game that does not exist there; else as
/// [`EventStore::recover`].
pub async fn recover_session(
    store: &EventStore,
    game_id: &GameId,
) -> Result<Recovered<GameSession>> {
    store.recover(&game_stream(game_id)?).await
}
