//! Checkpoints and leases in memory.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{MemoryAdapter, State};
use crate::adapter::{
    Alteration, Checkpoint, CheckpointStore, Heartbeat, Incarnation, Lease, ParkedEvent,
    PartitionState, Passed, Registered, Registration, SubscriptionKey,
};
use crate::error::{Result, SubscriptionError};
use crate::value::{Position, Tenant};

/// All durable subscriptions by key.
pub(super) type Subscriptions = BTreeMap<SubscriptionKey, Subscription>;

/// The state of one durable subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    incarnation: Incarnation,
    filter: String,
    paused: bool,
    stopped: Option<String>,
    partitions: Vec<Partition>,
    /// The time at which the membership of each owner expires.
    members: BTreeMap<String, Instant>,
    parked: BTreeMap<Position, ParkedEvent>,
    /// What was passed at each change.
    passed: Vec<Passed>,
}

#[derive(Debug, Clone, Default)]
struct Partition {
    checkpoint: Checkpoint,
    token: u64,
    owner: Option<(String, Instant)>,
    skipped: u64,
}

impl Partition {
    fn revoke(&mut self) {
        self.token += 1;
        self.owner = None;
    }
}

impl Subscription {
    fn heartbeat(&mut self, owner: &str, lease: Duration, now: Instant) -> Heartbeat {
        let until = now + lease;
        self.members.retain(|_, until| *until > now);
        self.members.insert(owner.to_owned(), until);
        let mut heartbeat = Heartbeat {
            partitions: u32::try_from(self.partitions.len()).unwrap_or(u32::MAX),
            members: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            rank: u32::try_from(self.members.keys().filter(|name| name.as_str() < owner).count())
                .unwrap_or(u32::MAX),
            paused: self.paused,
            replays: self.parked.values().filter(|event| event.replay).count() as u64,
            leases: Vec::new(),
            unrenewed: Vec::new(),
        };
        if self.paused {
            return heartbeat;
        }
        let share = heartbeat.share() as usize;
        let mut held = 0;
        for partition in &mut self.partitions {
            if let Some((_, lease)) = partition.owner.as_mut().filter(|(name, _)| name == owner) {
                *lease = until;
                held += 1;
            }
        }
        for partition in &mut self.partitions {
            if held < share && partition.owner.as_ref().is_none_or(|(_, until)| *until <= now) {
                partition.token += 1;
                partition.owner = Some((owner.to_owned(), until));
                held += 1;
            }
        }
        for (number, partition) in (0..).zip(&self.partitions) {
            if partition.owner.as_ref().is_some_and(|(name, _)| name == owner) {
                let Partition { token, checkpoint, .. } = *partition;
                heartbeat.leases.push(Lease { partition: number, token, checkpoint });
            }
        }
        heartbeat
    }

    fn registration(&self) -> Registration {
        let partitions = u32::try_from(self.partitions.len()).unwrap_or(u32::MAX);
        let registered = Registered { filter: self.filter.clone(), partitions };
        Registration { incarnation: self.incarnation, registered }
    }

    /// Changes the subscription, see [`CheckpointStore::change`].
    fn change(&mut self, alteration: &Alteration, next: Incarnation) {
        let Alteration { wanted, regroups, new_after } = alteration;
        let up_to: Vec<Position> =
            self.partitions.iter().map(|it| it.checkpoint.position).collect();
        let lowest = up_to.iter().min().copied().unwrap_or_default();
        let filter = std::mem::replace(&mut self.filter, wanted.filter.clone());
        let incarnation = std::mem::replace(&mut self.incarnation, next);
        self.passed.push(Passed { incarnation, filter, up_to, new_after: *new_after });
        if *regroups {
            let skipped = self.partitions.iter().map(|it| it.skipped).sum();
            let checkpoint = Checkpoint { position: lowest, event: None };
            let partition =
                Partition { checkpoint, token: first_token(next), ..Partition::default() };
            self.partitions = vec![partition; wanted.partitions as usize];
            if let Some(first) = self.partitions.first_mut() {
                first.skipped = skipped;
            }
            for event in self.parked.values_mut() {
                event.partition %= wanted.partitions.max(1);
            }
        }
        for partition in &mut self.partitions {
            partition.owner = None;
            partition.token = partition.token.max(first_token(next));
            if let Some(position) = new_after.filter(|after| *after < partition.checkpoint.position)
            {
                partition.checkpoint = Checkpoint { position, event: None };
            }
        }
        self.members.clear();
        self.stopped = None;
    }

