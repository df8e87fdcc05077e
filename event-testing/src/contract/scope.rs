//! Tenants and scopes.

use super::{Subject, append, everything, store, stream};
use crate::Noted;
use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{
    Error, EventId, EventStore, ListOptions, Metadata, NewEvent, ReadOptions, Scope, Tenant,
};

fn tenant(store: &EventStore, name: &str) -> EventStore {
    store.with_scope(Scope::tenant(Tenant::new(name).unwrap()))
}

pub async fn a_tenant_sees_only_its_own_data(adapter: Subject) {
    let store = store(&adapter);
    let (red, blue) = (tenant(&store, "red"), tenant(&store, "blue' or true --"));
    append(&red, "s", NoStream, Noted::many(2)).await;
    append(&blue, "s", NoStream, Noted::many(1)).await;
    append(&blue, "only-blue", NoStream, Noted::many(1)).await;
    assert_eq!(everything(&red).await.len(), 2);
    assert_eq!(everything(&blue).await.len(), 2);
    assert!(everything(&store).await.is_empty());
    let error = red.read_stream(&stream("only-blue"), ReadOptions::forward()).await.unwrap_err();
    assert_eq!(error.code(), "stream_not_found");
    let blue_id = everything(&blue).await[0].event_id();
    assert!(red.read_event(blue_id).await.unwrap().is_none());
    assert_eq!(red.list_streams(ListOptions::new()).await.unwrap().len(), 1);
    assert_eq!(red.stream_version(&stream("only-blue")).await.unwrap().get(), 0);
}

pub async fn the_operator_sees_all_tenants(adapter: Subject) {
    let store = store(&adapter);
    let (red, blue) = (tenant(&store, "red"), tenant(&store, "blue"));
    append(&red, "s", NoStream, Noted::many(2)).await;
    append(&blue, "s", NoStream, Noted::many(1)).await;
    append(&blue, "t", NoStream, Noted::many(1)).await;
    let operator = store.all_tenants();
    let all = everything(&operator).await;
    let tenants: Vec<_> = all.iter().map(|event| event.tenant().as_str()).collect();
    assert_eq!(tenants, ["red", "red", "blue", "blue"]);
    let list = operator.list_streams(ListOptions::new()).await.unwrap();
    let list: Vec<_> = list.iter().map(|i| (i.tenant.as_str(), i.stream_id.as_str())).collect();
    assert_eq!(list, [("blue", "s"), ("blue", "t"), ("red", "s")]);
    let page = operator.read_stream(&stream("t"), ReadOptions::forward()).await.unwrap();
    assert_eq!(page[0].tenant().as_str(), "blue");
    let error = operator.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap_err();
    assert!(matches!(error, Error::AmbiguousStream { .. }), "{error}");
    let error = operator.append(&stream("s"), Any, Noted::many(1)).await.unwrap_err();
    assert_eq!(error.code(), "invalid_event_data");
    assert!(operator.read_event(all[2].event_id()).await.unwrap().is_some());
}

pub async fn the_scope_is_in_metadata_and_errors(adapter: Subject) {
    let store = store(&adapter);
    let scope =
        Scope::tenant(Tenant::new("98").unwrap()).correlation("c").causation("x").actor("ann");
    let scoped = store.with_scope(scope.clone());
    let own = NewEvent::from(Noted::new("own"))
        .with_metadata(Metadata::new().with_correlation_id("mine").with_source_id("line-1"));
    append(&scoped, "s", NoStream, vec![Noted::new("scope's").into(), own]).await;
    let page = scoped.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap();
    let (first, second) = (page[0].metadata(), page[1].metadata());
    assert_eq!(first.correlation_id().as_deref(), Some("c"));
    assert_eq!(first.causation_id().as_deref(), Some("x"));
    assert_eq!(first.actor_id().as_deref(), Some("ann"));
    assert_eq!(second.correlation_id().as_deref(), Some("mine"));
    assert_eq!(second.source_id().as_deref(), Some("line-1"));
    assert_eq!(second.actor_id().as_deref(), Some("ann"));
    let error = scoped.append(&stream("s"), NoStream, Noted::many(1)).await.unwrap_err();
    assert_eq!(error.scope(), Some(&scope));
    assert!(error.to_string().contains("tenant 98"), "{error}");
}

pub async fn an_id_of_several_tenants_is_ambiguous(adapter: Subject) {
    let store = store(&adapter);
    let id = EventId::new();
    let note = || [NewEvent::from(Noted::new("same")).with_id(id)];
    let tenants = ["a", "b"].map(|name| Tenant::new(name).unwrap());
    for tenant in &tenants {
        let own = store.with_scope(Scope::tenant(tenant.clone()));
        own.append(&stream("s"), Any, note()).await.unwrap();
        if *tenant == tenants[0] {
            assert!(store.all_tenants().read_event(id).await.unwrap().is_some());
        }
        let found = own.read_event(id).await.unwrap().unwrap();
        assert_eq!(found.tenant(), tenant);
    }
    let error = store.all_tenants().read_event(id).await.unwrap_err();
    let Error::AmbiguousEvent { event_id, tenants: named } = error else { panic!("{error}") };
    assert_eq!((event_id, named), (id, tenants.to_vec()));
}
