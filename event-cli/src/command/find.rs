//! [`find`]: a durable subscription by its name.

use event_core::subscription::{DurableSubscription, SubscriptionInfo};
use event_core::{EventStore, Scope};

use crate::failure::Failure;

/// The subscription of a name, whichever tenant's it is.
pub(super) async fn find(
    store: &EventStore,
    name: &str,
) -> Result<(DurableSubscription, SubscriptionInfo), Failure> {
    let mut found = store.subscriptions().await?;
    found.retain(|it| it.name == name);
    if found.len() > 1 {
        let tenants: Vec<_> = found.iter().map(owner).collect();
        let tenants = tenants.join(", ");
        return Err(Failure::usage(format!(
            "several tenants have a subscription {name}: {tenants}; `--tenant` names one"
        )));
    }
    let info = found
        .pop()
        .ok_or_else(|| Failure::not_found(format!("there is no subscription {name}")))?;
    let owner = match &info.tenant {
        Some(tenant) => store.with_scope(Scope::tenant(tenant.clone())),
        None => store.all_tenants(),
    };
    Ok((owner.subscription(name), info))
}

/// Whose events it delivers.
pub(super) fn owner(info: &SubscriptionInfo) -> String {
    info.tenant.as_ref().map_or("(all)".to_owned(), |tenant| tenant.as_str().to_owned())
}
