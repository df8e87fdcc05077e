//! What needs a binary of its own: what a program is told that links the wrong crates (its registry is unsound, and no
//! backend is linked), and a history longer than the compiler's recursion limit.

// Far below the number of versions in `long_history`.
#![recursion_limit = "32"]
#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod long_history;

use event_core::{Error, Event, EventStore, EventVersion, MemoryAdapter, register};
use serde::{Deserialize, Serialize};

macro_rules! event {
    ($name:ident) => {
        #[derive(Serialize, Deserialize)]
        struct $name;

        impl Event for $name {
            const TYPE: &'static str = "apart.taken";
            const VERSION: EventVersion = EventVersion::FIRST;
        }

        register!($name);
    };
}

event!(Taken);
event!(TakenAgain);

#[test]
fn a_store_does_not_open_over_an_unsound_registry() {
    let error = EventStore::builder(MemoryAdapter::new()).build().unwrap_err();
    assert!(matches!(error, Error::Registry(_)), "{error}");
    assert!(error.to_string().contains("apart.taken"), "{error}");
    assert!(EventStore::in_memory().is_err());
}

#[tokio::test]
async fn a_backend_that_is_not_linked_is_named_with_the_line_to_write() {
    for (url, line) in [
        ("postgres://localhost/games", "use event_postgres as _;"),
        ("postgresql://localhost/games", "use event_postgres as _;"),
        ("sqlite:games.db", "use event_sqlite as _;"),
        ("mysql://localhost/games", "unknown scheme `mysql:`; this binary opens `memory:`"),
        ("games.db", "it has no scheme"),
    ] {
        let error = EventStore::connect(url).await.unwrap_err();
        assert_eq!(error.code(), "invalid_url");
        assert!(error.to_string().contains(line), "{error}, not {line}");
    }
}
