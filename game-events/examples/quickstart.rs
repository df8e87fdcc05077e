//! Appends an event of the closed set with an expected version, handles a conflict and recovers the session.
//!
//! ```sh
//! cargo run -p game-events --example quickstart
//! ```

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use event_core::{Error, EventStore, ExpectedVersion};
use fastrand::Rng;
use game_events::{GameEvent, GameMode, game_stream, recover_session, testing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> event_core::Result<()> {
    let store = EventStore::in_memory()?;
    let started = testing::game_started(&mut Rng::with_seed(7));
    let (game, mode) = (started.base.game_id.clone(), started.base.mode);
    let stream = game_stream(&game)?;
    store.append(&stream, ExpectedVersion::NoStream, [GameEvent::from(started.clone())]).await?;

    // A second writer starts the same game: the append is rejected with the actual version.
    match store.append(&stream, ExpectedVersion::NoStream, [started]).await {
        Err(Error::WrongExpectedVersion { actual, .. }) => {
            println!("conflict: the stream is at version {actual}");
        }
        other => println!("unexpected: {other:?}"),
    }
    let recovered = recover_session(&store, &game).await?;
    println!("{} teams play {mode}", recovered.state.teams.len());
    assert!(matches!(mode, GameMode::TwoPlayer | GameMode::Knockout | GameMode::Race));
    Ok(())
}
