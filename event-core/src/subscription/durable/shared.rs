//! What the tasks of one consumer share: the partitions it holds, and who waits for what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::partition::{Out, Partition};
use super::settings::{OnFailure, Settings, Verdict};
use crate::adapter::{CheckpointStore, Heartbeat, ParkedEvent, SubscriptionKey};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result, SubscriptionError, with_causes};
use crate::store::EventStore;
use crate::subscription::Feed;
use crate::value::Position;

/// What the tasks of a consumer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: EventStore,
    pub(super) feed: Feed,
    pub(super) key: SubscriptionKey,
    pub(super) owner: String,
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Changes when there may be something to hand out, or the end.
    pub(super) ready: watch::Sender<()>,
    /// There is something to save, to put aside or to give up.
    pub(super) work: Notify,
    /// There is room for events, or another partition to read for.
    pub(super) room: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) partitions: BTreeMap<u32, Partition>,
    /// Leases hold at least until then; nothing is handed out later.
    pub(super) valid_until: Instant,
    /// Why the consumer ends by itself.
    pub(super) failed: Option<Error>,
    /// Nothing more is handed out.
    pub(super) stopping: bool,
    /// What is done is saved, everything is given up, and the tasks end.
    pub(super) closing: bool,
    /// The tasks have ended.
    pub(super) ended: bool,
    /// Events to put aside, each with the token of its partition.
    pub(super) to_park: Vec<(u64, ParkedEvent)>,
    /// Parked events that were handled: partition, token, position.
    pub(super) to_unpark: Vec<(u32, u64, Position)>,
    turn: u32,
}

/// An event that was handed out, and of which partition.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) partition: u32,
    pub(super) token: u64,
    pub(super) out: Out,
}

/// What there is to hand out.
pub(super) enum Taken {
    /// At least one.
    Events(Vec<Ticket>),
    /// Nothing now; something by then, if that is known.
    Nothing(Option<Instant>),
    /// Nothing any more.
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
            turn: 0,
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

    /// Hands out the next event of any partition, in turn.
    pub(super) fn take(&self) -> Taken {
        let now = Instant::now();
        let mut state = self.state();
        if state.failed.is_some() || state.stopping || state.ended {
            return Taken::End;
        }
        if now >= state.valid_until {
            // Somebody else may have the partitions: the keeper finds out.
            self.work.notify_one();
            return Taken::Nothing(None);
        }
        let State { partitions, turn, .. } = &mut *state;
        let (mut wait, start): (Option<Instant>, u32) = (None, *turn);
        let order: Vec<u32> =
            partitions.range(start..).chain(partitions.range(..start)).map(|p| *p.0).collect();
        for number in order {
            let Some(partition) = partitions.get_mut(&number) else { continue };
            match partition.take(now) {
                Ok(out) => {
                    *turn = number + 1;
                    return Taken::Events(vec![Ticket {
                        partition: number,
                        token: partition.token,
                        out,
                    }]);
                }
                Err(later) => wait = wait.into_iter().chain(later).min(),
            }
        }
        Taken::Nothing(wait)
    }

