//! Copies durable subscriptions, after the events up to their checkpoints are copied.
//!
//! Positions of the source have no meaning in the target. So a checkpoint is translated through the last event at or before it:
//! its id is noted while the events are copied, and its position is looked up in the target afterwards.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Copied;
use crate::adapter::{
    Checkpoint, CheckpointStore, Lease, ParkedEvent, PartitionState, Registered, SubscriptionKey,
    TenantView,
};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::subscription::durable::{conflict, same};
use crate::value::{EventId, Position, Scope, Tenant};

/// The duration of the leases in the target, if the copy does not release them before.
const LEASE: Duration = Duration::from_mins(1);
/// The number of parked events that are read at a time.
const PARKED_PAGE: u32 = 1_000;

/// An event by tenant and id.
type Anchor = (Tenant, EventId);

/// The partitions of all subscriptions, each with the last event at or before its checkpoint.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    /// Sorted by position.
    partitions: Vec<PartitionState>,
    /// The anchors of the first partitions, whose checkpoints the copied events have passed.
    found: Vec<Option<Anchor>>,
    /// The last copied event of each tenant, and of all tenants under `None`.
    last: HashMap<Option<Tenant>, Anchor>,
}

impl Anchors {
    /// Reads the current checkpoints of a store.
    pub(super) async fn of(store: &EventStore) -> Result<Self> {
        let mut partitions = match store.adapter().checkpoints() {
            None => Vec::new(),
            Some(checkpoints) => list(store, checkpoints).await?,
        };
        partitions.sort_by_key(|partition| partition.position);
        Ok(Self { partitions, found: Vec::new(), last: HashMap::new() })
    }

    /// Takes note of the next copied event.
    pub(super) fn observe(&mut self, event: &RecordedEvent) {
        while self.next().is_some_and(|partition| partition.position < event.position()) {
            self.settle();
        }
        if self.next().is_some() {
            let anchor = (event.tenant().clone(), event.event_id());
            self.last.insert(Some(anchor.0.clone()), anchor.clone());
            self.last.insert(None, anchor);
        }
    }

    /// The first partition without an anchor.
    fn next(&self) -> Option<&PartitionState> {
        self.partitions.get(self.found.len())
    }

    /// Fixes the anchor of the next partition: all later events are after its checkpoint.
    fn settle(&mut self) {
        let last = self.next().and_then(|partition| self.last.get(&partition.key.tenant)).cloned();
        self.found.push(last);
    }

    /// Fixes the remaining anchors. Returns the partitions by subscription, sorted by number.
    fn into_subscriptions(
        mut self,
    ) -> BTreeMap<SubscriptionKey, Vec<(PartitionState, Option<Anchor>)>> {
        while self.next().is_some() {
            self.settle();
        }
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (partition, found) in self.partitions.into_iter().zip(self.found) {
            all.entry(partition.key.clone()).or_default().push((partition, found));
        }
        for partitions in all.values_mut() {
            partitions.sort_by_key(|(partition, _)| partition.partition);
        }
        all
    }
}

/// Creates every subscription of the source in the target and advances its checkpoints.
pub(super) async fn copy(
    from: &EventStore,
    to: &EventStore,
    anchors: Anchors,
    done: &mut Copied,
) -> Result<()> {
    let all = anchors.into_subscriptions();
    let stores = from.adapter().checkpoints().zip(to.adapter().checkpoints());
    let Some((source, target)) = stores.filter(|_| !all.is_empty()) else {
        done.left_alone += all.len() as u64;
        return Ok(());
    };
    let mut existing: BTreeMap<SubscriptionKey, Vec<PartitionState>> = BTreeMap::new();
    for partition in list(to, target).await? {
        existing.entry(partition.key.clone()).or_default().push(partition);
    }
    for (key, partitions) in &all {
        match &key.tenant {
            Some(tenant) => to.check_tenant(tenant)?,
            None if *to.tenant_view() != TenantView::All => {
                done.left_alone += 1;
                continue;
            }
            None => {}
        }
        let existing = existing.remove(key).unwrap_or_default();
        let copy = SubscriptionCopy { to, source, target, key, partitions, existing };
        *(if copy.run().await? { &mut done.subscriptions } else { &mut done.left_alone }) += 1;
    }
    Ok(())
}

/// Lists the partitions of all subscriptions that a handle sees.
async fn list(
    store: &EventStore,
    checkpoints: &dyn CheckpointStore,
) -> Result<Vec<PartitionState>> {
    let tenant = store.tenant_view().tenant();
    store.operation("list_subscriptions", None).run(|_| checkpoints.list(tenant)).await
}

