//! Sends the batches of an import to the adapter.

use crate::adapter::TenantView;
use crate::adapter::import::{ImportBatch, Imported};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::Tenant;

impl EventStore {
    /// Stores a batch from another store.
    pub(crate) async fn import_batch(&self, batch: &ImportBatch) -> Result<Imported> {
        let adapter = &self.shared.adapter;
        let imported = self.operation("import", None).run(|_| adapter.import(batch)).await?;
        if matches!(batch, ImportBatch::Events { .. }) {
            metrics::counter!("event_store_events_appended_total").increment(imported.stored);
        }
        Ok(imported)
    }

    /// Refuses data of a tenant that this handle does not see.
    pub(crate) fn check_tenant(&self, tenant: &Tenant) -> Result<()> {
        match &self.view {
            TenantView::One(own) if own != tenant => Err(Error::invalid_import(
                None,
                format!(
                    "it contains data of {tenant:?}, but this handle is bound to {own:?}; import with `all_tenants()`, or bind that tenant"
                ),
            )),
            _ => Ok(()),
        }
    }
}
