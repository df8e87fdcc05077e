//! Positions that were reached in a log which was replaced: every call that takes one refuses it, until the log of now has
//! given it to somebody.

use std::time::Duration;

use event_core::error::with_causes;
use event_core::projection::Documents;
use event_core::{
    AllOptions, BatchSize, Error, Event, EventStore, ExpectedVersion, Filter, Keys, Position,
    Projection, RecordedEvent, StartFrom, StreamId, View,
};
use event_testing::Noted;
use serde::{Deserialize, Serialize};

#[derive(Event)]
pub(crate) enum Notes {
    Noted(Noted),
}

/// How many notes there are, in a document.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Count {
    notes: u64,
}

impl View for Count {
    type Event = Notes;
    const NAME: &'static str = "count";

    fn keys(_: &Notes, _: &RecordedEvent) -> Keys {
        ["all"].into_iter().collect()
    }

    fn fold(&mut self, _: &Notes, _: &RecordedEvent) {
        self.notes += 1;
    }
}

/// The same, in memory.
#[derive(Default)]
struct InMemory;

impl Projection for InMemory {
    type Event = Notes;

    fn apply(&mut self, _: Notes, _: &RecordedEvent) {}
}

fn after(position: u64) -> AllOptions {
    AllOptions::new().after(Position::new(position))
}

fn before(position: u64) -> AllOptions {
    AllOptions::new().backward().up_to(Position::new(position))
}

fn is_refused<T>(what: &str, answer: Result<T, Error>) {
    match answer {
        Err(Error::LogDiverged { .. }) => {}
        Err(error) => panic!("{what}: {}", with_causes(&error)),
        Ok(_) => panic!("{what} is believed"),
    }
}

/// A store whose process has seen events up to positions that are `lost`, in a log that now has `now` events.
pub(crate) async fn positions_are_refused(store: &EventStore, lost: &[u64], now: usize) {
    for position in lost.iter().copied() {
        let at = |what: &str| format!("{what} {position}");
        let mut all = store.all_events(after(position));
        is_refused(&at("all events after"), all.next().await.transpose());
        let mut all = store.all_events(before(position));
        is_refused(&at("all events up to"), all.next().await.transpose());
        is_refused(&at("a page after"), store.read_all(after(position)).await);
        is_refused(&at("a page up to"), store.read_all(before(position)).await);
        let start = StartFrom::After(Position::new(position));
        is_refused(&at("a subscription after"), store.subscribe(start, Filter::all()).await);
        if position > now as u64 {
            let wait = documents(store).wait_for(Position::new(position));
            is_refused(&at("a view at"), wait.at_most(Duration::from_millis(50)).await);
            let mut live = store.project(InMemory, Filter::all());
            is_refused(&at("a projection at"), live.wait_for(Position::new(position)).await);
        }
    }
    // A writer waits for its own event, although the lost part had its position, too.
    let name = StreamId::new("appended").unwrap();
    let appended = store.append(&name, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let beyond = lost.iter().any(|lost| *lost > appended.position.get());
    assert!(beyond, "{lost:?}: none is beyond the end");
    let mut live = store.project(InMemory, Filter::all());
    assert_eq!(live.wait_for(appended.position).await.unwrap(), now as u64 + 1);
    // A loop backward that begins in the log of now reads all of it.
    let (mut end, mut read) = (u64::MAX, 0);
    loop {
        let page = before(end).limit(BatchSize::new(7).unwrap());
        let page = store.read_all(page).await.unwrap();
        read += page.len();
        match page.last().map(|event| event.position().get() - 1) {
            Some(next) if next > 0 => end = next,
            _ => break,
        }
    }
    assert_eq!(read, now + 1);
    let amid = lost.iter().copied().find(|lost| *lost < now as u64).unwrap();
    store.read_all(after(amid)).await.unwrap();
}

pub(crate) fn documents(store: &EventStore) -> Documents<Count> {
    store.view::<Count>()
}
