//! A first program on a server: it defines an event, appends and reads it, and shows what a conflict looks like.
//!
//! ```sh
//! cargo run -p event-postgres --example quickstart -- postgres://localhost/games
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use event_core::{Error, Event, EventStore, ExpectedVersion, ReadOptions, Result, StreamId};
use event_postgres as _; // a backend that is only in Cargo.toml is not linked
use serde::{Deserialize, Serialize};

/// A card left the deck.
#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "quickstart_drawn", version = 1)]
struct Drawn {
    rank: u8,
}

/// Everything the program does, on a store that a URL names.
///
/// # Errors
/// Those of the store.
pub(crate) async fn run(url: &str) -> Result<()> {
    let store = EventStore::connect(url).await?;
    let deck = StreamId::new("deck-quickstart")?;
    // A second run continues from the version that the first one left.
    let version = store.stream_version(&deck).await?;
    let expected = ExpectedVersion::Exact(version);
    let appended = store.append(&deck, expected, [Drawn { rank: 7 }, Drawn { rank: 9 }]).await?;
    println!("stored up to version {}, position {}", appended.stream_version, appended.position);

    match store.append(&deck, expected, [Drawn { rank: 1 }]).await {
        Err(Error::WrongExpectedVersion { actual, .. }) => {
            println!("another writer was faster: the deck is at version {actual}");
        }
        other => println!("unexpected: {other:?}"),
    }
    for event in store.read_stream(&deck, ReadOptions::forward()).await? {
        let Drawn { rank } = event.decode()?;
        println!("version {}: a card of rank {rank}", event.stream_version());
    }
    store.close().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code, reason = "the tests call `run`")]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "postgres://localhost/games".into());
    run(&url).await
}
