//! [`MemoryAdapter`]: the reference implementation of [`Adapter`], and the store of tests.
//!
//! One lock guards everything. A commit checks all its streams before it writes the first, so it is atomic, and positions have
//! no gaps and follow the order of commits.

mod change;
mod checkpoints;
mod import;
mod inline;
mod link;
mod live;
mod read;
mod read_models;
mod schema;
mod snapshot;
mod subscription;

use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::coop::consume_budget;
use uuid::Uuid;

use self::read_models::ReadModels;
pub(crate) use self::schema::NoSchema;
use self::snapshot::Snapshots;
use self::subscription::Subscriptions;
use crate::adapter::append::judge::{self, KnownEvent, StreamHead};
use crate::adapter::append::{Appended, Commit, LinkEvents, Outcome, StreamAppend, StreamChange};
use crate::adapter::import::{ImportBatch, Imported};
use crate::adapter::read::only_event;
use crate::adapter::{
    Adapter, AllOptions, CheckpointStore, Health, InlineModels, ListOptions, LiveLog,
    ProjectionReport, ReadModelStore, ReadOptions, SchemaStore, SnapshotStore, StreamInfo,
    StreamState, TenantView, Verification,
};
use crate::envelope::{EventData, RecordedEvent, RecordedParts};
use crate::error::{Error, Result};
use crate::registry::{SeenVersions, StoredVersion};
use crate::value::{Clock, EventId, ExpectedVersion, Position, StreamId, StreamVersion, Tenant};

/// A store in memory, for tests: it keeps every promise of an adapter, except that its data ends with the process. Clones share
/// their data, as two connections to one server do: closing one leaves the others open.
#[derive(Debug, Default)]
pub struct MemoryAdapter {
    state: Arc<Mutex<State>>,
    /// Notified of every commit, and when this or another clone closes.
    commits: watch::Sender<()>,
    clock: Clock,
    closed: AtomicBool,
    inline: InlineModels,
}

impl Clone for MemoryAdapter {
    fn clone(&self) -> Self {
        let (state, commits) = (Arc::clone(&self.state), self.commits.clone());
        let (clock, inline) = (self.clock.clone(), self.inline.clone());
        Self { state, commits, clock, closed: AtomicBool::new(false), inline }
    }
}

impl MemoryAdapter {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock that dates recorded events; the system clock by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the views that are written with each append; see [`Connect::inline`](crate::store::Connect::inline).
    #[must_use]
    pub fn inline(mut self, models: InlineModels) -> Self {
        self.inline = models;
        self
    }

    /// Locks the state of an open store. Nothing here ever waits, so a loop of calls would keep its runtime to itself
    /// without the runtime's budget.
    async fn enter(&self) -> Result<MutexGuard<'_, State>> {
        consume_budget().await;
        self.lock()
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::adapter("use the store in memory", "the store is closed"));
        }
        // No code panics between two writes under this lock, so the data behind a poisoned lock is consistent.
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug, Default)]
struct State {
    last_position: u64,
    log: BTreeMap<Position, Arc<RecordedEvent>>,
    streams: BTreeMap<(Tenant, StreamId), Stream>,
    ids: HashMap<(Tenant, EventId), Position>,
    /// Where the events were that were truncated or deleted: an id is never used again.
    removed: HashMap<(Tenant, EventId), Location>,
    subscriptions: Subscriptions,
    /// The number of subscriptions that were ever created.
    incarnations: u64,
    snapshots: Snapshots,
    read_models: ReadModels,
    versions: SeenVersions,
}

/// Where an event is, or was.
#[derive(Debug, Clone)]
struct Location {
    stream_id: StreamId,
    version: StreamVersion,
    position: Position,
}