    /// Hands out the next events of one partition, at most so many; a replayed one alone.
    pub(super) fn take_of(&self, partition: u32, token: u64, most: usize) -> Taken {
        let now = Instant::now();
        let mut state = self.state();
        if state.failed.is_some() || state.stopping || state.ended {
            return Taken::End;
        }
        if now >= state.valid_until {
            self.work.notify_one();
            return Taken::Nothing(None);
        }
        let Some(held) =
            state.partitions.get_mut(&partition).filter(|partition| partition.token == token)
        else {
            return Taken::End;
        };
        let (mut events, mut wait) = (Vec::new(), None);
        while events.len() < most {
            match held.take(now) {
                Ok(out) => {
                    let alone = out.replay;
                    events.push(Ticket { partition, token, out });
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
        if events.is_empty() { Taken::Nothing(wait) } else { Taken::Events(events) }
    }

    /// An event was handled, and with it all that was handed out before it in its partition, if so.
    ///
    /// # Errors
    /// `LeaseLost` when the partition belongs to another consumer now.
    pub(super) fn handled(&self, ticket: &Ticket, and_before: bool) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        let State { partitions, to_unpark, .. } = &mut *state;
        let partition = self.held(partitions, ticket)?;
        let position = ticket.out.event.position();
        if ticket.out.replay {
            if partition.replayed(position).is_some() {
                to_unpark.push((ticket.partition, ticket.token, position));
                self.work.notify_one();
            }
            return Ok(());
        }
        let (clean, full) = (partition.dirty_since.is_none(), partition.full);
        if and_before {
            // A late answer says nothing about what is out now.
            if partition.attempts(position, ticket.out.lap).is_some() {
                partition.done_up_to(position, now);
            }
        } else {
            partition.done(position, ticket.out.lap, now);
        }
        self.tell(partition, clean, full);
        Ok(())
    }

    /// An event could not be handled.
    ///
    /// # Errors
    /// `LeaseLost` when the partition belongs to another consumer now.
    pub(super) fn failed(&self, ticket: &Ticket, error: BoxError) -> Result<()> {
        let now = Instant::now();
        let Out { event, attempt, lap, replay } = &ticket.out;
        let position = event.position();
        let mut state = self.state();
        let State { partitions, failed, to_park, .. } = &mut *state;
        let partition = self.held(partitions, ticket)?;
        if *replay {
            if let Some(attempts) = partition.replayed(position) {
                to_park.push((ticket.token, parked(ticket.partition, event, attempts, &*error)));
                self.work.notify_one();
            }
            return Ok(());
        }
        if partition.attempts(position, *lap).is_none() {
            return Ok(());
        }
        let name = &self.key.name;
        tracing::warn!(subscription = %name, position = %position, attempt, error = %with_causes(&*error), "an event could not be handled");
        match self.settings.judge(&*error, *attempt) {
            Verdict::Again(pause) => partition.again(position, *lap, pause, now),
            Verdict::Finally(OnFailure::Skip) => {
                let (clean, full) = (partition.dirty_since.is_none(), partition.full);
                partition.skipped += 1;
                partition.done(position, *lap, now);
                self.count("skipped", 1);
                self.tell(partition, clean, full);
            }
            Verdict::Finally(OnFailure::Park) => {
                partition.parking(position, *lap);
                to_park.push((ticket.token, parked(ticket.partition, event, *attempt, &*error)));
                self.work.notify_one();
            }
            Verdict::Finally(OnFailure::Stop) => {
                let stopped = SubscriptionError::Stopped {
                    name: name.clone(),
                    at: Box::new(event.location()),
                    attempts: *attempt,
                    source: error,
                };
                failed.get_or_insert(stopped.into());
                self.work.notify_one();
            }
        }
        self.ready.send_replace(());
        Ok(())
    }

    /// What was handed out and not begun may be handed out again.
    pub(super) fn put_back(&self, tickets: &[Ticket]) {
        let mut state = self.state();
        for ticket in tickets {
            if let Ok(partition) = self.held(&mut state.partitions, ticket) {
                partition.put_back(ticket.out.event.position(), ticket.out.lap);
            }
        }
    }

    /// The consumer ends, for a reason of its own.
    pub(super) fn fail(&self, error: Error) {
        self.state().failed.get_or_insert(error);
        self.work.notify_one();
        self.ready.send_replace(());
    }

    /// Nothing more is handed out; with `closing`, everything is given up.
    pub(super) fn stop(&self, closing: bool) {
        let mut state = self.state();
        state.stopping = true;
        state.closing |= closing;
        drop(state);
        self.work.notify_one();
        self.room.notify_one();
        self.ready.send_replace(());
    }

    /// Takes in what the store says of who holds what; the partitions that are new.
    pub(super) fn attended(&self, heartbeat: &Heartbeat, sent: Instant) -> Vec<u32> {
        let mut state = self.state();
        state.valid_until = sent + self.settings.lease;
        let holds = |partition: u32, token: u64| {
            heartbeat
                .leases
                .iter()
                .any(|lease| lease.partition == partition && lease.token == token)
        };
        state.partitions.retain(|number, partition| holds(*number, partition.token));
        let mut new = Vec::new();
        for lease in &heartbeat.leases {
            state.partitions.entry(lease.partition).or_insert_with(|| {
                new.push(lease.partition);
                Partition::new(lease.token, lease.checkpoint, self.settings.window)
            });
        }
        // Whoever has more than its share gives the last ones up, at a safe point.
        let share = heartbeat.share() as usize;
        for (place, partition) in state.partitions.values_mut().enumerate() {
            partition.leaving = place >= share;
        }
        drop(state);
        self.room.notify_one();
        self.ready.send_replace(());
        new
    }

    /// A partition belongs to somebody else.
    pub(super) fn lost(&self, partition: u32, token: u64) {
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

    fn held<'p>(
        &self,
        partitions: &'p mut BTreeMap<u32, Partition>,
        ticket: &Ticket,
    ) -> Result<&'p mut Partition> {
        let partition = partitions
            .get_mut(&ticket.partition)
            .filter(|partition| partition.token == ticket.token);
        partition.ok_or_else(|| {
            let name = self.key.name.clone();
            SubscriptionError::LeaseLost { name, partition: ticket.partition }.into()
        })
    }

    /// Tells the tasks what an answer changed, and nothing if it changed nothing for them.
    fn tell(&self, partition: &Partition, was_clean: bool, was_full: bool) {
        if (was_clean && partition.dirty_since.is_some())
            || partition.unsaved >= self.settings.checkpoint_every
            || partition.leaving
        {
            self.work.notify_one();
        }
        if was_full && !partition.full {
            self.room.notify_one();
        }
    }
}

fn parked(
    partition: u32,
    event: &Arc<RecordedEvent>,
    attempts: u32,
    error: &(dyn std::error::Error + 'static),
) -> ParkedEvent {
    ParkedEvent {
        position: event.position(),
        event_id: event.event_id(),
        partition,
        attempts,
        error: with_causes(error),
        // Both are the store's to say.
        parked_at: chrono::DateTime::UNIX_EPOCH,
        replay: false,
    }
}
