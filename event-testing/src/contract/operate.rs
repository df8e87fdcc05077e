//! What an operator asks of a store: each backend does it, or says that it cannot, by its name.

use event_core::ExpectedVersion::Any;
use event_core::{Error, EventId, Result, Scope, Tenant};

use super::{Subject, append, store};
use crate::Noted;

/// Whether the backend does it; `operation` must not have failed otherwise.
fn is_done<T>(backend: &str, operation: &str, answer: &Result<T>) -> bool {
    match answer {
        Ok(_) => true,
        Err(error @ Error::Unsupported { backend: named, .. }) => {
            assert_eq!(*named, backend, "{operation}");
            assert_eq!(error.code(), "unsupported");
            assert!(error.to_string().contains(&format!("`{backend}`")), "{error}");
            false
        }
        Err(error) => panic!("`{operation}`: {error:?}"),
    }
}

pub async fn a_backend_does_what_an_operator_asks_or_says_that_it_cannot(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", Any, Noted::many(2)).await;
    let backend = adapter.name();
    let schema = store.schema();
    let pending = schema.pending().await;
    if is_done(backend, "schema", &pending) {
        assert_eq!(pending.unwrap(), [], "the store is open");
        assert_eq!(schema.sql().await.unwrap(), "");
        assert_eq!(schema.apply().await.unwrap(), []);
    }
    let projections = store.projections().await;
    if is_done(backend, "projections", &projections) {
        assert_eq!(projections.unwrap(), []);
    }
    is_done(backend, "verify", &store.verify().await);
    let path = std::env::temp_dir().join(format!("event-testing-{}.backup", EventId::new()));
    if is_done(backend, "backup", &store.backup(&path).await) {
        assert!(path.exists());
        assert!(store.backup(&path).await.is_err(), "a backup overwrites nothing");
        std::fs::remove_file(&path).unwrap();
    }
    // Where there are roles, this is none of them.
    match store.grant(&format!("nobody-{}", EventId::new())).await {
        Err(Error::Adapter { .. }) => {}
        answer => assert!(!is_done(backend, "grant", &answer), "granted to nobody"),
    }
}

pub async fn a_verification_shows_each_event_once_and_in_order(adapter: Subject) {
    let store = store(&adapter);
    for round in 0..3 {
        append(&store, &format!("s-{round}"), Any, Noted::many(600)).await;
    }
    let other = store.with_scope(Scope::tenant(Tenant::new("other").unwrap()));
    append(&other, "s-0", Any, Noted::many(2)).await;
    let mut seen = Vec::new();
    let verified = store.verify().each(|event| seen.push(event.position())).await;
    if is_done(adapter.name(), "verify", &verified) {
        let verified = verified.unwrap();
        assert!(verified.is_sound(), "{verified}");
    }
    assert_eq!(seen.len(), 1_802, "those of every tenant");
    assert!(seen.is_sorted_by(|one, next| one < next));
}
