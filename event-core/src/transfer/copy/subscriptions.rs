//! Durable subscriptions, once the events that they passed are there.
//!
//! A place in the source means nothing in the target: what does is the last event that a partition had passed. Its id is noted
//! while the events go by, and looked up in the target afterwards.

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
use crate::subscription::durable::conflict;
use crate::value::{EventId, Position, Scope, Tenant};

/// How long the partitions are held in the target at most; they are given up at once.
const LEASE: Duration = Duration::from_mins(1);
/// Parked events that are read at a time.
const PARKED: u32 = 1_000;

/// Whose event, and which.
type Passed = (Tenant, EventId);

/// The partitions of all subscriptions, and the last event that each had passed.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    /// By their places; those before `next` are behind the events that came so far.
    partitions: Vec<PartitionState>,
    found: Vec<Option<Passed>>,
    /// The last event for each owner of subscriptions, and for those that are about everybody.
    last: HashMap<Option<Tenant>, Passed>,
}

impl Anchors {
    /// Of a store, as its subscriptions stand now.
    pub(super) async fn of(store: &EventStore) -> Result<Self> {
        let mut partitions = match store.adapter().checkpoints() {
            None => Vec::new(),
            Some(kept) => listed(store, kept).await?,
        };
        partitions.sort_by_key(|partition| partition.position);
        Ok(Self { partitions, found: Vec::new(), last: HashMap::new() })
    }

    /// The next event of the source goes by.
    pub(super) fn passed(&mut self, event: &RecordedEvent) {
        while self.next().is_some_and(|partition| partition.position < event.position()) {
            self.settle();
        }
        if self.next().is_some() {
            let passed = (event.tenant().clone(), event.event_id());
            self.last.insert(Some(passed.0.clone()), passed.clone());
            self.last.insert(None, passed);
        }
    }

    fn next(&self) -> Option<&PartitionState> {
        self.partitions.get(self.found.len())
    }

    /// No event comes any more that the next partition had passed.
    fn settle(&mut self) {
        let last = self.next().and_then(|partition| self.last.get(&partition.key.tenant)).cloned();
        self.found.push(last);
    }

    /// The partitions by subscription, by number.
    fn settled(mut self) -> BTreeMap<SubscriptionKey, Vec<(PartitionState, Option<Passed>)>> {
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

/// Brings every subscription of the source to where it stands, unless it is further in the target.
pub(super) async fn carry(
    from: &EventStore,
    to: &EventStore,
    anchors: Anchors,
    done: &mut Copied,
) -> Result<()> {
    let all = anchors.settled();
    let stores = from.adapter().checkpoints().zip(to.adapter().checkpoints());
    let Some((source, target)) = stores.filter(|_| !all.is_empty()) else {
        done.left_alone += all.len() as u64;
        return Ok(());
    };
    let mut there: BTreeMap<SubscriptionKey, Vec<PartitionState>> = BTreeMap::new();
    for partition in listed(to, target).await? {
        there.entry(partition.key.clone()).or_default().push(partition);
    }
    for (key, partitions) in &all {
        match &key.tenant {
            Some(tenant) => to.check_tenant(tenant)?,
            None if *to.view() != TenantView::All => {
                done.left_alone += 1;
                continue;
            }
            None => {}
        }
        let there = there.remove(key).unwrap_or_default();
        let carried = Carried { to, source, target, key, partitions, there };
        *(if carried.all().await? { &mut done.subscriptions } else { &mut done.left_alone }) += 1;
    }
    Ok(())
}

/// Every partition that a store's handle sees.
async fn listed(store: &EventStore, kept: &dyn CheckpointStore) -> Result<Vec<PartitionState>> {
    let tenant = store.view().tenant();
    store.operation("list_subscriptions", None).run(|_| kept.list(tenant)).await
}

/// One subscription on its way.
struct Carried<'c> {
    to: &'c EventStore,
    source: &'c dyn CheckpointStore,
    target: &'c dyn CheckpointStore,
    key: &'c SubscriptionKey,
    partitions: &'c [(PartitionState, Option<Passed>)],
    /// What the target has of it.
    there: Vec<PartitionState>,
}

impl Carried<'_> {
    /// Whether the target has it as far as the source now.
    async fn all(&self) -> Result<bool> {
        let Self { to, target, key, partitions, there, .. } = self;
        if there.iter().any(|partition| partition.owner.is_some() || partition.paused) {
            return Ok(false);
        }
        let Some((first, _)) = partitions.first() else { return Ok(true) };
        let number = u32::try_from(partitions.len()).unwrap_or(u32::MAX);
        let wanted = Registered { filter: first.filter.clone(), partitions: number };
        let register = to.operation("open_subscription", None);
        let stored = register.run(|_| target.register(key, &wanted, Position::START)).await?;
        if stored != wanted {
            return Err(conflict(&key.name, &stored, &wanted));
        }
        let owner = format!("copy-{}", EventId::new());
        let leases = target.heartbeat(key, &owner, LEASE).await?.leases;
        let moved =
            if leases.len() == partitions.len() { self.fill(&leases).await } else { Ok(false) };
        target.release(key, &owner, None).await?;
        let moved = moved?;
        // Whoever has handled something there has said since whether it is to go on.
        if moved && there.iter().all(|partition| partition.position == Position::START) {
            if first.stopped.is_some() {
                target.stopped(key, first.stopped.as_deref()).await?;
            }
            if first.paused {
                target.pause(key, true).await?;
            }
        }
        Ok(moved)
    }

    /// Parks what is parked, then moves the checkpoints: so one that was cut off is done again. False where somebody else
    /// took a partition meanwhile.
    async fn fill(&self, leases: &[Lease]) -> Result<bool> {
        let Self { to, source, target, key, partitions, there } = self;
        let mut after = Position::START;
        loop {
            let page = source.parked(key, false, after, PARKED).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for parked in &page {
                if !self.park(leases, parked).await? {
                    return Ok(false);
                }
            }
        }
        for (partition, passed) in *partitions {
            let Some(lease) = leases.iter().find(|lease| lease.partition == partition.partition)
            else {
                return Ok(false);
            };
            let skipped = there
                .iter()
                .find(|it| it.partition == partition.partition)
                .map_or(0, |it| it.skipped);
            let Some((tenant, event_id)) = passed else { continue };
            let Some(position) = find(to, Some(tenant), *event_id).await? else { continue };
            let checkpoint = Checkpoint { position, event: Some((position, *event_id)) };
            let skipped = partition.skipped.saturating_sub(skipped);
            if !target.save(key, partition.partition, lease.token, checkpoint, skipped).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Parks an event that the source had passed and the target had not. False where somebody else has its partition.
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

/// Where an event of the source stands in the target.
async fn find(
    to: &EventStore,
    tenant: Option<&Tenant>,
    event_id: EventId,
) -> Result<Option<Position>> {
    let bound = tenant.map(|tenant| to.with_scope(Scope::tenant(tenant.clone())));
    Ok(bound.as_ref().unwrap_or(to).read_event(event_id).await?.map(|event| event.position()))
}
