//! [`EventStore`]: the facade that applications use. It validates and encodes events before an append, adds retries, tracing
//! and metrics to every call, and returns stored events ready to decode.

mod assigned;
pub(crate) mod builder;
mod census;
pub(crate) mod connect;
mod correlated;
pub(crate) mod event_stream;
mod failures;
mod health;
mod link;
mod link_streams;
mod operate;
pub(crate) mod operation;
mod place;
pub(crate) mod retry;
mod schema;
mod snapshot;
mod storable;
mod stream_page;
mod streams;
pub(crate) mod trace;
pub(crate) mod transaction;
mod transfer;
mod verify;

use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};

use self::assigned::Assigned;
use self::builder::Settings;
pub(crate) use self::builder::StoreBuilder;
pub use self::connect::{Connect, without_password};
pub(crate) use self::event_stream::EventStream;
use self::failures::Failures;
use self::link_streams::LinkStreams;
pub(crate) use self::operation::Operation;
pub(crate) use self::place::Place;
pub(crate) use self::retry::RetryPolicy;
pub use self::schema::Schema;
use self::trace::Trace;
pub(crate) use self::trace::link_trace;
pub use self::transaction::Transaction;
pub use self::verify::Verify;
use crate::adapter::append::{Appended, Commit, Outcome, StreamAppend};
use crate::adapter::{
    Adapter, AllOptions, BoxFuture, ListOptions, ReadOptions, StreamInfo, TenantView,
};
use crate::envelope::{EventData, NewEvent, NewEvents, RecordedEvent};
use crate::error::{Context, Error, Result};
use crate::memory::MemoryAdapter;
use crate::registry::Registry;
use crate::value::{
    BatchSize, EventId, ExpectedVersion, InvalidBatchSize, Position, Scope, StreamId, StreamVersion,
};

/// An event store: everything an application does goes through it. Cheap to clone, bound to a [`Scope`].
///
/// ```
/// use event_core::{EventStore, ExpectedVersion, ReadOptions, StreamId};
/// # use event_core::{Event, EventVersion};
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened {
/// #     const TYPE: &'static str = "opened";
/// #     const VERSION: EventVersion = EventVersion::FIRST;
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// let store = EventStore::in_memory()?;
/// let door = StreamId::new("door-1")?;
/// store.append(&door, ExpectedVersion::NoStream, [Opened { by: "ann".into() }]).await?;
///
/// let page = store.read_stream(&door, ReadOptions::forward()).await?;
/// assert_eq!(page[0].decode::<Opened>()?, Opened { by: "ann".into() });
///
/// let lost_race = store.append(&door, ExpectedVersion::NoStream, [Opened { by: "bob".into() }]).await;
/// assert_eq!(lost_race.unwrap_err().code(), "wrong_expected_version");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct EventStore {
    shared: Arc<Shared>,
    scope: Scope,
    view: TenantView,
}

struct Shared {
    adapter: Arc<dyn Adapter>,
    settings: Settings,
    assigned: Assigned,
    link_streams: LinkStreams,
    failures: Failures,
}

impl EventStore {
    /// Opens a store in memory; its data ends with the process.
    ///
    /// # Errors
    /// [`Error::Registry`] if the events of this binary contradict each other; every problem is listed.
    pub fn in_memory() -> Result<Self> {
        Self::new(MemoryAdapter::new())
    }

    /// Opens a store on an adapter, with the default settings.
    ///
    /// # Errors
    /// As [`EventStore::in_memory`].
    pub fn new(adapter: impl Adapter) -> Result<Self> {
        Self::builder(adapter).build()
    }

    /// Configures a store on an adapter.
    pub fn builder(adapter: impl Adapter) -> StoreBuilder {
        StoreBuilder::new(Arc::new(adapter))
    }

    /// Returns a handle on the same store that is bound to a tenant, and adds the scope's correlation, causation and actor to the
    /// metadata of appended events.
    #[must_use]
    pub fn with_scope(&self, scope: Scope) -> Self {
        let view = TenantView::One(scope.tenant.clone());
        Self { shared: Arc::clone(&self.shared), scope, view }
    }

    /// Returns a handle for operators: reads see all tenants, and writes are refused until [`EventStore::with_scope`] binds one.
    #[must_use]
    pub fn all_tenants(&self) -> Self {
        Self { view: TenantView::All, ..self.clone() }
    }

