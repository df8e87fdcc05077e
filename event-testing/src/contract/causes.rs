//! Causes: the scope of what an event causes, and everything of one correlation.

use event_core::ExpectedVersion::Any;
use event_core::{
    AllOptions, BatchSize, EventStore, EventStream, Metadata, NewEvent, RecordedEvent, Scope,
    Tenant,
};

use super::{Subject, append, everything, store, stream};
use crate::Noted;

async fn all_of(mut events: EventStream) -> Vec<RecordedEvent> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    all
}

fn positions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position().get()).collect()
}

fn with_metadata(json: &str) -> Vec<NewEvent> {
    vec![NewEvent::from(Noted::new("x")).with_metadata(Metadata::from_json(json).unwrap())]
}

async fn last_of(store: &EventStore, name: &str) -> RecordedEvent {
    store.read_stream(&stream(name), event_core::ReadOptions::backward()).await.unwrap().remove(0)
}

pub async fn a_cause_carries_its_correlation_on(adapter: Subject) {
    let store = store(&adapter);
    let red = store.with_scope(Scope::tenant(Tenant::new("red").unwrap()).actor("ann"));
    append(&red, "a", Any, Noted::many(1)).await;
    let first = last_of(&red, "a").await;
    let scope = Scope::caused_by(&first);
    assert_eq!((scope.tenant.as_str(), scope.actor_id.as_deref()), ("red", None));
    append(&store.with_scope(scope), "b", Any, Noted::many(1)).await;
    let second = last_of(&red, "b").await;
    append(&store.with_scope(Scope::caused_by(&second)), "c", Any, Noted::many(1)).await;
    let third = last_of(&red, "c").await;
    let (started, caused) = (first.event_id().to_string(), second.event_id().to_string());
    assert_eq!(second.metadata().causation_id().as_deref(), Some(&*started));
    assert_eq!(third.metadata().causation_id().as_deref(), Some(&*caused));
    assert_eq!(third.metadata().correlation_id().as_deref(), Some(&*started));
    assert_eq!(positions(&all_of(red.correlated(started)).await), positions(&[second, third]));
}

pub async fn a_correlation_is_read_in_global_order(adapter: Subject) {
    let store = store(&adapter);
    let of = |id: &str| store.with_scope(Scope::default().correlation(id));
    for _ in 0..20 {
        for (id, name) in [("wanted", "a"), ("other", "a"), ("wanted", "b"), ("not wanted", "b")] {
            append(&of(id), name, Any, Noted::many(1)).await;
        }
        // The text is there, and is not the id.
        append(&store, "c", Any, with_metadata(r#"{"note":"wanted","actor_id":"a\nb"}"#)).await;
    }
    let all = everything(&store).await;
    let wanted: Vec<_> = all
        .iter()
        .filter(|event| event.metadata().correlation_id().as_deref() == Some("wanted"))
        .map(|event| event.position().get())
        .collect();
    assert_eq!(positions(&all_of(store.correlated("wanted")).await), wanted);
    assert_eq!(wanted.len(), 40);
    // Pages are full as long as there is more.
    let options = AllOptions::new().correlation_id("wanted").limit(BatchSize::new(7).unwrap());
    let page = store.read_all(options.clone()).await.unwrap();
    assert_eq!(positions(&page), wanted[..7]);
    let next = options.clone().after(page[6].position());
    assert_eq!(positions(&store.read_all(next).await.unwrap()), wanted[7..14]);
    assert_eq!(positions(&all_of(store.all_events(options)).await), wanted);
    let of_a = AllOptions::new().correlation_id("wanted").stream(stream("a"));
    assert_eq!(store.read_all(of_a).await.unwrap().len(), 20);
    let of_b =
        AllOptions::new().correlation_id("wanted").category("b").event_types(["contract.noted"]);
    assert_eq!(store.read_all(of_b).await.unwrap().len(), 20);
    let other = store.with_scope(Scope::tenant(Tenant::new("red").unwrap()));
    assert!(all_of(other.correlated("wanted")).await.is_empty());
    assert!(all_of(store.correlated("want")).await.is_empty());
}

pub async fn a_correlation_is_found_however_its_id_is_written(adapter: Subject) {
    let store = store(&adapter);
    let written = [
        (r#"{"correlation_id":"caf\u00e9"}"#, "café"),
        (r#"{ "correlation_id" : "café" }"#, "café"),
        (r#"{"correlation_id":"a\"b"}"#, "a\"b"),
        (r#"{"correlation_id":"back\\slash"}"#, "back\\slash"),
        (r#"{"correlation_id":"100%_'; --"}"#, "100%_'; --"),
        (r#"{"correlation_id":""}"#, ""),
    ];
    for (json, _) in written {
        append(&store, "s", Any, with_metadata(json)).await;
    }
    for (_, id) in written {
        let found = all_of(store.correlated(id)).await;
        let expected = written.iter().filter(|(_, other)| *other == id).count();
        assert_eq!(found.len(), expected, "{id}");
    }
}
