//! [`Adapter`]: the trait that a backend implements. Applications call [`EventStore`](crate::EventStore) instead.
//!
//! An adapter stores and returns encoded data. Decoding, retries and the validation of names are the facade's work. The trait
//! is object-safe, so that the backend is chosen at run time.

pub mod append;
pub(crate) mod builds;
pub(crate) mod checkpoints;
mod documents;
pub(crate) mod factory;
mod forward;
pub(crate) mod health;
pub mod import;
mod inline;
pub(crate) mod live;
pub(crate) mod live_buffer;
pub(crate) mod open;
mod page;
mod parked;
pub(crate) mod projection_report;
pub mod read;
pub(crate) mod read_model_state;
pub(crate) mod read_models;
pub(crate) mod request;
mod schema;
pub(crate) mod snapshots;
pub(crate) mod streams;
pub(crate) mod subscription_state;
pub(crate) mod tables;
pub(crate) mod verification;

use std::any::Any;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use uuid::Uuid;

use self::append::{Appended, Commit, LinkEvents, StreamChange};
pub use self::builds::{BuildMove, LastEvent, ModelDefinition, ModelKind, StoredBuild};
pub use self::checkpoints::{
    Alteration, Checkpoint, CheckpointMove, CheckpointStore, Heartbeat, Incarnation, KEPT_CHANGES,
    Lease, Moved, PartitionState, Passed, Registered, Registration, SubscriptionKey,
};
pub use self::documents::{DocumentKey, DocumentWrite, StoredDocument};
pub use self::factory::AdapterFactory;
pub(crate) use self::health::Health;
use self::import::{ImportBatch, Imported};
pub use self::inline::{
    AfterCommit, InlineModel, InlineModels, InlineTransaction, InlineWork, WantingModels,
};
pub(crate) use self::inline::{Overtake, not_moved};
pub use self::live::{LiveLog, LogSegment, LogUpdate, Place};
pub use self::live_buffer::{LiveBuffer, Publisher};
pub(crate) use self::open::Migrate;
pub use self::open::{Inline, IntoInline, OpenOptions};
pub(crate) use self::page::{MeanSize, is_full, within};
pub use self::page::{PAGE_BYTES, Room};
pub use self::parked::{DiscardedEvent, ParkedEvent, ParkedFilter};
pub(crate) use self::projection_report::ProjectionReport;
pub use self::read_models::{DocumentQuery, ReadModelStore, Switch, Written};
pub use self::request::Direction;
pub(crate) use self::request::{AllOptions, ReadOptions};
pub use self::schema::{SchemaMigration, SchemaStore};
use self::snapshots::NoSnapshots;
pub use self::snapshots::{OwnedSnapshot, SnapshotStore, StoredSnapshot};
pub(crate) use self::streams::{Delete, ListOptions, StreamInfo};
pub use self::streams::{ListOrder, StreamState};
pub use self::tables::{
    Cause, NotWritten, OpenTables, TableConnection, TableModel, TableStore, TableWork, time_text,
};
pub(crate) use self::verification::Verification;
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::{EventId, ExpectedVersion, Position, StreamId, Tenant};

pub use async_trait::async_trait;
pub use inventory::submit;

use crate::registry::StoredVersion;

/// The boxed future that an object-safe trait returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The tenants whose data a read sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantView {
    /// One tenant.
    One(Tenant),
    /// All tenants: the operator's view.
    All,
}

impl TenantView {
    /// The only tenant of the view; `None` for all tenants.
    pub const fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::One(own) => Some(own),
            Self::All => None,
        }
    }

    /// Whether the view includes a tenant.
    pub fn sees(&self, tenant: &Tenant) -> bool {
        self.tenant().is_none_or(|own| own == tenant)
    }
}

/// A backend. The contract suite of the crate `event-testing` tests every promise on any adapter.
///
/// An append is checked in this order: event ids that are already stored (in the same stream, in this order and contiguous
/// they give [`Outcome::AlreadyStored`](crate::Outcome::AlreadyStored), otherwise
/// [`Error::EventIdConflict`]), then the stream's state, then the expected version, then the
/// stream limit. A refused commit writes nothing and uses no position.
#[async_trait]
pub trait Adapter: Any + Send + Sync {
    /// A short name for metrics and logs: `memory`, `postgres`.
    fn name(&self) -> &'static str;

    /// The adapter that this one passes its calls on to: [`EventStore::backend`](crate::EventStore::backend) looks for a
    /// type through all of them. By default there is none.
    fn wrapped(&self) -> Option<&dyn Adapter> {
        None
    }

    /// Stores a commit, all or nothing. Returns one answer per append that has events, in order. A claim that holds has no answer
    /// and uses no position; it holds until the commit: no other writer changes the stream, or creates it, in between.
    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>>;

    /// Reads a page of one stream. Missing and deleted streams are errors; a start after the end gives an empty page.
    ///
    /// Under [`TenantView::All`] a name that several tenants use is
    /// [`Error::AmbiguousStream`].
    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>>;

    /// Reads a page of all streams in global order, up to the last final position: no later commit is inserted before it.
    async fn read_all(&self, view: &TenantView, options: &AllOptions)
    -> Result<Vec<RecordedEvent>>;

