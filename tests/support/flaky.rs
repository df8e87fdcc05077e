//! An adapter that fails as it is told, around the one in memory: for retries and unknown outcomes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{
    Adapter, BoxFuture, CheckpointStore, LiveLog, OwnedSnapshot, SnapshotStore, StoredSnapshot,
    TenantView,
};
use event_core::health::Health;
use event_core::registry::StoredVersion;
use event_core::{
    AllOptions, Appended, Error, EventId, ExpectedVersion, ListOptions, MemoryAdapter, ReadOptions,
    RecordedEvent, Result, StreamId, StreamInfo, StreamVersion, Tenant,
};

/// What the next calls do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// None: the call works.
    Sound,
    /// The call is never sent.
    Lost,
    /// The call is carried out, its answer is lost.
    AnswerLost,
    /// A failure that no retry mends.
    Permanent,
}

#[derive(Debug, Default)]
pub(crate) struct FlakyAdapter {
    inner: MemoryAdapter,
    faults: Mutex<Vec<Fault>>,
    calls: AtomicUsize,
}

impl FlakyAdapter {
    /// Fails like this, in order, and then works.
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self::around(MemoryAdapter::new(), faults)
    }

    /// The same, on a store that others use too.
    pub(crate) fn around(inner: MemoryAdapter, faults: &[Fault]) -> Self {
        let mut faults = faults.to_vec();
        faults.reverse();
        Self { inner, faults: Mutex::new(faults), ..Self::default() }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn act<'a, T: Send + 'a>(&self, call: BoxFuture<'a, Result<T>>) -> BoxFuture<'a, Result<T>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap().pop();
        Box::pin(async move {
            match fault {
                None | Some(Fault::Sound) => call.await,
                Some(Fault::Lost) => Err(Error::connection("reach the store", "refused")),
                Some(Fault::AnswerLost) => {
                    call.await?;
                    Err(Error::connection("hear the answer", "connection reset"))
                }
                Some(Fault::Permanent) => Err(Error::adapter("do that", "syntax error")),
            }
        })
    }
}

impl Adapter for FlakyAdapter {
    fn name(&self) -> &'static str {
        "flaky"
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<Vec<Appended>>> {
        self.act(self.inner.commit(commit))
    }

    fn read_stream<'a>(
        &'a self,
        view: &'a TenantView,
        stream_id: &'a StreamId,
        options: ReadOptions,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>>> {
        self.act(self.inner.read_stream(view, stream_id, options))
    }

    fn read_all<'a>(
        &'a self,
        view: &'a TenantView,
        options: &'a AllOptions,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>>> {
        self.act(self.inner.read_all(view, options))
    }

    fn read_event<'a>(
        &'a self,
        view: &'a TenantView,
        event_id: EventId,
    ) -> BoxFuture<'a, Result<Option<RecordedEvent>>> {
        self.act(self.inner.read_event(view, event_id))
    }

    fn stream_info<'a>(
        &'a self,
        view: &'a TenantView,
        stream_id: &'a StreamId,
    ) -> BoxFuture<'a, Result<Option<StreamInfo>>> {
        self.act(self.inner.stream_info(view, stream_id))
    }

    fn list_streams<'a>(
        &'a self,
        view: &'a TenantView,
        options: &'a ListOptions,
    ) -> BoxFuture<'a, Result<Vec<StreamInfo>>> {
        self.act(self.inner.list_streams(view, options))
    }

    fn change_stream<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> BoxFuture<'a, Result<()>> {
        self.act(self.inner.change_stream(tenant, stream_id, expected, change))
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        self
    }

    fn link<'a>(&'a self, link: &'a LinkEvents) -> BoxFuture<'a, Result<Appended>> {
        self.act(self.inner.link(link))
    }

    fn import<'a>(&'a self, batch: &'a ImportBatch) -> BoxFuture<'a, Result<Imported>> {
        self.act(self.inner.import(batch))
    }

    fn census(&self) -> BoxFuture<'_, Result<Vec<StoredVersion>>> {
        self.act(self.inner.census())
    }

    fn live(&self) -> &dyn LiveLog {
        self.inner.live()
    }

    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        self.inner.checkpoints()
    }

    fn health(&self) -> BoxFuture<'_, Result<Health>> {
        self.act(self.inner.health())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl SnapshotStore for FlakyAdapter {
    fn load<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        kind: &'a str,
    ) -> BoxFuture<'a, Result<Option<StoredSnapshot>>> {
        self.act(self.inner.snapshots().load(tenant, stream_id, kind))
    }

    fn save<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        snapshot: &'a StoredSnapshot,
    ) -> BoxFuture<'a, Result<bool>> {
        self.act(self.inner.snapshots().save(tenant, stream_id, snapshot))
    }

    fn of_streams<'a>(
        &'a self,
        streams: &'a [(Tenant, StreamId)],
    ) -> BoxFuture<'a, Result<Vec<OwnedSnapshot>>> {
        self.act(self.inner.snapshots().of_streams(streams))
    }

    fn discard<'a>(
        &'a self,
        tenant: &'a Tenant,
        stream_id: &'a StreamId,
        kind: &'a str,
        at: StreamVersion,
    ) -> BoxFuture<'a, Result<bool>> {
        self.act(self.inner.snapshots().discard(tenant, stream_id, kind, at))
    }
}
