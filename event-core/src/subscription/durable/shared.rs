//! [`Shared`]: what the tasks of one consumer share, and how they wake each other.
//!
//! Three kinds of tasks: the reader buffers events, the coordinator talks to the checkpoint store, and the application
//! (or one task a partition, under [`Consumer::run`](super::Consumer::run)) handles events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::partition::{InFlight, Partition};
use super::passed::Passages;
use super::settings::Settings;
use crate::adapter::{
    CheckpointStore, Heartbeat, Incarnation, Lease, ParkedEvent, SubscriptionKey,
};
use crate::error::{Error, Result, SubscriptionError};
use crate::store::EventStore;
use crate::subscription::{Feed, Filter};
use crate::value::Position;

/// What the tasks of a consumer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: EventStore,
    pub(super) filter: Filter,
    pub(super) feed: Feed,
    pub(super) key: SubscriptionKey,
    /// The creation of the subscription that this consumer belongs to.
    pub(super) incarnation: Incarnation,
    /// The consumer's unique name.
    pub(super) owner: String,
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Wakes who waits for events: there may be one to deliver, or the consumer ended.
    pub(super) ready: watch::Sender<()>,
    /// Wakes the writer of the coordinator: there is something to save or to park.
    pub(super) work: Notify,
    /// Wakes the keeper of the leases: there is something to renew or to release.
    pub(super) renew: Notify,
    /// Wakes the reader: a window has room, or the partitions changed.
    pub(super) room: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    /// The partitions that this consumer holds, by number.
    pub(super) partitions: BTreeMap<u32, Partition>,
    /// The last token of each partition whose lease was lost: an answer that was on its way meanwhile may still name it.
    lost: BTreeMap<u32, u64>,
    pub(super) flags: Flags,
    /// The error that ends the consumer.
    pub(super) failed: Option<Error>,
    /// Nothing more is delivered.
    pub(super) stopping: bool,
    /// The coordinator saves all checkpoints, releases the partitions and ends.
    pub(super) closing: bool,
    /// The coordinator has ended.
    pub(super) ended: bool,
    /// Events to park, each with the token of its partition.
    pub(super) to_park: Vec<(u64, ParkedEvent)>,
    /// Parked events that were handled: partition, token, position.
    pub(super) to_unpark: Vec<(u32, u64, Position)>,
    /// The epoch of the log that the partitions were read from.
    pub(super) epoch: u64,
    /// The partition to deliver from next, in rotation.
    next_partition: u32,
    /// What was passed before the subscription was changed.
    pub(super) passages: Arc<Passages>,
}

/// What the tasks tell each other, beside waking each other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    /// The leases are to be renewed now: one was lost.
    pub(super) renew_now: bool,
    pub(super) replays: MarkedEvents,
    /// So much is buffered that partitions with events buffer no more.
    pub(super) scarce: bool,
}

/// Parked events that are marked for redelivery, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum MarkedEvents {
    #[default]
    None,
    /// They are to be read now.
    Due,
    /// They found no room: they are read when a partition has handled those that it holds.
    Waiting,
}

impl MarkedEvents {
    /// Lets more of them be read once a partition has handled those that it held.
    pub(super) fn read_after(&mut self, partition: &Partition) {
        if *self == Self::Waiting && partition.has_no_replays() {
            *self = Self::Due;
        }
    }

    /// Whether they are to be read now; not again until they are due anew.
    pub(super) fn take_due(&mut self) -> bool {
        let is_due = *self == Self::Due;
        if is_due {
            *self = Self::None;
        }
        is_due
    }
}

/// A delivered event and the lease under which it was delivered: what acknowledges it.
#[derive(Debug, Clone)]
pub(super) struct Receipt {
    pub(super) partition: u32,
    pub(super) token: u64,
    pub(super) delivery: InFlight,
}

/// The result of a request for events.
pub(super) enum Fetched {
    /// At least one event.
    Events(Vec<Receipt>),
    /// None now; try again at this time, if it is known, or when `ready` changes.
    Empty(Option<Instant>),
    /// None ever again.
    End,
}

impl State {
    /// Nothing is delivered any more.
    pub(super) const fn has_ended(&self) -> bool {
        self.failed.is_some() || self.stopping || self.ended
    }

    /// The coordinator has to come to its end.
    pub(super) const fn is_closing(&self) -> bool {
        self.closing || self.failed.is_some()
    }
}