    /// A partition, if the token is current.
    fn partition(&mut self, number: u32, token: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(number as usize).filter(|partition| partition.token == token)
    }

    fn release(&mut self, owner: &str, partitions: Option<&[(u32, u64)]>) {
        let Some(partitions) = partitions else {
            self.members.remove(owner);
            let own = |partition: &&mut Partition| {
                partition.owner.as_ref().is_some_and(|(name, _)| name == owner)
            };
            self.partitions.iter_mut().filter(own).for_each(Partition::revoke);
            return;
        };
        for (number, token) in partitions {
            if let Some(partition) = self.partition(*number, *token) {
                partition.revoke();
            }
        }
    }
}

/// The tokens of an incarnation are counted from here.
const fn first_token(incarnation: Incarnation) -> u64 {
    incarnation.get() << 32
}

impl MemoryAdapter {
    /// Runs a change on a subscription, under the lock.
    fn with_subscription<T>(
        &self,
        key: &SubscriptionKey,
        change: impl FnOnce(&mut Subscription) -> T,
    ) -> Result<T> {
        match self.lock()?.subscriptions.get_mut(key) {
            Some(subscription) => Ok(change(subscription)),
            None => Err(SubscriptionError::NotFound { name: key.name.clone() }.into()),
        }
    }

    /// The same, if it is this incarnation of it.
    fn with_incarnation<T>(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        change: impl FnOnce(&mut Subscription) -> T,
    ) -> Result<T> {
        self.with_subscription(key, |subscription| {
            (subscription.incarnation == incarnation).then(|| change(subscription))
        })?
        .ok_or_else(|| SubscriptionError::Replaced { name: key.name.clone() }.into())
    }

    fn states(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        let (state, now, instant) = (self.lock()?, self.clock.now(), Instant::now());
        let mut states = Vec::new();
        for (key, subscription) in &state.subscriptions {
            if tenant.is_some() && key.tenant.as_ref() != tenant {
                continue;
            }
            for (number, partition) in (0..).zip(&subscription.partitions) {
                let position = partition.checkpoint.position;
                let next = Position::new(position.get().saturating_add(1));
                let owner = partition.owner.as_ref().filter(|(_, until)| *until > instant);
                states.push(PartitionState {
                    key: key.clone(),
                    filter: subscription.filter.clone(),
                    paused: subscription.paused,
                    stopped: subscription.stopped.clone(),
                    parked: subscription.parked.len() as u64,
                    partition: number,
                    position,
                    skipped: partition.skipped,
                    owner: owner.map(|(name, _)| name.clone()),
                    lag: state.last_position.saturating_sub(position.get()),
                    behind_since: state.log.range(next..).next().map(|(_, e)| e.recorded_at()),
                    now,
                });
            }
        }
        Ok(states)
    }
}

#[async_trait]
impl CheckpointStore for MemoryAdapter {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registration> {
        let checkpoint = Checkpoint { position: start, event: None };
        let mut state = self.lock()?;
        let State { subscriptions, incarnations, .. } = &mut *state;
        let subscription = subscriptions.entry(key.clone()).or_insert_with(|| {
            *incarnations += 1;
            let incarnation = Incarnation::new(*incarnations);
            let token = first_token(incarnation);
            let partition = Partition { checkpoint, token, ..Partition::default() };
            Subscription {
                incarnation,
                filter: wanted.filter.clone(),
                paused: false,
                stopped: None,
                partitions: vec![partition; wanted.partitions as usize],
                members: BTreeMap::new(),
                parked: BTreeMap::new(),
                passed: Vec::new(),
            }
        });
        Ok(subscription.registration())
    }

