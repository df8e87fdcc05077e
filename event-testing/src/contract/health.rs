//! The health of a store.

use super::{Subject, append, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;

pub async fn a_store_that_works_says_so(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", Any, Noted::many(2)).await;
    let health = store.health().await.unwrap();
    assert!(!health.server.is_empty());
    assert!(!health.read_only, "an append was stored");
    assert_eq!(health.stall, None, "nobody writes");
    assert!(health.pool.is_none_or(|pool| pool.busy <= pool.size && pool.idle <= pool.size));
    assert!(health.schema_version.is_none_or(|version| version > 0));
}

pub async fn a_closed_store_is_an_error_or_still_there(adapter: Subject) {
    let store = store(&adapter);
    store.close().await;
    // A store in memory has nothing to let go of.
    if let Err(error) = store.health().await {
        assert!(!error.is_transient(), "asking again changes nothing: {error}");
    }
}
