//! Snapshots in memory: the newest one for each stream and kind.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::adapter::{OwnedSnapshot, SnapshotStore, StoredSnapshot};
use crate::error::Result;
use crate::memory::{MemoryAdapter, State};
use crate::value::{StreamId, StreamVersion, Tenant};

/// The snapshots of all streams, by kind.
#[derive(Debug, Default)]
pub(super) struct Snapshots(BTreeMap<(Tenant, StreamId), BTreeMap<String, StoredSnapshot>>);

impl Snapshots {
    /// Removes all snapshots of a stream.
    pub(super) fn remove_stream(&mut self, tenant: &Tenant, stream_id: &StreamId) {
        self.0.remove(&(tenant.clone(), stream_id.clone()));
    }
}

impl State {
    fn load(&self, tenant: &Tenant, stream_id: &StreamId, kind: &str) -> Option<StoredSnapshot> {
        if !self.can_have_snapshots(tenant, stream_id) {
            return None;
        }
        self.snapshots.0.get(&(tenant.clone(), stream_id.clone()))?.get(kind).cloned()
    }

    fn save(&mut self, tenant: &Tenant, stream_id: &StreamId, snapshot: &StoredSnapshot) -> bool {
        if !self.can_have_snapshots(tenant, stream_id) {
            return false;
        }
        let kinds = self.snapshots.0.entry((tenant.clone(), stream_id.clone())).or_default();
        match kinds.entry(snapshot.kind.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(snapshot.clone());
                true
            }
            Entry::Occupied(mut entry) => {
                let is_later = entry.get().stream_version < snapshot.stream_version;
                if is_later {
                    entry.insert(snapshot.clone());
                }
                is_later
            }
        }
    }

    fn discard(
        &mut self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        at: StreamVersion,
    ) -> bool {
        let Some(kinds) = self.snapshots.0.get_mut(&(tenant.clone(), stream_id.clone())) else {
            return false;
        };
        let matches = kinds.get(kind).is_some_and(|snapshot| snapshot.stream_version == at);
        matches && kinds.remove(kind).is_some()
    }

    fn can_have_snapshots(&self, tenant: &Tenant, stream_id: &StreamId) -> bool {
        let stream = self.streams.get(&(tenant.clone(), stream_id.clone()));
        stream.is_some_and(|stream| !stream.state.is_deleted() && stream.links.is_none())
    }
}

#[async_trait]
impl SnapshotStore for MemoryAdapter {
    async fn load(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
    ) -> Result<Option<StoredSnapshot>> {
        Ok(self.enter().await?.load(tenant, stream_id, kind))
    }

    async fn save(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<bool> {
        Ok(self.enter().await?.save(tenant, stream_id, snapshot))
    }

    async fn of_streams(&self, streams: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
        let state = self.enter().await?;
        let readable = streams
            .iter()
            .filter(|(tenant, stream_id)| state.can_have_snapshots(tenant, stream_id));
        let kinds = readable.filter_map(|key| Some((key, state.snapshots.0.get(key)?)));
        let all = kinds.flat_map(|((tenant, stream_id), kinds)| {
            kinds.values().map(|snapshot| OwnedSnapshot {
                tenant: tenant.clone(),
                stream_id: stream_id.clone(),
                snapshot: snapshot.clone(),
            })
        });
        Ok(all.collect())
    }

    async fn discard(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        kind: &str,
        at: StreamVersion,
    ) -> Result<bool> {
        Ok(self.enter().await?.discard(tenant, stream_id, kind, at))
    }
}
