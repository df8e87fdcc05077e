//! An adapter that injects faults into the one in memory, to test retries and unknown outcomes.

use event_core::adapter::async_trait;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{
    Adapter, BoxFuture, CheckpointStore, DocumentKey, DocumentQuery, DocumentWrite, InlineWork,
    LiveLog, LogUpdate, ModelDefinition, OwnedSnapshot, Place, ReadModelStore, SnapshotStore,
    StoredBuild, StoredDocument, StoredSnapshot, Switch, TenantView, Written,
};
use event_core::health::Health;
use event_core::registry::StoredVersion;
use event_core::{
    AllOptions, Appended, Error, EventId, ExpectedVersion, ListOptions, MemoryAdapter, Position,
    ReadOptions, RecordedEvent, Result, StreamId, StreamInfo, StreamVersion, Tenant,
};
use uuid::Uuid;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not: the call succeeds.
    Sound,
    /// The call does not reach the store.
    Lost,
    /// The call is executed, but its answer is lost.
    AnswerLost,
    /// A failure that is not transient.
    Permanent,
}

#[derive(Debug, Default)]
pub(crate) struct FlakyAdapter {
    inner: MemoryAdapter,
    faults: Mutex<Vec<Fault>>,
    calls: AtomicUsize,
    /// How often documents of views were written.
    writes: AtomicUsize,
    /// Whether a call waits for its answer, as that of a server does.
    waits: bool,
    /// Whether it has no durable subscriptions.
    lacks_checkpoints: bool,
}

impl FlakyAdapter {
    /// An adapter whose first calls have these faults, in order; later calls succeed.
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self::around(MemoryAdapter::new(), faults)
    }

    /// The same around an existing store.
    pub(crate) fn around(inner: MemoryAdapter, faults: &[Fault]) -> Self {
        let mut faults = faults.to_vec();
        faults.reverse();
        Self { inner, faults: Mutex::new(faults), ..Self::default() }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The same, whose calls are never answered at once.
    pub(crate) fn waiting(self) -> Self {
        Self { waits: true, ..self }
    }

    /// The same, without durable subscriptions.
    pub(crate) fn without_checkpoints(self) -> Self {
        Self { lacks_checkpoints: true, ..self }
    }

    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    async fn wait(&self) {
        if self.waits {
            tokio::task::yield_now().await;
        }
    }

    fn act<'a, T: Send + 'a>(&'a self, call: BoxFuture<'a, Result<T>>) -> BoxFuture<'a, Result<T>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap().pop();
        Box::pin(async move {
            self.wait().await;
            match fault {
                None | Some(Fault::Sound) => call.await,
                Some(Fault::Lost) => Err(Error::connection("reach the store", "refused")),
                Some(Fault::AnswerLost) => {
                    call.await?;
                    Err(Error::connection("read the answer", "connection reset"))
                }
                Some(Fault::Permanent) => Err(Error::adapter("do that", "syntax error")),
            }
        })
    }
}

#[async_trait]
impl Adapter for FlakyAdapter {
    fn name(&self) -> &'static str {
        "flaky"
    }

    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        self.act(self.inner.commit(commit)).await
    }

    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        self.act(self.inner.read_stream(view, stream_id, options)).await
    }

    async fn read_all(
        &self,
        view: &TenantView,
        options: &AllOptions,
    ) -> Result<Vec<RecordedEvent>> {
        self.act(self.inner.read_all(view, options)).await
    }

    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>> {
        self.act(self.inner.read_event(view, event_id)).await
    }

    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>> {
        self.act(self.inner.stream_info(view, stream_id)).await
    }

    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>> {
        self.act(self.inner.list_streams(view, options)).await
    }

    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        self.act(self.inner.change_stream(tenant, stream_id, expected, change)).await
    }

    async fn change_stream_once(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
        call: Uuid,
    ) -> Result<()> {
        self.act(self.inner.change_stream_once(tenant, stream_id, expected, change, call)).await
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        self
    }

    async fn link(&self, link: &LinkEvents) -> Result<Appended> {
        self.act(self.inner.link(link)).await
    }

    async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
        self.act(self.inner.import(batch)).await
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        self.act(self.inner.census()).await
    }

    fn live(&self) -> &dyn LiveLog {
        self
    }

    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        self.inner.checkpoints().filter(|_| !self.lacks_checkpoints)
    }

    fn read_models(&self) -> Option<&dyn ReadModelStore> {
        Some(self)
    }

    async fn health(&self) -> Result<Health> {
        self.act(self.inner.health()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[async_trait]
impl LiveLog for FlakyAdapter {
    async fn head(&self) -> Result<Position> {
        self.act(self.inner.live().head()).await
    }

    async fn last_assigned(&self) -> Result<Position> {
        self.act(self.inner.live().last_assigned()).await
    }

    async fn next(&self, after: Position, epoch: u64) -> Result<LogUpdate> {
        self.wait().await;
        self.inner.live().next(after, epoch).await
    }

    async fn place(&self, position: Position, since: u64) -> Result<Place> {
        self.inner.live().place(position, since).await
    }
}

/// Without faults; its writes are counted.
#[async_trait]
impl ReadModelStore for FlakyAdapter {
    async fn builds(&self, name: &str) -> Result<Vec<StoredBuild>> {
        ReadModelStore::builds(&self.inner, name).await
    }

    async fn begin(
        &self,
        name: &'static str,
        build: u32,
        definition: &ModelDefinition,
    ) -> Result<()> {
        self.inner.begin(name, build, definition).await
    }

    async fn write(&self, write: DocumentWrite) -> Result<Written> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.inner.write(write).await
    }

    async fn load(
        &self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        ReadModelStore::load(&self.inner, name, build, keys).await
    }

    async fn read(
        &self,
        name: &str,
        view: &TenantView,
        query: &DocumentQuery,
    ) -> Result<Option<(StoredBuild, Vec<StoredDocument>)>> {
        self.inner.read(name, view, query).await
    }

    async fn switch(&self, name: &str, build: u32) -> Result<Switch> {
        self.inner.switch(name, build).await
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        ReadModelStore::remove(&self.inner, name, build).await
    }

    async fn in_transaction(&self, work: Box<dyn InlineWork>) -> Result<()> {
        self.inner.in_transaction(work).await
    }
}

#[async_trait]
impl SnapshotStore for FlakyAdapter {
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        self.act(self.inner.snapshots().load(tenant, stream_id, kind)).await
    }

    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        self.act(self.inner.snapshots().save(tenant, stream_id, snapshot)).await
    }

    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        self.act(self.inner.snapshots().of_streams(streams)).await
    }

    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        at: StreamVersion,
    ) -> Result<bool> {
        self.act(self.inner.snapshots().discard(tenant, stream_id, kind, at)).await
    }
}