impl Shared {
    pub(super) fn new(
        store: EventStore,
        filter: Filter,
        feed: Feed,
        key: SubscriptionKey,
        incarnation: Incarnation,
        owner: String,
        settings: Settings,
    ) -> Self {
        let state = State {
            partitions: BTreeMap::new(),
            lost: BTreeMap::new(),
            flags: Flags::default(),
            failed: None,
            stopping: false,
            closing: false,
            ended: false,
            to_park: Vec::new(),
            to_unpark: Vec::new(),
            epoch: store.adapter().live().epoch(),
            next_partition: 0,
            passages: Arc::default(),
        };
        Self {
            store,
            filter,
            feed,
            key,
            incarnation,
            owner,
            settings,
            state: Mutex::new(state),
            ready: watch::Sender::default(),
            work: Notify::new(),
            renew: Notify::new(),
            room: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The epoch of the log that the partitions were read from.
    pub(super) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    /// Whether the partitions are of another log than the one of now: they have to be taken anew.
    pub(super) fn is_replaced(&self) -> bool {
        self.epoch() != self.store.adapter().live().epoch()
    }

    pub(super) fn checkpoints(&self) -> Result<&dyn CheckpointStore> {
        super::checkpoints(&self.store)
    }

    /// Delivers the next event of any partition, in rotation.
    pub(super) fn fetch(&self) -> Fetched {
        let now = Instant::now();
        let mut state = self.state();
        if state.has_ended() {
            return Fetched::End;
        }
        let State { partitions, next_partition, .. } = &mut *state;
        let (mut wait, start): (Option<Instant>, u32) = (None, *next_partition);
        let order: Vec<u32> =
            partitions.range(start..).chain(partitions.range(..start)).map(|p| *p.0).collect();
        for number in order {
            let held = partitions.get_mut(&number).filter(|partition| now < partition.valid_until);
            let Some(partition) = held else { continue };
            match partition.deliver(now) {
                Ok(delivery) => {
                    *next_partition = number + 1;
                    let token = partition.token;
                    return Fetched::Events(vec![Receipt { partition: number, token, delivery }]);
                }
                Err(later) => wait = wait.into_iter().chain(later).min(),
            }
        }
        Fetched::Empty(wait)
    }

    /// Delivers the next events of one partition, at most `max`; a replayed event alone.
    pub(super) fn fetch_from(&self, partition: u32, token: u64, max: usize) -> Fetched {
        let now = Instant::now();
        let mut state = self.state();
        if state.has_ended() {
            return Fetched::End;
        }
        let Some(held) =
            state.partitions.get_mut(&partition).filter(|partition| partition.token == token)
        else {
            return Fetched::End;
        };
        let (mut events, mut wait) = (Vec::new(), None);
        // Another consumer may have the partition after that: the lease has to be renewed first.
        while now < held.valid_until && events.len() < max {
            match held.deliver(now) {
                Ok(delivery) => {
                    let alone = delivery.replay;
                    events.push(Receipt { partition, token, delivery });
                    if alone {
                        break;
                    }
                }
                Err(later) => {
                    wait = later;
                    break;
                }
            }
        }
        if events.is_empty() { Fetched::Empty(wait) } else { Fetched::Events(events) }
    }

    /// Ends the consumer with an error.
    pub(super) fn fail(&self, error: Error) {
        self.state().failed.get_or_insert(error);
        self.work.notify_one();
        self.renew.notify_one();
        self.ready.send_replace(());
    }

    /// Returns the error that ended the consumer, once.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.state().failed.take()
    }

    /// Stops delivering; with `closing`, all partitions are released too.
    pub(super) fn stop(&self, closing: bool) {
        let mut state = self.state();
        state.stopping = true;
        state.closing |= closing;
        drop(state);
        self.work.notify_one();
        self.renew.notify_one();
        self.room.notify_one();
        self.ready.send_replace(());
    }

    /// Applies the leases that a heartbeat returned: drops partitions that were lost, adds new ones, and marks those
    /// above this consumer's share for release. Returns the leases, by partition and token, that the store counts as ours
    /// though it refused what was written under them.
    pub(super) fn apply_heartbeat(&self, heartbeat: &Heartbeat, sent: Instant) -> Vec<(u32, u64)> {
        let mut refused = Vec::new();
        let valid_until = sent + self.settings.lease;
        let mut state = self.state();
        let State { partitions, lost, .. } = &mut *state;
        let kept = || heartbeat.leases.iter().chain(&heartbeat.unrenewed);
        partitions.retain(|number, partition| {
            kept().any(|lease| lease.partition == *number && lease.token == partition.token)
        });
        for lease in &heartbeat.leases {
            let Lease { partition, token, checkpoint } = *lease;
            if lost.get(&partition) == Some(&token) {
                refused.push((partition, token));
                continue;
            }
            let new = || Partition::new(token, checkpoint, self.settings.window, valid_until);
            partitions.entry(partition).or_insert_with(new).valid_until = valid_until;
        }
        let share = heartbeat.share() as usize;
        for (index, partition) in partitions.values_mut().enumerate() {
            partition.releasing = index >= share;
        }
        if heartbeat.replays > 0 {
            state.flags.replays = MarkedEvents::Due;
            self.work.notify_one();
        }
        drop(state);
        self.room.notify_one();
        self.ready.send_replace(());
        refused
    }

    /// Drops a partition whose lease another consumer took, or that was revoked.
    pub(super) fn drop_lost(&self, partition: u32, token: u64) {
        let mut state = self.state();
        if state.partitions.get(&partition).is_some_and(|held| held.token == token) {
            state.partitions.remove(&partition);
            tracing::warn!(subscription = %self.key.name, partition, "the lease of a partition was lost");
        }
        state.lost.insert(partition, token);
        state.flags.renew_now = true;
        drop(state);
        self.renew.notify_one();
        self.room.notify_one();
        self.ready.send_replace(());
    }

    pub(super) fn count(&self, result: &'static str, events: u64) {
        metrics::counter!(
            "event_store_subscription_events_total",
            "subscription" => self.key.name.clone(), "result" => result
        )
        .increment(events);
    }

    /// The partition that an event was delivered from, if its lease is still the same.
    pub(super) fn held<'p>(
        &self,
        partitions: &'p mut BTreeMap<u32, Partition>,
        receipt: &Receipt,
    ) -> Result<&'p mut Partition> {
        let partition = partitions
            .get_mut(&receipt.partition)
            .filter(|partition| partition.token == receipt.token);
        partition.ok_or_else(|| {
            let name = self.key.name.clone();
            SubscriptionError::LeaseLost { name, partition: receipt.partition }.into()
        })
    }
}
