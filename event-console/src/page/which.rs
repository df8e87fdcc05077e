//! [`Which`]: the subscription of a path.

use event_core::Tenant;
use event_core::subscription::DurableSubscription;

use crate::failure::Failure;
use crate::links::name_of;
use crate::visit::Visit;

/// The subscription of a path.
#[derive(Debug, Clone)]
pub(crate) struct Which {
    pub(crate) tenant: Option<Tenant>,
    pub(crate) name: String,
}

impl Which {
    pub(crate) fn all(name: &str) -> Self {
        Self { tenant: None, name: name_of(name).to_owned() }
    }

    pub(crate) fn of(tenant: &str, name: &str) -> Result<Self, Failure> {
        let tenant = Tenant::new(name_of(tenant));
        let tenant = tenant.map_err(|error| Failure::Invalid(error.to_string()))?;
        Ok(Self { tenant: Some(tenant), name: name_of(name).to_owned() })
    }

    pub(crate) fn open(&self, visit: &Visit) -> DurableSubscription {
        visit.shared.store_of(self.tenant.clone()).subscription(&*self.name)
    }

    pub(crate) fn link(&self, visit: &Visit) -> String {
        visit.links.subscription(self.tenant.as_ref(), &self.name)
    }
}