#[derive(Debug)]
struct Stream {
    events: Vec<Arc<RecordedEvent>>,
    /// The positions of the linked events, in a stream of links; `None` in a stream of events.
    links: Option<BTreeMap<StreamVersion, Position>>,
    version: StreamVersion,
    first_version: StreamVersion,
    state: StreamState,
    created_at: DateTime<Utc>,
    /// The last calls that changed it: one whose answer was lost may be repeated.
    calls: VecDeque<Uuid>,
}

impl State {
    fn commit(&mut self, commit: &Commit, now: DateTime<Utc>) -> Result<Vec<Appended>> {
        match self.judge(commit)? {
            Some(stored) => Ok(stored),
            None => Ok(self.store(commit, now)),
        }
    }

    /// The first answers to a commit that is stored already; `None` for one that can be stored.
    fn judge(&self, commit: &Commit) -> Result<Option<Vec<Appended>>> {
        let find = |append: &StreamAppend, id| self.known_event(&commit.tenant, append, id);
        if let Some(stored) = judge::already_stored(&commit.appends, find)? {
            return Ok(Some(stored));
        }
        for append in &commit.appends {
            let head = self.head(&commit.tenant, &append.stream_id).unwrap_or(StreamHead::NONE);
            head.append(append, commit.stream_limit)?;
        }
        Ok(None)
    }

    /// Stores a commit that was judged.
    fn store(&mut self, commit: &Commit, now: DateTime<Utc>) -> Vec<Appended> {
        let appends = commit.appends.iter().filter(|append| !append.is_claim());
        appends.map(|append| self.write(&commit.tenant, append, now)).collect()
    }

    fn known_event(
        &self,
        tenant: &Tenant,
        append: &StreamAppend,
        id: EventId,
    ) -> Option<KnownEvent> {
        let Location { stream_id, version, position } = self.locate(tenant, id)?;
        let in_stream = stream_id == append.stream_id;
        Some(KnownEvent { in_stream, stream_version: version, position })
    }

    /// Where an event is, or was before it was removed.
    fn locate(&self, tenant: &Tenant, id: EventId) -> Option<Location> {
        let key = (tenant.clone(), id);
        match self.ids.get(&key).and_then(|position| self.log.get(position)) {
            Some(event) => Some(Location::of(event)),
            None => self.removed.get(&key).cloned(),
        }
    }

    fn head(&self, tenant: &Tenant, stream_id: &StreamId) -> Option<StreamHead> {
        self.streams.get(&(tenant.clone(), stream_id.clone())).map(Stream::head)
    }

    fn write(&mut self, tenant: &Tenant, append: &StreamAppend, now: DateTime<Utc>) -> Appended {
        let key = (tenant.clone(), append.stream_id.clone());
        let stream = self.streams.entry(key).or_insert_with(|| Stream::new(now));
        let batch = append.events.iter().map(|data| (&*data.event_type, data.version));
        self.versions.extend(self.versions.unseen(batch));
        for data in &append.events {
            self.last_position += 1;
            let position = Position::new(self.last_position);
            stream.version = stream.version.next();
            let event = record(tenant, append, data, stream.version, position, now);
            let event = Arc::new(event);
            stream.events.push(Arc::clone(&event));
            self.log.insert(position, event);
            self.ids.insert((tenant.clone(), data.id), position);
        }
        Appended {
            stream_version: stream.version,
            position: Position::new(self.last_position),
            outcome: Outcome::Stored,
        }
    }
}

impl Location {
    fn of(event: &RecordedEvent) -> Self {
        Self {
            stream_id: event.stream_id().clone(),
            version: event.stream_version(),
            position: event.position(),
        }
    }
}

impl Stream {
    const fn new(now: DateTime<Utc>) -> Self {
        Self {
            events: Vec::new(),
            links: None,
            version: StreamVersion::NONE,
            first_version: StreamVersion::new(1),
            state: StreamState::Active,
            created_at: now,
            calls: VecDeque::new(),
        }
    }

