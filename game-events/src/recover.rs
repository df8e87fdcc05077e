//! [`recover_session`]: a game's state from its stream.

use event_core::{EventStore, InvalidStreamId, Recovered, Result, StreamId};

use crate::id::GameId;
use crate::session::GameSession;

/// The stream of a game: `game-<game_id>`.
///
/// # Errors
/// [`InvalidStreamId`] for an id that cannot stand in a stream's name: too long, or with control characters.
pub fn game_stream(game_id: &GameId) -> Result<StreamId, InvalidStreamId> {
    StreamId::new(format!("game-{game_id}"))
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
