//! Checkpoints and leases in memory.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::subscription::{Partition, Subscription, first_token};
use super::{MemoryAdapter, State};
use crate::adapter::{
    Alteration, Checkpoint, CheckpointStore, DiscardedEvent, Heartbeat, Incarnation, ParkedEvent,
    ParkedFilter, PartitionState, Passed, Registered, Registration, SubscriptionKey,
};
use crate::envelope::RecordedEvent;
use crate::error::{Result, SubscriptionError};
use crate::value::{Position, Tenant};

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

    /// Runs a call on a subscription and those of its parked events that a filter selects.
    fn with_parked<T>(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        call: impl FnOnce(&mut Subscription, &dyn Fn(&ParkedEvent) -> bool) -> T,
    ) -> Result<T> {
        let mut state = self.lock()?;
        let State { subscriptions, log, .. } = &mut *state;
        let Some(subscription) = subscriptions.get_mut(key) else {
            return Err(SubscriptionError::NotFound { name: key.name.clone() }.into());
        };
        let ParkedFilter { event_types, stream_id, .. } = filter;
        let is_of = |event: &RecordedEvent| {
            event_types.as_ref().is_none_or(|types| types.iter().any(|it| it == event.event_type()))
                && stream_id.as_ref().is_none_or(|stream_id| event.stream_id() == stream_id)
        };
        let any = event_types.is_none() && stream_id.is_none();
        let admits = |parked: &ParkedEvent| {
            let event = || log.get(&parked.position).filter(|it| it.event_id() == parked.event_id);
            filter.admits(parked) && (any || event().is_some_and(|event| is_of(event)))
        };
        Ok(call(subscription, &admits))
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
                discarded: BTreeMap::new(),
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

    async fn select_parked(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        self.with_parked(key, filter, |subscription, admits| {
            let parked = subscription.parked.values().filter(|it| it.position > after);
            parked.filter(|it| admits(it)).take(limit as usize).cloned().collect()
        })
    }

    async fn select_discarded(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<DiscardedEvent>> {
        self.with_parked(key, filter, |subscription, admits| {
            let discarded = subscription.discarded.values().filter(|it| it.parked.position > after);
            discarded.filter(|it| admits(&it.parked)).take(limit as usize).cloned().collect()
        })
    }

    async fn replay_selected(&self, key: &SubscriptionKey, filter: &ParkedFilter) -> Result<u64> {
        self.with_parked(key, filter, |subscription, admits| {
            let parked = subscription.parked.values_mut().filter(|it| !it.replay && admits(it));
            parked.map(|event| event.replay = true).count() as u64
        })
    }

    async fn discard(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        reason: &str,
    ) -> Result<u64> {
        let discarded_at = self.clock.now();
        self.with_parked(key, filter, |subscription, admits| {
            let all = subscription.parked.values().filter(|it| !it.replay && admits(it));
            let all: Vec<ParkedEvent> = all.cloned().collect();
            for parked in &all {
                subscription.parked.remove(&parked.position);
                let (parked, reason) = (parked.clone(), reason.to_owned());
                let discarded = DiscardedEvent { parked, reason, discarded_at };
                subscription.discarded.insert(discarded.parked.position, discarded);
            }
            all.len() as u64
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
