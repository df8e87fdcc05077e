//! [`EventStore::delete_snapshot`]: removes a snapshot on purpose.

use crate::aggregate::Aggregate;
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::StreamId;

impl EventStore {
    /// Deletes the snapshot of an aggregate, if there is one: the next recovery reads all events. For a state that was folded
    /// by wrong code, whose version and shape did not change.
    ///
    /// A stream whose events before the snapshot were truncated cannot be recovered without it.
    ///
    /// # Errors
    /// [`Error::Adapter`] for an aggregate without [`Aggregate::SNAPSHOTS`]; [`Error::InvalidEventData`] in the view of all
    /// tenants; [`Error::Connection`].
    pub async fn delete_snapshot<A: Aggregate>(&self, stream_id: &StreamId) -> Result<bool> {
        const OPERATION: &str = "delete a snapshot";
        let Some(snapshots) = A::SNAPSHOTS else {
            return Err(Error::adapter(OPERATION, "the aggregate has no `SNAPSHOTS`"));
        };
        let operation = self.operation("delete_snapshot", Some(stream_id));
        operation.check(self.require_tenant())?;
        let (store, tenant) = (self.adapter().snapshots(), &self.scope().tenant);
        operation.run(|_| store.delete(tenant, stream_id, snapshots.kind())).await
    }
}
