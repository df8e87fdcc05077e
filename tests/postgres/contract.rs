//! The contract suites of adapters, and the model, on PostgreSQL.

use event_core::EventStore;
use event_core::store::Connect;
use event_testing::contract::inline::Shared;
use proptest::prelude::*;

use crate::model::{agrees, steps};
use crate::pg;

event_testing::adapter_contract!(adapter, async || {
    crate::pg::shared().database().await.into_adapter().await
});

event_testing::durable_contract!(durable, async || {
    crate::pg::shared().database().await.into_adapter().await
});

event_testing::views_contract!(views, async || {
    crate::pg::shared().database().await.into_adapter().await
});
event_testing::tables_contract!(tables, async || {
    crate::pg::shared().database().await.into_adapter().await
});

event_testing::inline_contract!(inline, async || {
    let database = pg::shared().database().await;
    let url = database.url.clone();
    std::mem::forget(database);
    Shared::new(move |inline| {
        inline.into_iter().fold(EventStore::connect(&url), Connect::inline).into_future()
    })
});

event_testing::import_contract!(imports, async || {
    crate::pg::shared().database().await.into_adapter().await
});

proptest! {
    // Each case creates a database: fewer cases than in memory.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_agrees_with_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let adapter = pg::shared().database().await.into_adapter().await;
            agrees(adapter, &steps).await;
        });
    }
}
