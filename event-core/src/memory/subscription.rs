//! [`Subscription`]: the state of a durable subscription in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapter::{
    Alteration, Checkpoint, DiscardedEvent, Heartbeat, Incarnation, Lease, ParkedEvent, Passed,
    Registered, Registration, SubscriptionKey,
};
use crate::value::Position;

/// All durable subscriptions by key.
pub(super) type Subscriptions = BTreeMap<SubscriptionKey, Subscription>;

/// The state of one durable subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) incarnation: Incarnation,
    pub(super) filter: String,
    pub(super) paused: bool,
    pub(super) stopped: Option<String>,
    pub(super) partitions: Vec<Partition>,
    /// The time at which the membership of each owner expires.
    pub(super) members: BTreeMap<String, Instant>,
    pub(super) parked: BTreeMap<Position, ParkedEvent>,
    /// What was passed at each change.
    pub(super) passed: Vec<Passed>,
    pub(super) discarded: BTreeMap<Position, DiscardedEvent>,
}

/// One partition: its checkpoint, and who holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Partition {
    pub(super) checkpoint: Checkpoint,
    pub(super) token: u64,
    pub(super) owner: Option<(String, Instant)>,
    pub(super) skipped: u64,
}

impl Partition {
    pub(super) fn revoke(&mut self) {
        self.token += 1;
        self.owner = None;
    }
}

impl Subscription {
    pub(super) fn heartbeat(&mut self, owner: &str, lease: Duration, now: Instant) -> Heartbeat {
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

    pub(super) fn registration(&self) -> Registration {
        let partitions = u32::try_from(self.partitions.len()).unwrap_or(u32::MAX);
        let registered = Registered { filter: self.filter.clone(), partitions };
        Registration { incarnation: self.incarnation, registered }
    }

    /// Changes the subscription, see [`CheckpointStore::change`].
    pub(super) fn change(&mut self, alteration: &Alteration, next: Incarnation) {
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
    pub(super) fn partition(&mut self, number: u32, token: u64) -> Option<&mut Partition> {
        self.partitions.get_mut(number as usize).filter(|partition| partition.token == token)
    }

    pub(super) fn release(&mut self, owner: &str, partitions: Option<&[(u32, u64)]>) {
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
pub(super) const fn first_token(incarnation: Incarnation) -> u64 {
    incarnation.get() << 32
}
