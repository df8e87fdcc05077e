//! [`Shared`]: what all requests of a console share.

use std::sync::Arc;

use event_core::{EventStore, Scope, Tenant};

use crate::error::ConsoleError;
use crate::rebuilds::Rebuilds;
use crate::sample::Sampler;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::tail::Tail;

/// What all requests of a console share.
pub(crate) struct Shared {
    /// The view of all tenants.
    pub(crate) store: EventStore,
    pub(crate) settings: Settings,
    pub(crate) sessions: Sessions,
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) rebuilds: Arc<Rebuilds>,
}

impl Shared {
    pub(crate) fn new(store: &EventStore, settings: Settings) -> Result<Arc<Self>, ConsoleError> {
        let store = store.all_tenants();
        let sampler = Sampler::new(store.clone(), settings.sample_every);
        let (sessions, tail, rebuilds) = (Sessions::new()?, Arc::default(), Arc::default());
        Ok(Arc::new(Self { store, settings, sessions, sampler, tail, rebuilds }))
    }

    /// The store as a tenant sees it; `None` for all of them.
    pub(crate) fn store_of(&self, tenant: Option<Tenant>) -> EventStore {
        match tenant {
            Some(tenant) => self.store.with_scope(Scope::tenant(tenant)),
            None => self.store.clone(),
        }
    }
}
