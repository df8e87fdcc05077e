//! The stream of a game: its id, the broadcast topics of its events, recovery of its session.

use event_core::{EventStore, InvalidStreamId, RecordedEvent, Recovered, Result, StreamId};

use crate::id::GameId;
use crate::session::GameSession;

const PREFIX: &str = "game-";

/// Returns the stream of a game: `game-<game_id>`.
///
/// # Errors
/// [`InvalidStreamId`] for a game id that is too long or contains control characters.
pub fn game_stream(game_id: &GameId) -> Result<StreamId, InvalidStreamId> {
    StreamId::new(format!("{PREFIX}{game_id}"))
}

/// The id of the game whose stream this is; `None` for another stream.
pub(crate) fn game_of(stream: &StreamId) -> Option<&str> {
    stream.as_str().strip_prefix(PREFIX)
}

/// Returns the topics of an event for a [`Broadcast`](event_core::broadcast::Broadcast): `game:{id}`, `event_type:{type}` and
/// `guild:{id}`; none for an event of a stream that is not a game's.
pub fn topics(event: &RecordedEvent) -> Vec<String> {
    let Some(game_id) = game_of(event.stream_id()) else { return Vec::new() };
    vec![
        format!("game:{game_id}"),
        format!("event_type:{}", event.event_type()),
        format!("guild:{}", event.tenant()),
    ]
}

/// Recovers the session of a game from its stream, in the tenant of the store's scope.
///
/// # Errors
/// [`Error::StreamNotFound`](event_core::Error::StreamNotFound) if the tenant has no such game; otherwise the errors of
/// [`EventStore::recover`].
pub async fn recover_session(
    store: &EventStore,
    game_id: &GameId,
) -> Result<Recovered<GameSession>> {
    store.recover(&game_stream(game_id)?).await
}
