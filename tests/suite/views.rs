//! How often a view writes its documents.

use std::sync::Arc;

use event_core::{Event, EventStore, ExpectedVersion, Keys, RecordedEvent, StreamId, View};
use event_testing::Noted;
use serde::{Deserialize, Serialize};

use crate::flaky::FlakyAdapter;

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

/// How many notes each stream has.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Count(u64);

impl View for Count {
    type Event = Notes;
    const NAME: &'static str = "counts";

    fn keys(_: &Notes, recorded: &RecordedEvent) -> Keys {
        Keys::one(recorded.stream_id().as_str())
    }

    fn fold(&mut self, _: &Notes, _: &RecordedEvent) {
        self.0 += 1;
    }
}

/// The fold is quicker than the pages come: what is at hand ends before each of them.
#[tokio::test]
async fn a_view_that_is_behind_writes_once_and_not_for_each_page() {
    let adapter = Arc::new(FlakyAdapter::new(&[]).waiting());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    for round in 0..40 {
        let name = StreamId::new(format!("notes-{}", round % 7)).unwrap();
        store.append(&name, ExpectedVersion::Any, Noted::many(250)).await.unwrap();
    }
    let view = store.view::<Count>();
    assert_eq!(view.catch_up().await.unwrap(), 10_000);
    assert_eq!(adapter.writes(), 1, "10 000 events are ten pages");
    assert_eq!(view.get("notes-6").await.unwrap().unwrap().0, 1_250);

    let last = StreamId::new("notes-6").unwrap();
    store.append(&last, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    assert_eq!(view.catch_up().await.unwrap(), 1);
    assert_eq!(adapter.writes(), 2, "at the end of the log it writes at once");
}
