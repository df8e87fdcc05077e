//! The in-memory adapter: the contract suite, and the model.

use event_core::{EventStore, MemoryAdapter};
use proptest::prelude::*;

use crate::model::{LIMIT, Model, steps};

event_core::adapter_contract!(contract, async || MemoryAdapter::new());

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_gives_the_answers_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = EventStore::builder(MemoryAdapter::new()).stream_limit(Some(LIMIT));
            let store = store.build().unwrap();
            let mut model = Model::default();
            for step in &steps {
                model.run(&store, step).await;
            }
        });
    }
}
