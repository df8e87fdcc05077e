//! What event-core calls.

use std::path::Path;

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{
    Adapter, CheckpointStore, LiveLog, ModelKind, ReadModelStore, SchemaStore, SnapshotStore,
    StoredBuild, Switch, TenantView, async_trait,
};
use event_core::health::{Health, ProjectionReport, Verification};
use event_core::registry::StoredVersion;
use event_core::{
    AllOptions, Appended, Error, EventId, ExpectedVersion, ListOptions, Outcome, Position,
    ReadOptions, RecordedEvent, Result, StreamId, StreamInfo, Tenant,
};
use event_sql::rows::to_i64;
use uuid::Uuid;

use super::PgAdapter;
use crate::{backward, census, health, inline, link, projection, read, stream, verify};

#[async_trait]
impl Adapter for PgAdapter {
    fn name(&self) -> &'static str {
        inline::NAME
    }

    async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        let (inline, models) = (self.inline.wanting(commit), self.models.wanting(commit));
        let (answers, after) = if inline.is_some() || models.is_some() {
            census::record(&self.store, commit).await?;
            let stored = inline::commit(&self.store, (inline.as_ref(), models), commit).await;
            stored.map_or_else(
                |error| (Err(error), Vec::new()),
                |(answers, after)| (Ok(answers), after),
            )
        } else {
            (self.writer.commit(commit).await, Vec::new())
        };
        // After an error too: a commit whose answer was lost becomes visible as soon as any other.
        self.tail.wake();
        let stored_here = |answer: &&Appended| answer.outcome == Outcome::Stored;
        let positions = answers.iter().flatten().filter(stored_here).map(|answer| answer.position);
        if let (Some(notifier), Some(last)) = (&self.notifier, positions.max()) {
            notifier.notify(to_i64(last.get()));
        }
        self.keep_soon();
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
        self.readers
            .read(move |server| {
                Box::pin(async move {
                    match stream::owner(server.store(), view, stream_id).await? {
                        Some(tenant) => {
                            read::stream(server.store(), &tenant, stream_id, options).await
                        }
                        None => Err(Error::stream_not_found(stream_id.clone())),
                    }
                })
            })
            .await
    }

    async fn read_all(
        &self,
        view: &TenantView,
        options: &AllOptions,
    ) -> Result<Vec<RecordedEvent>> {
        let position = |position: Position| i64::try_from(position.get()).ok();
        // A reader is not taken back before what it has seen, either.
        let shown = position(options.get_up_to()).or_else(|| position(options.get_after()));
        let read = self.readers.read_up_to(shown, move |server| {
            Box::pin(async move {
                if options.is_backward() {
                    backward::all(server, view, options).await
                } else {
                    read::all(server, view, options).await
                }
            })
        });
        let page = read.await?;
        self.keep_soon();
        if options.get_epoch().is_none() {
            // The reader proves nothing but its position, which may be of a log that was replaced.
            self.store.lineage.give(options, &page)?;
        }
        Ok(page)
    }

    async fn read_event(
        &self,
        view: &TenantView,
        event_id: EventId,
    ) -> Result<Option<RecordedEvent>> {
        self.readers.read(move |server| Box::pin(read::event(server.store(), view, event_id))).await
    }

    async fn read_event_at_least(
        &self,
        view: &TenantView,
        event_id: EventId,
        position: Position,
    ) -> Result<Option<RecordedEvent>> {
        let end = Some(to_i64(position.get()));
        let read = self
            .readers
            .read_up_to(end, move |server| Box::pin(read::event(server.store(), view, event_id)));
        read.await
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
        self.readers.read(move |server| Box::pin(stream::list(server.store(), view, options))).await
    }

    async fn change_stream(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
    ) -> Result<()> {
        stream::change(&self.store, tenant, stream_id, expected, change, None).await
    }

    async fn change_stream_once(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        change: StreamChange,
        call: Uuid,
    ) -> Result<()> {
        stream::change(&self.store, tenant, stream_id, expected, change, Some(call)).await
    }

    async fn link(&self, link: &LinkEvents) -> Result<Appended> {
        link::link(&self.store, link).await
    }

    async fn import(&self, batch: &ImportBatch) -> Result<Imported> {
        let imported = self.importer.import(&self.store, batch).await;
        self.tail.wake();
        imported
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        census::stored(&self.store).await
    }

    async fn health(&self) -> Result<Health> {
        health::of(&self.frontier).await
    }

    async fn verify(&self) -> Result<Verification> {
        verify::verify(&self.store).await
    }

    fn snapshots(&self) -> &dyn SnapshotStore {
        &*self.store
    }

    fn checkpoints(&self) -> Option<&dyn CheckpointStore> {
        Some(&*self.store)
    }

    async fn backup(&self, _: &Path) -> Result<()> {
        let hint = "use `pg_dump`, or a base backup of the server with its write-ahead log";
        Err(Error::unsupported("copy the store into a file", self.name(), hint))
    }

    async fn grant(&self, role: &str) -> Result<()> {
        self.grant_to(role).await
    }

    async fn projections(&self) -> Result<Vec<ProjectionReport>> {
        projection::all(&self.store).await
    }

    async fn switch_projection(&self, name: &str, build: u32) -> Result<Switch> {
        projection::switch(&self.store, name, build).await
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
        Some(&self.read_models)
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
        self.importer.close().await;
        self.store.pool.close().await;
        self.readers.close().await;
    }
}