    /// The scope that this handle is bound to.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Appends events to a stream, all or nothing.
    ///
    /// The events are encoded before the future is returned, so the future is `Send` even if the iterator is not.
    ///
    /// # Errors
    /// [`Error::WrongExpectedVersion`] if the stream has another version than expected, [`Error::StreamDeleted`],
    /// [`Error::StreamArchived`], [`Error::StreamLimitReached`], [`Error::EventIdConflict`];
    /// [`Error::InvalidEventData`] for an empty list or an invalid event, [`Error::InvalidBatchSize`] for more than 10 000
    /// events, [`Error::Serialization`]; [`Error::Connection`] after the last retry. An error means that nothing was written,
    /// except after a lost connection, when the outcome is unknown: append the same events with the same ids again to learn it.
    pub fn append<'a, I>(
        &'a self,
        stream_id: &'a StreamId,
        expected: ExpectedVersion,
        events: I,
    ) -> BoxFuture<'a, Result<Appended>>
    where
        I: NewEvents,
    {
        let events = events.collect_new();
        Box::pin(async move {
            let operation = self.operation("append", Some(stream_id));
            let append = operation.check(self.encode(stream_id, expected, events))?;
            let answers = self.commit(operation, vec![append]).await?;
            answers.into_iter().next().ok_or_else(|| self.no_answer())
        })
    }

    /// Starts a transaction: appends to several streams, and claims about others, in one commit, all or nothing.
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction::new(self)
    }

    /// Reads one page of a stream.
    ///
    /// # Errors
    /// [`Error::StreamNotFound`], [`Error::StreamDeleted`], [`Error::InvalidStartVersion`],
    /// [`Error::Connection`].
    pub async fn read_stream(
        &self,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        let operation = self.operation("read_stream", Some(stream_id));
        operation.check(options.check())?;
        let adapter = &self.shared.adapter;
        operation.run(|_| adapter.read_stream(&self.view, stream_id, options)).await
    }

    /// Reads a stream lazily, page by page; the options' limit is the page size.
    pub fn stream_events(&self, stream_id: &StreamId, options: ReadOptions) -> EventStream {
        EventStream::of_stream(self.clone(), stream_id.clone(), options)
    }

    /// Reads one page of all streams in global order, up to the last final position: no later commit is inserted before it.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub async fn read_all(&self, options: AllOptions) -> Result<Vec<RecordedEvent>> {
        // Events that were stored under a former name of a type match the filter, too.
        let operation = self.operation("read_all", None);
        let options = options.with_stored_names(operation.check(Registry::global())?);
        let adapter = &self.shared.adapter;
        operation.run(|_| adapter.read_all(&self.view, &options)).await
    }

    /// Reads all streams lazily up to the present, page by page; the options' limit is the page size.
    pub fn all_events(&self, options: AllOptions) -> EventStream {
        EventStream::of_all(self.clone(), options)
    }

    /// Reads one event by its id.
    ///
    /// # Errors
    /// [`Error::AmbiguousEvent`] under [`EventStore::all_tenants`] if several tenants use the id; [`Error::Connection`].
    pub async fn read_event(&self, event_id: EventId) -> Result<Option<RecordedEvent>> {
        let adapter = &self.shared.adapter;
        self.operation("read_event", None).run(|_| adapter.read_event(&self.view, event_id)).await
    }

    /// Reads an event that was stored at a position: not from a server that does not show it yet.
    pub(crate) async fn read_event_at_least(
        &self,
        event_id: EventId,
        position: Position,
    ) -> Result<Option<RecordedEvent>> {
        let adapter = &self.shared.adapter;
        let operation = self.operation("read_event", None);
        operation.run(|_| adapter.read_event_at_least(&self.view, event_id, position)).await
    }

    /// The version of a stream, which is the number of its last event; 0 if it does not exist or is deleted.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub async fn stream_version(&self, stream_id: &StreamId) -> Result<StreamVersion> {
        let adapter = &self.shared.adapter;
        let info = self
            .operation("stream_version", Some(stream_id))
            .run(|_| adapter.stream_info(&self.view, stream_id))
            .await?;
        Ok(info.filter(|info| !info.state.is_deleted()).map_or(StreamVersion::NONE, |i| i.version))
    }

    /// Describes a stream, also a deleted one.
    ///
    /// # Errors
    /// [`Error::StreamNotFound`] if it never existed, [`Error::Connection`].
    pub async fn stream_info(&self, stream_id: &StreamId) -> Result<StreamInfo> {
        let adapter = &self.shared.adapter;
        self.operation("stream_info", Some(stream_id))
            .run(|_| {
                Box::pin(async move {
                    let info = adapter.stream_info(&self.view, stream_id).await?;
                    info.ok_or_else(|| Error::stream_not_found(stream_id.clone()))
                })
            })
            .await
    }

    /// Lists a page of streams, sorted by tenant and name in byte order.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub async fn list_streams(&self, options: ListOptions) -> Result<Vec<StreamInfo>> {
        let adapter = &self.shared.adapter;
        self.operation("list_streams", None)
            .run(|_| adapter.list_streams(&self.view, &options))
            .await
    }

    /// Closes connections and files, for every handle on this store; later calls fail.
    pub async fn close(&self) {
        self.shared.adapter.close().await;
    }

    /// Validates and encodes the events of one stream.
    pub(crate) fn encode(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        events: Vec<NewEvent>,
    ) -> Result<StreamAppend> {
        check_size("an append", events.len()).map_err(|error| error.in_scope(&self.scope))?;
        let (now, trace) = (self.shared.settings.clock.now(), Trace::current());
        let events: Result<Vec<_>> = events
            .into_iter()
            .enumerate()
            .map(|(index, event)| {
                let mut data = event.into_data(index, now, &self.scope)?;
                if trace.is_recorded() {
                    data.metadata = trace.add_to(data.metadata);
                }
                check_event_size(index, &data, self.shared.settings.event_size_limit)?;
                storable::check(index, &data)?;
                Ok(data)
            })
            .collect();
        let events =
            events.and_then(storable::check_causes).map_err(|error| error.in_scope(&self.scope))?;
        Ok(StreamAppend { stream_id: stream_id.clone(), expected, events })
    }

    /// Stores encoded appends to distinct streams, all or nothing.
    pub(crate) async fn commit(
        &self,
        operation: Operation<'_>,
        appends: Vec<StreamAppend>,
    ) -> Result<Vec<Appended>> {
        let commit = operation.check(self.prepare(appends))?;
        self.commit_prepared(operation, &commit).await
    }

    /// Stores a commit that [`prepare`](Self::prepare) returned.
    pub(crate) async fn commit_prepared(
        &self,
        operation: Operation<'_>,
        first: &Commit,
    ) -> Result<Vec<Appended>> {
        let events: usize = first.appends.iter().map(|append| append.events.len()).sum();
        let repeated = OnceLock::new();
        let adapter = &self.shared.adapter;
        let answers = operation
            .run(|retries| match retries {
                0 => adapter.commit(first),
                _ => {
                    adapter.commit(repeated.get_or_init(|| Commit { retry: true, ..first.clone() }))
                }
            })
            .await?;
        if answers.iter().any(|answer| answer.outcome == Outcome::Stored) {
            metrics::counter!("event_store_events_appended_total").increment(events as u64);
        }
        Ok(answers)
    }

    pub(crate) fn adapter(&self) -> &dyn Adapter {
        &*self.shared.adapter
    }

    pub(crate) const fn tenant_view(&self) -> &TenantView {
        &self.view
    }

    /// The time by the store's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.shared.settings.clock.now()
    }

    /// Turns encoded appends into the commit that an adapter stores.
    pub(crate) fn prepare(&self, appends: Vec<StreamAppend>) -> Result<Commit> {
        self.require_tenant()?;
        let tenant = self.scope.tenant.clone();
        let stream_limit = self.shared.settings.stream_limit;
        let commit = Commit { tenant, appends, stream_limit, retry: false };
        check_ids(&commit).map_err(|error| error.in_scope(&self.scope))?;
        Ok(commit)
    }

    pub(crate) fn no_answer(&self) -> Error {
        Error::adapter(
            "append",
            format!("adapter `{}` returned no answer", self.shared.adapter.name()),
        )
    }

    pub(crate) fn require_tenant(&self) -> Result<()> {
        if self.view == TenantView::All {
            return Err(Error::invalid_append(
                "the view of all tenants is for reading; bind a tenant with `with_scope`",
            ));
        }
        Ok(())
    }

    pub(crate) fn operation<'a>(
        &'a self,
        name: &'static str,
        stream_id: Option<&'a StreamId>,
    ) -> Operation<'a> {
        let Shared { adapter, settings, .. } = &*self.shared;
        let policy = &settings.retry;
        Operation { name, adapter: adapter.name(), scope: &self.scope, stream_id, policy }
    }
}

