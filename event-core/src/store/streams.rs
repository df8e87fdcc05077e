//! What becomes of streams: deleted, archived, truncated.

use crate::adapter::Delete;
use crate::adapter::append::StreamChange;
use crate::error::{Error, Result};
use crate::store::{EventStore, Shared};
use crate::value::{ExpectedVersion, StreamId, StreamVersion};

/// There is no renaming: a [`StreamId`] stands in links, metadata and exports, and means one history for good. To go on
/// under another name, start a stream of that name and archive the old one.
impl EventStore {
    /// Deletes a stream; its name stays taken.
    ///
    /// # Errors
    /// [`Error::WrongExpectedVersion`]; [`Error::StreamNotFound`] for a missing stream, unless the claim is that
    /// there is none; [`Error::StreamDeleted`]; [`Error::Connection`].
    pub async fn delete_stream(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        delete: Delete,
    ) -> Result<(), Error> {
        let change = StreamChange::Delete(delete);
        self.change_stream("delete_stream", stream_id, expected, change).await
    }

    /// Makes a stream read-only: it is read as before, every append is [`Error::StreamArchived`].
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

    /// Removes the events before a version, for good: reads start there, numbers go on, and the stream limit counts
    /// what is kept. A later version than the one after the last is refused.
    ///
    /// State can then be recovered only from a snapshot at the version before, or later.
    ///
    /// # Errors
    /// [`Error::WrongExpectedVersion`] when the stream does not reach so far; [`Error::StreamNotFound`],
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
        self.require_tenant()?;
        let Shared { adapter, .. } = &*self.shared;
        let tenant = &self.scope.tenant;
        self.operation(operation, Some(stream_id))
            .run(|_| adapter.change_stream(tenant, stream_id, expected, change))
            .await
    }
}
