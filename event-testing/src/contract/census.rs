//! The census: all event versions that were ever stored.

use super::{Subject, append, store, stream};
use crate::{Closed, Noted};
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{Delete, Event, EventVersion, NewEvent, Scope, Tenant};

async fn pairs(adapter: &Subject) -> Vec<(String, u32)> {
    let stored = adapter.census().await.unwrap();
    let mut pairs: Vec<_> =
        stored.into_iter().map(|it| (it.event_type.into_owned(), it.event_version.get())).collect();
    pairs.sort();
    pairs
}

fn raw(event_type: &'static str, version: u32) -> NewEvent {
    NewEvent::raw(
        event_type,
        EventVersion::new(version),
        serde_json::value::RawValue::NULL.to_owned(),
    )
}

pub async fn lists_every_version_ever_stored_once(adapter: Subject) {
    assert_eq!(pairs(&adapter).await, []);
    let store = store(&adapter);
    append(&store, "s", NoStream, Noted::many(3)).await;
    let mixed = vec![raw("a.b", 2), Closed { by: "x".into() }.into(), raw("a.b", 1), raw("a.b", 2)];
    append(&store, "s", Any, mixed).await;
    let other = store.with_scope(Scope::tenant(Tenant::new("other").unwrap()));
    append(&other, "s", NoStream, vec![raw("Of others, \"quoted\"", 7)]).await;
    let all =
        [("Of others, \"quoted\"", 7), ("a.b", 1), ("a.b", 2), (Closed::TYPE, 3), (Noted::TYPE, 1)];
    let all = all.map(|(name, version)| (name.to_owned(), version));
    assert_eq!(pairs(&adapter).await, all);
    store.transaction().append(&stream("t"), Any, [raw("c", 1)]).commit().await.unwrap();
    store.delete_stream(&stream("s"), Any, Delete::Hard).await.unwrap();
    assert_eq!(
        pairs(&adapter).await.len(),
        6,
        "a version stays listed after its events are deleted"
    );
}

pub async fn racing_writers_record_a_new_version_once(adapter: Subject) {
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let store = store(&adapter);
            // The same versions, in both orders.
            let batch = if n % 2 == 0 { [("a", 1), ("b", 1)] } else { [("b", 1), ("a", 1)] };
            let events = batch.map(|(name, version)| raw(name, version));
            tokio::spawn(async move { store.append(&stream(&format!("s-{n}")), Any, events).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(pairs(&adapter).await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
}

pub async fn the_census_compares_stored_with_registered_versions(adapter: Subject) {
    let store = store(&adapter);
    append(&store, "s", NoStream, vec![raw("not.registered", 1)]).await;
    let census = store.census().await.unwrap();
    let unreadable: Vec<_> = census.unreadable.iter().map(|it| &*it.stored.event_type).collect();
    assert_eq!(unreadable, ["not.registered"]);
    assert!(census.readable.is_empty() && !census.is_sound(), "{census}");
}