    const fn head(&self) -> StreamHead {
        StreamHead {
            version: self.version,
            first_version: self.first_version,
            state: self.state,
            holds_links: self.links.is_some(),
        }
    }

    fn info(&self, tenant: &Tenant, stream_id: &StreamId) -> StreamInfo {
        StreamInfo {
            tenant: tenant.clone(),
            stream_id: stream_id.clone(),
            version: self.version,
            first_version: self.first_version,
            state: self.state,
            created_at: self.created_at,
            holds_links: self.links.is_some() && !self.state.is_deleted(),
        }
    }
}

pub(super) fn record(
    tenant: &Tenant,
    append: &StreamAppend,
    data: &EventData,
    stream_version: StreamVersion,
    position: Position,
    recorded_at: DateTime<Utc>,
) -> RecordedEvent {
    RecordedEvent::from_parts(RecordedParts {
        tenant: tenant.clone(),
        stream_id: append.stream_id.clone(),
        stream_version,
        position,
        event_id: data.id,
        event_type: data.event_type.clone(),
        event_version: data.version,
        data: data.data.clone(),
        metadata: data.metadata.clone(),
        recorded_at,
    })
}

#[async_trait]
impl Adapter for MemoryAdapter {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        let now = self.clock.now();
        let (answers, after) = match self.inline.wanting(commit) {
            None => (self.enter().await?.commit(commit, now)?, Vec::new()),
            Some(models) => self.enter().await?.commit_inline(commit, now, models)?,
        };
        self.commits.send_replace(());
        for effects in after {
            effects.await;
        }
        Ok(answers)
    }

    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        self.enter().await?.page(view, stream_id, options)
    }

    async fn read_all(
        &self,
        view: &TenantView,
        options: &AllOptions,
    ) -> Result<Vec<RecordedEvent>> {
        Ok(self.enter().await?.all(view, options))
    }

    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>> {
        let state = self.enter().await?;
        if let TenantView::One(tenant) = view {
            let position = state.ids.get(&(tenant.clone(), event_id));
            let found = position.and_then(|position| state.log.get(position));
            return Ok(found.map(|event| RecordedEvent::clone(event)));
        }
        let found = state.log.values().filter(|event| event.event_id() == event_id);
        let seen = found.filter(|event| view.sees(event.tenant()));
        only_event(seen.map(|event| RecordedEvent::clone(event)))
    }

    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>> {
        let state = self.enter().await?;
        Ok(state.find(view, stream_id)?.map(|(tenant, stream)| stream.info(tenant, stream_id)))
    }

    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>> {
        Ok(self.enter().await?.list(view, options))
    }

    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        self.enter().await?.change(tenant, stream_id, expected, change, None)
    }

    async fn change_stream_once(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
        call: Uuid,
    ) -> Result<()> {
        self.enter().await?.change(tenant, stream_id, expected, change, Some(call))
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        self
    }

    async fn link(&self, link: &LinkEvents) -> Result<Appended> {
        self.enter().await?.link(link, self.clock.now())
    }

    async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
        let imported = self.enter().await?.import(batch)?;
        self.commits.send_replace(());
        Ok(imported)
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        Ok(self.enter().await?.versions.iter().collect())
    }

    async fn projections(&self) -> Result<Vec<ProjectionReport>> {
        Ok(self.enter().await?.read_models.reports())
    }

    fn read_models(&self) -> Option<&dyn ReadModelStore> {
        Some(self)
    }

    fn schema(&self) -> Option<&dyn SchemaStore> {
        Some(&NoSchema)
    }

    fn live(&self) -> &dyn LiveLog {
        self
    }

    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        Some(self)
    }

    async fn health(&self) -> Result<Health> {
        drop(self.enter().await?);
        Ok(Health::new("memory", Duration::ZERO))
    }

    async fn verify(&self) -> Result<Verification> {
        // Nothing but this program writes it.
        drop(self.enter().await?);
        Ok(Verification::default())
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.commits.send_replace(());
    }
}
