//! Pointers to an adapter are adapters.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::append::{Appended, Commit, LinkEvents, StreamChange};
use super::import::{ImportBatch, Imported};
use super::{
    Adapter, AllOptions, CheckpointStore, Health, ListOptions, LiveLog, ProjectionReport,
    ReadModelStore, ReadOptions, SchemaStore, SnapshotStore, StreamInfo, Switch, TenantView,
    Verification, async_trait,
};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::registry::StoredVersion;
use crate::value::{EventId, ExpectedVersion, Position, StreamId, Tenant};

macro_rules! forward_adapter {
    ([$($generics:tt)*] $pointer:ty) => {
        #[async_trait]
        impl<$($generics)*> Adapter for $pointer {
            fn name(&self) -> &'static str {
                (**self).name()
            }

            fn wrapped(&self) -> Option<&dyn Adapter> {
                Some(&**self)
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

            async fn read_event_at_least(
                &self,
                view: &TenantView,
                event_id: EventId,
                position: Position,
            ) -> Result<Option<RecordedEvent>> {
                (**self).read_event_at_least(view, event_id, position).await
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

            async fn change_stream_once(
                &self,
                tenant: &Tenant,
                stream_id: &StreamId,
                expected: ExpectedVersion,
                change: StreamChange,
                call: Uuid,
            ) -> Result<()> {
                (**self).change_stream_once(tenant, stream_id, expected, change, call).await
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

            async fn verify(&self) -> Result<Verification> {
                (**self).verify().await
            }

            async fn backup(&self, path: &Path) -> Result<()> {
                (**self).backup(path).await
            }

            async fn grant(&self, role: &str) -> Result<()> {
                (**self).grant(role).await
            }

            async fn projections(&self) -> Result<Vec<ProjectionReport>> {
                (**self).projections().await
            }

            async fn switch_projection(&self, name: &str, build: u32) -> Result<Switch> {
                (**self).switch_projection(name, build).await
            }

            async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
                (**self).drop_projection(name, build).await
            }

            fn read_models(&self) -> Option<&dyn ReadModelStore> {
                (**self).read_models()
            }

            fn schema(&self) -> Option<&dyn SchemaStore> {
                (**self).schema()
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

// Two of each: only a type of known size becomes a trait object, and `wrapped` returns one.
forward_adapter!([A: Adapter] Arc<A>);
forward_adapter!([] Arc<dyn Adapter>);
forward_adapter!([A: Adapter] Box<A>);
forward_adapter!([] Box<dyn Adapter>);
