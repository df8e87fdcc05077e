//! The store as the owner of what is read or changed sees it.

use event_core::adapter::SubscriptionKey;
use event_core::{AllOptions, EventStore, Scope, Tenant};

use crate::browse::request::EventFilter;

/// The store as one tenant sees it.
pub(super) fn of_tenant(store: &EventStore, tenant: Tenant) -> EventStore {
    store.with_scope(Scope::tenant(tenant))
}

/// The store as the tenant of a subscription sees it.
pub(super) fn of_subscription(store: &EventStore, key: &SubscriptionKey) -> EventStore {
    match &key.tenant {
        Some(tenant) => of_tenant(store, tenant.clone()),
        None => store.all_tenants(),
    }
}

/// The store and the options that a filter means.
pub(super) fn selected(store: &EventStore, filter: EventFilter) -> (EventStore, AllOptions) {
    let mut options = AllOptions::new();
    if !filter.types.is_empty() {
        options = options.event_types(filter.types);
    }
    if let Some(correlation) = filter.correlation {
        options = options.correlation_id(correlation);
    }
    match filter.stream {
        None => (store.clone(), options),
        Some((tenant, stream)) => (of_tenant(store, tenant), options.stream(stream)),
    }
}
