//! Checkpoints and leases in memory.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::MemoryAdapter;
use crate::adapter::{
    Checkpoint, CheckpointStore, Heartbeat, Lease, ParkedEvent, PartitionState, Registered,
    SubscriptionKey,
};
use crate::error::{Result, SubscriptionError};
use crate::value::{Position, Tenant};

/// Every durable subscription.
pub(super) type Subscriptions = BTreeMap<SubscriptionKey, Kept>;

/// What is kept of one.
#[derive(Debug)]
pub(super) struct Kept {
    filter: String,
    paused: bool,
    stopped: Option<String>,
    partitions: Vec<Partition>,
    /// Until when each owner counts as alive.
    members: BTreeMap<String, Instant>,
    parked: BTreeMap<Position, ParkedEvent>,
}

#[derive(Debug, Clone, Default)]
struct Partition {
    checkpoint: Checkpoint,
    token: u64,
    owner: Option<(String, Instant)>,
    skipped: u64,
}

impl Partition {
    fn take_away(&mut self) {
        self.token += 1;
        self.owner = None;
    }
}

impl Kept {
    fn heartbeat(&mut self, owner: &str, lease: Duration, now: Instant) -> Heartbeat {
        let until = now + lease;
        self.members.retain(|_, until| *until > now);
        self.members.insert(owner.to_owned(), until);
        let mut heartbeat = Heartbeat {
            partitions: u32::try_from(self.partitions.len()).unwrap_or(u32::MAX),
            members: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            paused: self.paused,
            replays: self.parked.values().filter(|event| event.replay).count() as u64,
            leases: Vec::new(),
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

    /// A partition, if the token is its own.
    fn partition(&mut self, number: u32, token: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(number as usize).filter(|partition| partition.token == token)
    }

    fn release(&mut self, owner: &str, partitions: Option<&[(u32, u64)]>) {
        let Some(partitions) = partitions else {
            self.members.remove(owner);
            let own = |partition: &&mut Partition| {
                partition.owner.as_ref().is_some_and(|(name, _)| name == owner)
            };
            self.partitions.iter_mut().filter(own).for_each(Partition::take_away);
            return;
        };
        for (number, token) in partitions {
            if let Some(partition) = self.partition(*number, *token) {
                partition.take_away();
            }
        }
    }
}

impl MemoryAdapter {
    /// Changes what is kept of a subscription, under the lock.
    fn kept<T>(&self, key: &SubscriptionKey, change: impl FnOnce(&mut Kept) -> T) -> Result<T> {
        match self.lock().subscriptions.get_mut(key) {
            Some(kept) => Ok(change(kept)),
            None => Err(SubscriptionError::NotFound { name: key.name.clone() }.into()),
        }
    }

    fn states(&self, tenant: Option<&Tenant>) -> Vec<PartitionState> {
        let (state, now, instant) = (self.lock(), self.clock.now(), Instant::now());
        let mut states = Vec::new();
        for (key, kept) in &state.subscriptions {
            if tenant.is_some() && key.tenant.as_ref() != tenant {
                continue;
            }
            for (number, partition) in (0..).zip(&kept.partitions) {
                let position = partition.checkpoint.position;
                let next = Position::new(position.get().saturating_add(1));
                let owner = partition.owner.as_ref().filter(|(_, until)| *until > instant);
                states.push(PartitionState {
                    key: key.clone(),
                    filter: kept.filter.clone(),
                    paused: kept.paused,
                    stopped: kept.stopped.clone(),
                    parked: kept.parked.len() as u64,
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
        states
    }
}

#[async_trait]
impl CheckpointStore for MemoryAdapter {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registered> {
        let checkpoint = Checkpoint { position: start, event: None };
        let mut state = self.lock();
        let kept = state.subscriptions.entry(key.clone()).or_insert_with(|| Kept {
            filter: wanted.filter.clone(),
            paused: false,
            stopped: None,
            partitions: vec![
                Partition { checkpoint, ..Partition::default() };
                wanted.partitions as usize
            ],
            members: BTreeMap::new(),
            parked: BTreeMap::new(),
        });
        let partitions = u32::try_from(kept.partitions.len()).unwrap_or(u32::MAX);
        Ok(Registered { filter: kept.filter.clone(), partitions })
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        self.kept(key, |kept| kept.heartbeat(owner, lease, Instant::now()))
    }

    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool> {
        self.kept(key, |kept| {
            let Some(partition) = kept.partition(partition, token) else {
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
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        self.kept(key, |kept| kept.release(owner, partitions))
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        let parked = ParkedEvent { parked_at: self.clock.now(), replay: false, ..event.clone() };
        self.kept(key, |kept| {
            let holds = kept.partition(parked.partition, token).is_some();
            if holds {
                kept.parked.insert(parked.position, parked);
            }
            holds
        })
    }

    async fn parked(
        &self,
        key: &SubscriptionKey,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        self.kept(key, |kept| {
            let events = kept.parked.values().filter(|event| event.position > after);
            events.filter(|e| e.replay || !due).take(limit as usize).cloned().collect()
        })
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        self.kept(key, |kept| {
            let mut marked = 0;
            for event in kept.parked.values_mut() {
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
        self.kept(key, |kept| {
            let holds = kept.partition(partition, token).is_some();
            if holds {
                kept.parked.remove(&position);
            }
            holds
        })
    }

    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()> {
        self.kept(key, |kept| {
            kept.paused = paused;
            if paused {
                kept.partitions.iter_mut().for_each(Partition::take_away);
            }
        })
    }

    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()> {
        self.kept(key, |kept| {
            for partition in &mut kept.partitions {
                partition.take_away();
                partition.checkpoint = Checkpoint { position, event: None };
            }
        })
    }

    async fn delete(&self, key: &SubscriptionKey) -> Result<()> {
        self.kept(key, |_| ())?;
        self.lock().subscriptions.remove(key);
        Ok(())
    }

    async fn stopped(&self, key: &SubscriptionKey, why: Option<&str>) -> Result<()> {
        self.kept(key, |kept| kept.stopped = why.map(str::to_owned))
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        Ok(self.states(tenant))
    }
}
