//! The contract suite of every adapter, and the model, on PostgreSQL.

use event_core::EventStore;
use proptest::prelude::*;

use crate::model::{LIMIT, Model, steps};
use crate::pg;

event_core::adapter_contract!(promises, async || {
    crate::pg::shared().database().await.into_adapter().await
});

proptest! {
    // Each case has a database of its own: fewer of them than in memory.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_gives_the_answers_of_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let adapter = pg::shared().database().await.into_adapter().await;
            let store = EventStore::builder(adapter).stream_limit(Some(LIMIT)).build().unwrap();
            let mut model = Model::default();
            for step in &steps {
                model.run(&store, step).await;
            }
            store.close().await;
        });
    }
}