    async fn find(&self, key: &SubscriptionKey) -> Result<Option<Registration>> {
        Ok(self.lock()?.subscriptions.get(key).map(Subscription::registration))
    }

    async fn change(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        alteration: &Alteration,
    ) -> Result<()> {
        let next = {
            let mut state = self.lock()?;
            state.incarnations += 1;
            Incarnation::new(state.incarnations)
        };
        self.with_incarnation(key, incarnation, |subscription| {
            subscription.change(alteration, next);
        })
    }

    async fn passed(&self, key: &SubscriptionKey) -> Result<Vec<Passed>> {
        self.with_subscription(key, |subscription| subscription.passed.clone())
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        self.with_incarnation(key, incarnation, |subscription| {
            subscription.heartbeat(owner, lease, Instant::now())
        })
    }

    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool> {
        self.with_subscription(key, |subscription| {
            let Some(partition) = subscription.partition(partition, token) else {
                return false;
            };
            if partition.checkpoint.position < checkpoint.position {
                let event = checkpoint.event.or(partition.checkpoint.event);
                partition.checkpoint = Checkpoint { event, ..checkpoint };
                partition.skipped += skipped;
            }
            true
        })
    }

    async fn release(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        let release = |subscription: &mut Subscription| subscription.release(owner, partitions);
        self.with_incarnation(key, incarnation, release)
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        let parked = ParkedEvent { parked_at: self.clock.now(), replay: false, ..event.clone() };
        self.with_subscription(key, |subscription| {
            let is_current = subscription.partition(parked.partition, token).is_some();
            if is_current {
                subscription.parked.insert(parked.position, parked);
            }
            is_current
        })
    }

    async fn parked(
        &self,
        key: &SubscriptionKey,
        incarnation: Option<Incarnation>,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        let page = |subscription: &mut Subscription| {
            let events = subscription.parked.values().filter(|event| event.position > after);
            events.filter(|e| e.replay || !due).take(limit as usize).cloned().collect()
        };
        match incarnation {
            Some(incarnation) => self.with_incarnation(key, incarnation, page),
            None => self.with_subscription(key, page),
        }
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        self.with_subscription(key, |subscription| {
            let mut marked = 0;
            for event in subscription.parked.values_mut() {
                if !event.replay && position.is_none_or(|only| event.position == only) {
                    event.replay = true;
                    marked += 1;
                }
            }
            marked
        })
    }

    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool> {
        self.with_subscription(key, |subscription| {
            let is_current = subscription.partition(partition, token).is_some();
            if is_current {
                subscription.parked.remove(&position);
            }
            is_current
        })
    }

    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()> {
        self.with_subscription(key, |subscription| {
            subscription.paused = paused;
            if paused {
                subscription.partitions.iter_mut().for_each(Partition::revoke);
            }
        })
    }

    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()> {
        self.with_subscription(key, |subscription| {
            for partition in &mut subscription.partitions {
                partition.revoke();
                partition.checkpoint = Checkpoint { position, event: None };
            }
            subscription.passed.clear();
        })
    }

    async fn delete(&self, key: &SubscriptionKey) -> Result<()> {
        let removed = self.lock()?.subscriptions.remove(key);
        removed
            .map(drop)
            .ok_or_else(|| SubscriptionError::NotFound { name: key.name.clone() }.into())
    }

    async fn stopped(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        why: Option<&str>,
    ) -> Result<()> {
        let why = why.map(str::to_owned);
        self.with_incarnation(key, incarnation, |subscription| subscription.stopped = why)
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        self.states(tenant)
    }
}
