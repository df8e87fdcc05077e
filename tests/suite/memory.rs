//! The in-memory adapter: the contract suite, and a comparison with the model.

use std::sync::Arc;

use event_core::adapter::{Inline, OpenOptions};
use event_core::{EventStore, ExpectedVersion, MemoryAdapter, ReadOptions, StreamId};
use event_testing::Noted;
use event_testing::contract::inline::Shared;
use proptest::prelude::*;

use crate::model::{agrees, steps};

/// The store of an adapter, with read models that are written inline.
async fn open(adapter: MemoryAdapter, inline: Vec<Inline>) -> event_core::Result<EventStore> {
    for model in &inline {
        model.prepare(Arc::new(adapter.clone())).await?;
    }
    let mut options = inline.into_iter().fold(OpenOptions::default(), OpenOptions::inline);
    EventStore::new(adapter.inline(options.take_models()))
}

event_testing::adapter_contract!(contract, async || MemoryAdapter::new());
event_testing::durable_contract!(durable, async || MemoryAdapter::new());
event_testing::views_contract!(views, async || MemoryAdapter::new());
event_testing::tables_contract!(tables, async || MemoryAdapter::new());
event_testing::inline_contract!(inline, async || {
    let adapter = MemoryAdapter::new();
    Shared::new(move |inline| open(adapter.clone(), inline))
});
event_testing::import_contract!(imports, async || MemoryAdapter::new());

#[tokio::test]
async fn a_loop_of_calls_leaves_time_to_the_other_tasks_of_its_runtime() {
    let store = EventStore::in_memory().unwrap();
    let stream = StreamId::new("loop").unwrap();
    let other = tokio::spawn(async { 7 });
    for _ in 0..10_000 {
        store.append(&stream, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
        store.read_stream(&stream, ReadOptions::backward()).await.unwrap();
        if other.is_finished() {
            return;
        }
    }
    panic!("10 000 appends and reads ran before the other task");
}

#[tokio::test]
async fn a_clone_of_a_closed_store_has_its_data() {
    let first = MemoryAdapter::new();
    let second = first.clone();
    let store = EventStore::new(first).unwrap();
    let stream = StreamId::new("kept").unwrap();
    store.append(&stream, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    store.close().await;
    let store = EventStore::new(second).unwrap();
    assert_eq!(store.stream_version(&stream).await.unwrap().get(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_of_operations_gives_the_answers_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(agrees(MemoryAdapter::new(), &steps));
    }
}
