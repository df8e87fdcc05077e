//! The contract suite for adapters: one function a promise, instantiated by [`adapter_contract!`](crate::adapter_contract!),
//! [`durable_contract!`](crate::durable_contract!), [`import_contract!`](crate::import_contract!) and
//! [`views_contract!`](crate::views_contract!), [`tables_contract!`](crate::tables_contract!).

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test case fails by panicking; its name is the promise"
)]
#![allow(missing_docs, reason = "the name of a test case is the promise")]

pub mod all;
pub mod append;
pub mod causes;
pub mod census;
pub mod change;
pub mod changes;
pub mod claims;
pub mod commands;
pub mod competing;
pub mod copying;
pub mod decide;
pub mod delete;
pub mod durable;
pub mod effects;
pub mod health;
pub mod identity;
pub mod import;
pub mod incarnations;
pub mod inline;
pub mod leases;
pub mod link;
pub mod listing;
mod macros;
pub mod operate;
pub mod parked;
pub mod read;
pub mod readable;
pub mod retries;
pub mod scope;
pub mod sizes;
pub mod snapshot;
pub mod subscribe;
pub mod tables;
pub mod transaction;
pub mod views;

use std::sync::Arc;

use event_core::adapter::Adapter;
use event_core::{
    AllOptions, Appended, EventStore, ExpectedVersion, NewEvent, Outcome, RecordedEvent, StreamId,
    StreamVersion,
};

/// The adapter under test.
pub type Subject = Arc<dyn Adapter>;

pub(crate) fn store(adapter: &Subject) -> EventStore {
    EventStore::new(Arc::clone(adapter)).unwrap()
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

pub(crate) const fn exact(version: u64) -> ExpectedVersion {
    ExpectedVersion::Exact(StreamVersion::new(version))
}

/// Appends events, which must not be stored yet.
pub(crate) async fn append(
    store: &EventStore,
    name: &str,
    expected: ExpectedVersion,
    events: Vec<NewEvent>,
) -> Appended {
    let appended = store.append(&stream(name), expected, events).await.unwrap();
    assert_eq!(appended.outcome, Outcome::Stored);
    appended
}

/// Reads the whole log of the store's scope.
pub(crate) async fn everything(store: &EventStore) -> Vec<RecordedEvent> {
    let mut events = store.all_events(AllOptions::new());
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    all
}

pub(crate) fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.stream_version().get()).collect()
}
