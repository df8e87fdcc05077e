use event_core::{EventStore, ExpectedVersion, StreamId};

struct GameStarted;

async fn start(store: &EventStore, game: &StreamId) {
    let _ = store.append(game, ExpectedVersion::NoStream, [GameStarted]).await;
}

fn main() {}