    /// Reads one event by its id.
    ///
    /// Under [`TenantView::All`] an id that several tenants use is
    /// [`Error::AmbiguousEvent`]: see [`only_event`](read::only_event).
    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>>;

    /// Reads one event by its id that was stored at a position: a server that does not show everything up to there yet is not
    /// asked, so that `None` means that the event was removed.
    async fn read_event_at_least(
        &self,
        view: &TenantView,
        event_id: EventId,
        position: Position,
    ) -> Result<Option<RecordedEvent>> {
        let _ = position;
        self.read_event(view, event_id).await
    }

    /// Describes a stream, also a deleted one; `None` if it never existed.
    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>>;

    /// Lists a page of streams, sorted by tenant and name in byte order.
    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>>;

    /// Deletes, archives or truncates a stream.
    ///
    /// A missing stream is `StreamNotFound`, unless it is to be deleted and the expected version says that it does not
    /// exist; a deleted one is `StreamDeleted`.
    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()>;

    /// [`change_stream`](Self::change_stream) as one attempt of a call that `call` identifies. A call that changed the stream in
    /// an earlier attempt succeeds, whatever happened to the stream since: the answer of that attempt may have been lost.
    ///
    /// By default no call is recognised, and a repeated deletion is refused as one of a deleted stream.
    async fn change_stream_once(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
        call: Uuid,
    ) -> Result<()> {
        let _ = call;
        self.change_stream(tenant, stream_id, expected, change).await
    }

    /// The store of aggregate snapshots. By default there are none, and every recovery reads all events.
    fn snapshots(&self) -> &dyn SnapshotStore {
        &NoSnapshots
    }

    /// Links a stream to existing events, all or none. When an event is removed later, reads skip its link, and the link's
    /// number is not reused.
    ///
    /// A link is checked in this order, under the stream's lock: events that are already linked (all of them, in this order
    /// and contiguous, give [`Outcome::AlreadyStored`](crate::Outcome::AlreadyStored), otherwise
    /// [`Error::EventIdConflict`]), the stream's state, the expected version, ids that are not
    /// stored, the stream limit. The returned position is that of the last event.
    async fn link(&self, link: &LinkEvents) -> Result<Appended>;

    /// Stores a batch from another store, all or nothing, without validation and stream limit. Events and links that are
    /// already stored under the same id and version are skipped, so that a batch of unknown outcome can be sent again.
    /// [`judge`](crate::adapter::import::judge) decides what is stored, skipped and refused.
    async fn import(&self, batch: &ImportBatch) -> Result<Imported>;

    /// Every (event type, event version) that any tenant ever stored, each once. A pair is recorded before or together with
    /// its first event: see [`SeenVersions`](crate::registry::SeenVersions).
    async fn census(&self) -> Result<Vec<StoredVersion>>;

    /// Checks the backend now; an answer means that it can be reached.
    async fn health(&self) -> Result<Health>;

    /// Finds what is damaged or contradicts itself in what is stored, as far as the database can tell: the facade reads the
    /// events beside. A backend without it says so.
    async fn verify(&self) -> Result<Verification> {
        Err(Error::unsupported("verify the store", self.name(), ""))
    }

    /// Copies the whole store into a new file, while others read and write. A backend without it says so.
    async fn backup(&self, path: &Path) -> Result<()> {
        let _ = path;
        Err(Error::unsupported("copy the store into a file", self.name(), ""))
    }

    /// Lets a role of the database use the store as an application. A backend without roles says so.
    async fn grant(&self, role: &str) -> Result<()> {
        let _ = role;
        Err(Error::unsupported("grant rights to a role", self.name(), ""))
    }

    /// Every build of every projection in tables, by name and number. A backend without such projections says so.
    async fn projections(&self) -> Result<Vec<ProjectionReport>> {
        Err(Error::unsupported("list projections", self.name(), ""))
    }

    /// Makes a build of a projection the current one, unless it is behind the one that is. By default this asks
    /// [`read_models`](Self::read_models).
    async fn switch_projection(&self, name: &str, build: u32) -> Result<Switch> {
        match self.read_models() {
            Some(models) => models.switch(name, build).await,
            None => Err(Error::unsupported("switch a projection", self.name(), "")),
        }
    }

    /// Removes a build of a projection, with what it holds, unless it is the current one; false if it does not exist. By
    /// default this asks [`read_models`](Self::read_models).
    async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        match self.read_models() {
            Some(models) => models.remove(name, build).await,
            None => Err(Error::unsupported("drop a projection", self.name(), "")),
        }
    }

    /// The builds of read models, and the documents of views; `None` if the backend does not support them.
    fn read_models(&self) -> Option<&dyn ReadModelStore> {
        None
    }

    /// The migrations of the backend's schema; `None` if it has no schema to migrate on purpose.
    fn schema(&self) -> Option<&dyn SchemaStore> {
        None
    }

    /// The end of the log, for readers that follow it.
    fn live(&self) -> &dyn LiveLog;

    /// The checkpoints of durable subscriptions; `None` if the backend does not support them.
    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        None
    }

    /// Closes connections and files; later calls fail.
    async fn close(&self);
}
