//! What event-core calls.

use std::path::Path;

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{
    Adapter, CheckpointStore, LiveLog, ModelKind, ReadModelStore, SchemaStore, SnapshotStore,
    StoredBuild, TenantView, async_trait,
};
use event_core::health::{Health, ProjectionReport, Verification};
use event_core::registry::StoredVersion;
use event_core::{
    AllOptions, Appended, Error, EventId, ExpectedVersion, ListOptions, ReadOptions, RecordedEvent,
    Result, StreamId, StreamInfo, Tenant,
};
use event_sql::inline::refuse_within_another;
use uuid::Uuid;

use super::SqliteAdapter;
use crate::{backup, census, health, import, inline, link, projection, read, stream, verify};

#[async_trait]
impl Adapter for SqliteAdapter {
    fn name(&self) -> &'static str {
        inline::NAME
    }

    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        refuse_within_another("append")?;
        let models = self.models.wanting(commit);
        let (answers, after) = if models.is_some() || self.inline.wanting(commit).is_some() {
            let stored = self.commit_inline(models, commit.clone()).await;
            stored.map_or_else(
                |error| (Err(error), Vec::new()),
                |(answers, after)| (Ok(answers), after),
            )
        } else {
            (self.writer.commit(commit).await, Vec::new())
        };
        // After an error too: a commit whose answer was lost becomes visible as soon as any other.
        self.tail.wake();
        for effects in after {
            effects.await;
        }
        answers
    }

    async fn read_stream(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
        options: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        match stream::owner(&self.store, view, stream_id).await? {
            Some(tenant) => read::stream(&self.store, &tenant, stream_id, options).await,
            None => Err(Error::stream_not_found(stream_id.clone())),
        }
    }

    async fn read_all(
        &self,
        view: &TenantView,
        options: &AllOptions,
    ) -> Result<Vec<RecordedEvent>> {
        read::all(&self.store, view, options).await
    }

    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>> {
        read::event(&self.store, view, event_id).await
    }

    async fn stream_info(
        &self,
        view: &TenantView,
        stream_id: &StreamId,
    ) -> Result<Option<StreamInfo>> {
        match stream::owner(&self.store, view, stream_id).await? {
            Some(tenant) => stream::info(&self.store, &tenant, stream_id).await,
            None => Ok(None),
        }
    }

    async fn list_streams(
        &self,
        view: &TenantView,
        options: &ListOptions,
    ) -> Result<Vec<StreamInfo>> {
        stream::list(&self.store, view, options).await
    }

    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        self.change(tenant, stream_id, (expected, change), None).await
    }

    async fn change_stream_once(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
        call: Uuid,
    ) -> Result<()> {
        self.change(tenant, stream_id, (expected, change), Some(call)).await
    }

    async fn link(&self, link: &LinkEvents) -> Result<Appended> {
        let (store, link) = (self.store(), link.clone());
        self.store
            .thread
            .run("link a stream", async move { link::link(&store, &link).await })
            .await?
    }

    async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
        let (store, batch) = (self.store(), batch.clone());
        let work = async move { import::import(&store, &batch).await };
        let imported = self.store.thread.run("import", work).await?;
        self.tail.wake();
        imported
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        census::stored(&self.store).await
    }

    async fn health(&self) -> Result<Health> {
        health::of(&self.store).await
    }

    async fn verify(&self) -> Result<Verification> {
        verify::verify(&self.store).await
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        &self.on_thread
    }

    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        Some(&self.on_thread)
    }

    async fn backup(&self, path: &Path) -> Result<()> {
        backup::backup(&self.store, path).await
    }

    async fn grant(&self, _: &str) -> Result<()> {
        let hint = "who may open the file is a matter of its permissions";
        Err(Error::unsupported("grant rights to a role", self.name(), hint))
    }

    async fn projections(&self) -> Result<Vec<ProjectionReport>> {
        projection::all(&self.store).await
    }

    async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        if let Some(models) = self.read_models() {
            let builds = models.builds(name).await?;
            let is_view = |it: &StoredBuild| it.definition.kind == ModelKind::View;
            if builds.iter().any(|it| it.number == build && is_view(it)) {
                return models.remove(name, build).await;
            }
        }
        projection::remove(&self.store, name, build).await
    }

    fn read_models(&self) -> Option<&dyn ReadModelStore> {
        Some(&self.on_thread)
    }

    fn schema(&self) -> Option<&dyn SchemaStore> {
        Some(&self.schema)
    }

    fn live(&self) -> &dyn LiveLog {
        &self.tail
    }

    async fn close(&self) {
        self.writer.drain().await;
        self.tail.close();
        self.store.pool.close().await;
    }
}