impl fmt::Debug for EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStore")
            .field("adapter", &self.shared.adapter.name())
            .field("scope", &self.scope)
            .field("view", &self.view)
            .finish()
    }
}

/// Refuses an event above the size limit.
fn check_event_size(index: usize, event: &EventData, limit: usize) -> Result<()> {
    let size = event.data.get().len() + event.metadata.as_json().len();
    if size <= limit {
        return Ok(());
    }
    Err(Error::InvalidEventData {
        index: Some(index),
        event_type: Some(event.event_type.clone().into_owned()),
        reason: format!(
            "its data and metadata are {size} bytes, more than the {limit} allowed; store large data elsewhere and \
             refer to it in the event, or raise `event_size_limit`"
        ),
        context: Context::default(),
    })
}

/// Refuses an id that occurs twice in a commit: it could never be stored.
fn check_ids(commit: &Commit) -> Result<()> {
    let appends = commit.appends.iter();
    let ids =
        appends.flat_map(|append| append.events.iter().map(|event| (event.id, &append.stream_id)));
    check_distinct(ids.collect())
}

/// Refuses an id that occurs twice in one call.
fn check_distinct(mut ids: Vec<(EventId, &StreamId)>) -> Result<()> {
    if ids.len() == 1 {
        return Ok(());
    }
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::event_id_conflict(
            pair[0].1.clone(),
            Some(pair[0].0),
            "the id occurs twice in the call",
        )),
        None => Ok(()),
    }
}

fn check_size(what: &str, events: usize) -> Result<()> {
    if events == 0 {
        return Err(Error::invalid_append(format!("{what} needs at least one event")));
    }
    let max = BatchSize::MAX.get();
    if events > max as usize {
        return Err(InvalidBatchSize { given: events as u64, max }.into());
    }
    Ok(())
}
