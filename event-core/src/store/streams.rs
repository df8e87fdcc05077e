//! Deletes, archives and truncates streams.

use uuid::Uuid;

use crate::adapter::Delete;
use crate::adapter::append::StreamChange;
use crate::error::{Error, Result};
use crate::store::{EventStore, Shared};
use crate::value::{ExpectedVersion, StreamId, StreamVersion};

/// Streams cannot be renamed: links, metadata and exports refer to a [`StreamId`], which always means the same history. To
/// continue under another name, start a new stream and archive the old one.
impl EventStore {
    /// Deletes a stream; its name is never reused. A stream that was deleted softly may be deleted hard later.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a hard deletion where
    /// [`forbid_hard_deletion`](crate::store::Connect::forbid_hard_deletion) is set; [`Error::WrongExpectedVersion`]; [`Error::StreamNotFound`] for a missing stream, unless the expected version says that it
    /// does not exist; [`Error::StreamDeleted`]; [`Error::Connection`].
    pub async fn delete_stream(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        delete: Delete,
    ) -> Result<(), Error> {
        if delete == Delete::Hard && !self.shared.settings.allows_hard_deletion {
            let reason =
                "this store was opened with `forbid_hard_deletion`; archive it or delete it softly";
            let error = Error::Forbidden { operation: "remove the events of a stream", reason };
            return Err(self.operation("delete_stream", Some(stream_id)).refuse(error));
        }
        let change = StreamChange::Delete(delete);
        self.change_stream("delete_stream", stream_id, expected, change).await
    }

    /// The number of events or links that a stream holds, without reading them; 0 if it does not exist or is deleted.
    /// Truncated events do not count.
    ///
    /// # Errors
    /// [`Error::AmbiguousStream`] in the view of all tenants; [`Error::Connection`].
    pub async fn count_events(&self, stream_id: &StreamId) -> Result<u64, Error> {
        let adapter = &self.shared.adapter;
        let info = self
            .operation("count_events", Some(stream_id))
            .run(|_| adapter.stream_info(&self.view, stream_id))
            .await?;
        Ok(info.filter(|info| !info.state.is_deleted()).map_or(0, |info| info.events()))
    }

    /// Makes a stream read-only: every append fails with [`Error::StreamArchived`].
    ///
    /// # Errors
    /// [`Error::WrongExpectedVersion`], [`Error::StreamNotFound`], [`Error::StreamDeleted`], [`Error::Connection`].
    pub async fn archive_stream(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
    ) -> Result<(), Error> {
        self.change_stream("archive_stream", stream_id, expected, StreamChange::Archive).await
    }

    /// Removes the events before a version permanently. Reads then start at this version, the numbering continues, and the
    /// stream limit counts only the remaining events. The version may be at most one after the last event's.
    ///
    /// Afterwards recovery needs a snapshot at the version before this one, or later.
    ///
    /// # Errors
    /// [`Error::WrongExpectedVersion`] if the stream ends earlier; [`Error::StreamNotFound`],
    /// [`Error::StreamDeleted`], [`Error::Connection`].
    pub async fn truncate_before(
        &self,
        stream_id: &StreamId,
        version: StreamVersion,
    ) -> Result<(), Error> {
        let change = StreamChange::TruncateBefore(version);
        self.change_stream("truncate_before", stream_id, ExpectedVersion::Any, change).await
    }

    async fn change_stream(
        &self,
        operation: &'static str,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<(), Error> {
        let operation = self.operation(operation, Some(stream_id));
        operation.check(self.require_tenant())?;
        let Shared { adapter, .. } = &*self.shared;
        let tenant = &self.scope.tenant;
        // Fixed before the first attempt: a later one learns what an earlier one did.
        let call = Uuid::now_v7();
        operation
            .run(|_| adapter.change_stream_once(tenant, stream_id, expected, change, call))
            .await
    }
}
