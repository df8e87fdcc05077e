//! Sends the batches of an import to the adapter.

use crate::adapter::import::{ImportBatch, Imported};
use crate::adapter::{StreamInfo, TenantView};
use crate::error::{Error, Result};
use crate::store::{EventStore, storable};
use crate::value::{Scope, Tenant};

impl EventStore {
    /// Stores a batch from another store; `events_came` says whether batches of events came before it. A stream that is named again after
    /// its events was truncated at its source since: it is truncated here as well.
    pub(crate) async fn import_after(
        &self,
        batch: &ImportBatch,
        events_came: bool,
    ) -> Result<Imported> {
        if let ImportBatch::Streams(entries) = batch
            && events_came
        {
            for entry in entries.iter().filter(|it| !it.holds_links && !it.state.is_deleted()) {
                self.truncate_like(entry).await?;
            }
        }
        if let ImportBatch::Events { events, .. } = batch {
            events.iter().try_for_each(storable::check_imported)?;
        }
        let adapter = &self.shared.adapter;
        let imported = self.operation("import", None).run(|_| adapter.import(batch)).await?;
        if matches!(batch, ImportBatch::Events { .. }) {
            metrics::counter!("event_store_events_appended_total").increment(imported.stored);
        }
        Ok(imported)
    }

    /// Truncates the events of a stream that its source has no more.
    async fn truncate_like(&self, entry: &StreamInfo) -> Result<()> {
        let scope = Scope { tenant: entry.tenant.clone(), ..self.scope().clone() };
        let here = self.with_scope(scope);
        let info = match here.stream_info(&entry.stream_id).await {
            Err(Error::StreamNotFound { .. }) => return Ok(()),
            info => info?,
        };
        let first = entry.first_version.min(info.version.next());
        if info.holds_links || info.state.is_deleted() || first <= info.first_version {
            return Ok(());
        }
        here.truncate_before(&entry.stream_id, first).await
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