/// The copy of one subscription.
struct SubscriptionCopy<'c> {
    to: &'c EventStore,
    source: &'c dyn CheckpointStore,
    target: &'c dyn CheckpointStore,
    key: &'c SubscriptionKey,
    partitions: &'c [(PartitionState, Option<Anchor>)],
    /// The partitions that the target already has.
    existing: Vec<PartitionState>,
}

impl SubscriptionCopy<'_> {
    /// Copies the subscription. Returns `false` if it was left alone because the target is using it.
    async fn run(&self) -> Result<bool> {
        let Self { to, target, key, partitions, existing, .. } = self;
        if existing.iter().any(|partition| partition.owner.is_some() || partition.paused) {
            return Ok(false);
        }
        let Some((first, _)) = partitions.first() else { return Ok(true) };
        if self.is_catching_up().await? {
            tracing::warn!(subscription = %key.name, "not copied: it is still catching up after a change, with places in this log only");
            return Ok(false);
        }
        let number = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        let wanted = Registered { filter: first.filter.clone(), partitions: number };
        let register = to.operation("open_subscription", None);
        let stored = register.run(|_| target.register(key, &wanted, Position::START)).await?;
        if !same(&stored.registered, &wanted)? {
            return Err(conflict(&key.name, &stored.registered, &wanted));
        }
        let incarnation = stored.incarnation;
        let owner = format!("copy-{}", EventId::new());
        let leases = target.heartbeat(key, incarnation, &owner, LEASE).await?.leases;
        let moved =
            if leases.len() == partitions.len() { self.advance(&leases).await } else { Ok(false) };
        target.release(key, incarnation, &owner, None).await?;
        let moved = moved?;
        // If the target has already handled events, its own state decides whether it is stopped or paused.
        if moved && existing.iter().all(|partition| partition.position == Position::START) {
            if first.stopped.is_some() {
                target.stopped(key, incarnation, first.stopped.as_deref()).await?;
            }
            if first.paused {
                target.pause(key, true).await?;
            }
        }
        Ok(moved)
    }

    /// Whether what was passed before a change lies after a checkpoint: its places are positions of the source.
    async fn is_catching_up(&self) -> Result<bool> {
        let passed = self.source.passed(self.key).await?;
        let last = passed.iter().flat_map(|it| &it.up_to).max().copied().unwrap_or_default();
        Ok(self.partitions.iter().any(|(partition, _)| partition.position < last))
    }

    /// Parks events before it moves checkpoints, so that an interrupted copy can be repeated. Returns `false` if another consumer
    /// has taken a partition in the meantime.
    async fn advance(&self, leases: &[Lease]) -> Result<bool> {
        let Self { to, source, target, key, partitions, existing } = self;
        let mut after = Position::START;
        loop {
            let page = source.parked(key, None, false, after, PARKED_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for parked in &page {
                if !self.park(leases, parked).await? {
                    return Ok(false);
                }
            }
        }
        for (partition, anchor) in *partitions {
            let Some(lease) = leases.iter().find(|lease| lease.partition == partition.partition)
            else {
                return Ok(false);
            };
            let skipped = existing
                .iter()
                .find(|it| it.partition == partition.partition)
                .map_or(0, |it| it.skipped);
            let Some((tenant, event_id)) = anchor else { continue };
            let Some(position) = find(to, Some(tenant), *event_id).await? else { continue };
            let checkpoint = Checkpoint { position, event: Some((position, *event_id)) };
            let skipped = partition.skipped.saturating_sub(skipped);
            if !target.save(key, partition.partition, lease.token, checkpoint, skipped).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Parks an event that is before the checkpoint of the source and after that of the target. Returns `false` if another
    /// consumer holds its partition.
    async fn park(&self, leases: &[Lease], parked: &ParkedEvent) -> Result<bool> {
        let Self { to, target, key, partitions, .. } = self;
        let partition =
            partitions.iter().find(|(partition, _)| partition.partition == parked.partition);
        let lease = leases.iter().find(|lease| lease.partition == parked.partition);
        let (Some((partition, _)), Some(lease)) = (partition, lease) else { return Ok(true) };
        if parked.position > partition.position {
            return Ok(true);
        }
        match find(to, key.tenant.as_ref(), parked.event_id).await? {
            Some(position) if position > lease.checkpoint.position => {
                let parked = ParkedEvent { position, ..parked.clone() };
                target.park(key, lease.token, &parked).await
            }
            _ => Ok(true),
        }
    }
}

/// The position of an event in the target.
async fn find(
    to: &EventStore,
    tenant: Option<&Tenant>,
    event_id: EventId,
) -> Result<Option<Position>> {
    let bound = tenant.map(|tenant| to.with_scope(Scope::tenant(tenant.clone())));
    Ok(bound.as_ref().unwrap_or(to).read_event(event_id).await?.map(|event| event.position()))
}
