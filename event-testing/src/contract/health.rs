//! The health check of a store.

use super::{Subject, append, store};
use crate::Noted;
use event_core::ExpectedVersion::Any;

pub async fn a_working_store_is_healthy(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", Any, Noted::many(2)).await;
    let health = store.health().await.unwrap();
    assert!(!health.server.is_empty());
    assert!(!health.read_only, "an append was stored");
    assert_eq!(health.stall, None, "no write is in flight");
    assert!(health.pool.is_none_or(|pool| pool.busy <= pool.size && pool.idle <= pool.size));
    assert!(health.schema_version.is_none_or(|version| version > 0));
}

pub async fn a_closed_store_fails_for_good_or_stays_open(adapter: Subject) {
    let store = store(&adapter);
    store.close().await;
    // A store in memory has no connection to close.
    if let Err(error) = store.health().await {
        assert!(!error.is_transient(), "a closed store stays closed: {error}");
    }
}
