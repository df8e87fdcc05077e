//! The in-memory adapter: the contract suite, and a comparison with the model.

use event_core::MemoryAdapter;
use proptest::prelude::*;

use crate::model::{agrees, steps};

event_testing::adapter_contract!(contract, async || MemoryAdapter::new());
event_testing::durable_contract!(durable, async || MemoryAdapter::new());
event_testing::import_contract!(imports, async || MemoryAdapter::new());

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_of_operations_gives_the_answers_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(agrees(MemoryAdapter::new(), &steps));
    }
}
