//! [`Adapter`]: what a backend implements, and nothing an application calls (S-02 to S-04, S-26).
//!
//! An adapter moves encoded data. It does not decode, retry or check names: the facade has done so. It is
//! object-safe, so that the backend is chosen at run time.

pub mod append;
pub(crate) mod checkpoints;
pub(crate) mod factory;
pub(crate) mod health;
pub mod import;
pub(crate) mod live;
pub(crate) mod live_buffer;
pub(crate) mod request;
pub(crate) mod snapshots;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use self::append::{Appended, Commit, LinkEvents, StreamChange};
pub use self::checkpoints::{
    Checkpoint, CheckpointStore, Heartbeat, Lease, ParkedEvent, PartitionState, Registered,
    SubscriptionKey,
};
pub use self::factory::AdapterFactory;
pub(crate) use self::health::Health;
use self::import::{ImportBatch, Imported};
pub use self::live::{LiveLog, LogSegment, LogUpdate};
pub use self::live_buffer::{LiveBuffer, Publisher};
pub(crate) use self::request::{AllOptions, Delete, ListOptions, ReadOptions, StreamInfo};
pub use self::request::{Direction, StreamState};
use self::snapshots::NoSnapshots;
pub use self::snapshots::{OwnedSnapshot, SnapshotStore, StoredSnapshot};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::value::{EventId, ExpectedVersion, StreamId, Tenant};

pub use async_trait::async_trait;
pub use inventory::submit;

use crate::registry::StoredVersion;

/// A boxed future, as an object-safe trait returns it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whose data a read sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantView {
    /// One tenant's.
    One(Tenant),
    /// Everybody's: the operator's view.
    All,
}

impl TenantView {
    /// The tenant that it is narrowed to; none for everybody.
    pub const fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::One(own) => Some(own),
            Self::All => None,
        }
    }

    /// Whether a tenant's events show in it.
    pub fn sees(&self, tenant: &Tenant) -> bool {
        self.tenant().is_none_or(|own| own == tenant)
    }
}

/// A backend. Every promise is in the contract suite (feature `testing`), which runs on any adapter.
///
/// The order in which an append is judged: ids already stored (the same stream, order and contiguity give
/// [`Outcome::AlreadyStored`], anything else [`Error::EventIdConflict`](crate::Error::EventIdConflict)), then the
/// stream's state, then the claim, then the limit. A refused commit writes nothing and uses no position.
#[async_trait]
pub trait Adapter: Send + Sync + 'static {
    /// A short name for metrics and logs: `memory`, `postgres`.
    fn name(&self) -> &'static str;

    /// Stores a commit, all or nothing; one answer per append, in order.
    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>>;

    /// A page of one stream; missing and deleted streams are errors, a start beyond the end is an empty page.
    ///
    /// Under [`TenantView::All`] a name that several tenants use is an error that says so.
    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>>;

    /// A page of everything in global order, only what no later commit can get in front of.
    async fn read_all(&self, view: &TenantView, options: &AllOptions)
    -> Result<Vec<RecordedEvent>>;

    /// One event by its id.
    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>>;

    /// What is known of a stream, deleted ones included; `None` if it never existed.
    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>>;

    /// A page of the list of streams, by tenant and name in byte order.
    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>>;

    /// Changes what may be done with a stream. A missing one is `StreamNotFound`, unless it is to be deleted and the
    /// claim is that it does not exist (D-23); a deleted one is `StreamDeleted`.
    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()>;

    /// Where the states of aggregates are kept. A backend that says nothing of it keeps none: recovery then reads all
    /// events each time.
    fn snapshots(&self) -> &dyn SnapshotStore {
        &NoSnapshots
    }

    /// Makes a stream refer to existing events, all or none; an event that is removed later leaves its link without
    /// effect, and its number unused.
    ///
    /// Judged in this order, under the stream's lock: events that it links to already (all of them, in this order,
    /// contiguous, give [`Outcome::AlreadyStored`], anything else
    /// [`Error::EventIdConflict`](crate::Error::EventIdConflict)), the stream's state, the claim, ids that are not
    /// stored, the limit. The answer's position is that of the last event.
    async fn link(&self, link: &LinkEvents) -> Result<Appended>;

    /// Stores what another store holds, all of the batch or nothing: no stream limit, no validation. What is there
    /// already, with the same ids in the same places, is skipped, so that a batch of unknown outcome is sent again.
    /// [`judge`](crate::adapter::import::judge) says what is stored, skipped and refused.
    async fn import(&self, batch: &ImportBatch) -> Result<Imported>;

    /// Every (event type, event version) that was ever stored, whoever's; each once. A pair is written down before, or
    /// with, the first event that has it: [`SeenVersions`](crate::registry::SeenVersions) says when.
    async fn census(&self) -> Result<Vec<StoredVersion>>;

    /// How the backend is, asked of it now: an answer means that it can be reached.
    async fn health(&self) -> Result<Health>;

    /// The growing end of the log, for those who follow it.
    fn live(&self) -> &dyn LiveLog;

    /// What is kept of durable subscriptions; a backend without it refuses them.
    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        None
    }

    /// Lets go of connections and files; calls after it fail.
    async fn close(&self);
}

macro_rules! forward_adapter {
    ($pointer:ident) => {
        #[async_trait]
        impl<A: Adapter + ?Sized> Adapter for $pointer<A> {
            fn name(&self) -> &'static str {
                (**self).name()
            }

            async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
                (**self).commit(commit).await
            }

            async fn read_stream(
                &self,
                view: &TenantView,
                stream_id: &StreamId,
                options: ReadOptions,
            ) -> Result<Vec<RecordedEvent>> {
                (**self).read_stream(view, stream_id, options).await
            }

            async fn read_all(
                &self,
                view: &TenantView,
                options: &AllOptions,
            ) -> Result<Vec<RecordedEvent>> {
                (**self).read_all(view, options).await
            }

            async fn read_event(
                &self,
                view: &TenantView,
                event_id: EventId,
            ) -> Result<Option<RecordedEvent>> {
                (**self).read_event(view, event_id).await
            }

            async fn stream_info(
                &self,
                view: &TenantView,
                stream_id: &StreamId,
            ) -> Result<Option<StreamInfo>> {
                (**self).stream_info(view, stream_id).await
            }

            async fn list_streams(
                &self,
                view: &TenantView,
                options: &ListOptions,
            ) -> Result<Vec<StreamInfo>> {
                (**self).list_streams(view, options).await
            }

            async fn change_stream(
                &self,
                tenant: &Tenant,
                stream_id: &StreamId,
                expected: ExpectedVersion,
                change: StreamChange,
            ) -> Result<()> {
                (**self).change_stream(tenant, stream_id, expected, change).await
            }

            fn snapshots(&self) -> &dyn SnapshotStore {
                (**self).snapshots()
            }

            async fn link(&self, link: &LinkEvents) -> Result<Appended> {
                (**self).link(link).await
            }

            async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
                (**self).import(batch).await
            }

            async fn census(&self) -> Result<Vec<StoredVersion>> {
                (**self).census().await
            }

            async fn health(&self) -> Result<Health> {
                (**self).health().await
            }

            fn live(&self) -> &dyn LiveLog {
                (**self).live()
            }

            fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
                (**self).checkpoints()
            }

            async fn close(&self) {
                (**self).close().await
            }
        }
    };
}

forward_adapter!(Arc);
forward_adapter!(Box);
