//! [`Shared`]: what the tasks of one consumer share, and how they wake each other.
//!
//! Three kinds of tasks: the reader buffers events, the coordinator talks to the checkpoint store, and the application
//! (or one task a partition, under [`Consumer::run`](super::Consumer::run)) handles events.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::partition::{InFlight, Partition};
use super::settings::Settings;
use crate::adapter::{CheckpointStore, Heartbeat, ParkedEvent, SubscriptionKey};
use crate::error::{Error, Result, SubscriptionError};
use crate::store::EventStore;
use crate::subscription::Feed;
use crate::value::Position;

/// What the tasks of a consumer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: EventStore,
    pub(super) feed: Feed,
    pub(super) key: SubscriptionKey,
    /// The consumer's unique name.
    pub(super) owner: String,
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Wakes who waits for events: there may be one to deliver, or the consumer ended.
    pub(super) ready: watch::Sender<()>,
    /// Wakes the coordinator: there is something to save, to park or to release.
    pub(super) work: Notify,
    /// Wakes the reader: a window has room, or the partitions changed.
    pub(super) room: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    /// The partitions that this consumer holds, by number.
    pub(super) partitions: BTreeMap<u32, Partition>,
    /// When the leases may end at the earliest: nothing is delivered after it.
    pub(super) valid_until: Instant,
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
    /// The partition to deliver from next, in rotation.
    next_partition: u32,
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

impl Shared {
    pub(super) fn new(
        store: EventStore,
        feed: Feed,
        key: SubscriptionKey,
        owner: String,
        settings: Settings,
    ) -> Self {
        let state = State {
            partitions: BTreeMap::new(),
            valid_until: Instant::now(),
            failed: None,
            stopping: false,
            closing: false,
            ended: false,
            to_park: Vec::new(),
            to_unpark: Vec::new(),
            next_partition: 0,
        };
        Self {
            store,
            feed,
            key,
            owner,
            settings,
            state: Mutex::new(state),
            ready: watch::Sender::default(),
            work: Notify::new(),
            room: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn checkpoints(&self) -> Result<&dyn CheckpointStore> {
        super::checkpoints(&self.store)
    }

    /// Delivers the next event of any partition, in rotation.
    pub(super) fn fetch(&self) -> Fetched {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(reason) = self.cannot_deliver(&state, now) {
            return reason;
        }
        let State { partitions, next_partition, .. } = &mut *state;
        let (mut wait, start): (Option<Instant>, u32) = (None, *next_partition);
        let order: Vec<u32> =
            partitions.range(start..).chain(partitions.range(..start)).map(|p| *p.0).collect();
        for number in order {
            let Some(partition) = partitions.get_mut(&number) else { continue };
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
        if let Some(reason) = self.cannot_deliver(&state, now) {
            return reason;
        }
        let Some(held) =
            state.partitions.get_mut(&partition).filter(|partition| partition.token == token)
        else {
            return Fetched::End;
        };
        let (mut events, mut wait) = (Vec::new(), None);
        while events.len() < max {
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

    fn cannot_deliver(&self, state: &State, now: Instant) -> Option<Fetched> {
        if state.failed.is_some() || state.stopping || state.ended {
            return Some(Fetched::End);
        }
        if now >= state.valid_until {
            // Another consumer may hold the partitions by now: the coordinator has to renew the leases first.
            self.work.notify_one();
            return Some(Fetched::Empty(None));
        }
        None
    }

    /// Ends the consumer with an error.
    pub(super) fn fail(&self, error: Error) {
        self.state().failed.get_or_insert(error);
        self.work.notify_one();
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
        self.room.notify_one();
        self.ready.send_replace(());
    }

    /// Applies the leases that a heartbeat returned: drops partitions that were lost, adds new ones, and marks those
    /// above this consumer's share for release.
    pub(super) fn apply_heartbeat(&self, heartbeat: &Heartbeat, sent: Instant) {
        let mut state = self.state();
        state.valid_until = sent + self.settings.lease;
        let holds = |partition: u32, token: u64| {
            heartbeat
                .leases
                .iter()
                .any(|lease| lease.partition == partition && lease.token == token)
        };
        state.partitions.retain(|number, partition| holds(*number, partition.token));
        for lease in &heartbeat.leases {
            state.partitions.entry(lease.partition).or_insert_with(|| {
                Partition::new(lease.token, lease.checkpoint, self.settings.window)
            });
        }
        let share = heartbeat.share() as usize;
        for (index, partition) in state.partitions.values_mut().enumerate() {
            partition.releasing = index >= share;
        }
        drop(state);
        self.room.notify_one();
        self.ready.send_replace(());
    }

    /// Drops a partition whose lease another consumer took.
    pub(super) fn drop_lost(&self, partition: u32, token: u64) {
        let mut state = self.state();
        if state.partitions.get(&partition).is_some_and(|held| held.token == token) {
            state.partitions.remove(&partition);
            tracing::warn!(subscription = %self.key.name, partition, "the lease of a partition was lost");
        }
        drop(state);
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
