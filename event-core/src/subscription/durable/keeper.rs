//! The keeper of a consumer: renews its leases, saves its checkpoints, puts events aside, and gives partitions up.
//!
//! It goes on while events are handled, however long that takes, so that a consumer that works is not taken for one that
//! is gone. Whatever the store says is not this consumer's any more is dropped at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::shared::{Shared, State, Ticket};
use crate::adapter::{Checkpoint, Heartbeat};
use crate::error::{BoxError, Error, Result};
use crate::subscription::verify_checkpoint;
use crate::value::Position;

/// How often an owner without enough partitions looks for some.
const HUNGRY: Duration = Duration::from_secs(1);
/// A checkpoint that moved only over events of others is saved at most so often.
const IDLE_FLUSH: Duration = Duration::from_secs(1);
/// However many events are handled, a checkpoint is saved at most so often: each save is a commit.
const PACE: Duration = Duration::from_millis(10);
/// Parked events that are taken up again at once.
const REPLAYS: u32 = 100;

/// Shows up for the first time; everything that is wrong with the subscription is told here.
pub(super) async fn join(shared: &Shared) -> Result<Duration> {
    heartbeat(shared).await
}

/// Keeps a consumer until it ends; then everything is saved and given up.
pub(super) async fn keep(shared: Arc<Shared>, first: Duration) {
    let _end = End(Arc::clone(&shared));
    let mut heartbeat_at = Instant::now() + first;
    loop {
        let now = Instant::now();
        let ends = {
            let state = shared.state();
            state.closing || state.failed.is_some()
        };
        if !ends && (heartbeat_at <= now || shared.state().valid_until <= now) {
            match heartbeat(&shared).await {
                Ok(pause) => heartbeat_at = Instant::now() + pause,
                Err(error) if error.is_transient() => {
                    tracing::warn!(subscription = %shared.key.name, error = %error, "leases could not be renewed; trying again");
                    heartbeat_at = Instant::now() + (shared.settings.lease / 6).min(HUNGRY);
                }
                Err(error) => shared.fail(error),
            }
        }
        give_up_late_ones(&shared);
        if let Err(error) = work(&shared, ends).await {
            if !error.is_transient() {
                shared.fail(error);
            } else if !ends {
                tracing::warn!(subscription = %shared.key.name, error = %error, "a checkpoint could not be saved; trying again");
                // The store cannot be reached: no faster than that.
                tokio::time::sleep((shared.settings.lease / 20).min(HUNGRY)).await;
            }
        }
        if ends {
            return leave(&shared).await;
        }
        let wake = next_wake(&shared, heartbeat_at);
        let _ = timeout_at(wake, shared.work.notified()).await;
    }
}

/// Renews leases and takes parts; how long until the next time.
async fn heartbeat(shared: &Shared) -> Result<Duration> {
    let Shared { store, key, owner, settings, .. } = shared;
    let sent = Instant::now();
    let checkpoints = shared.checkpoints()?;
    let heartbeat = store
        .operation("attend_subscription", None)
        .run(|_| checkpoints.heartbeat(key, owner, settings.lease))
        .await?;
    let known: Vec<(u32, u64)> = shared
        .state()
        .partitions
        .iter()
        .map(|(number, partition)| (*number, partition.token))
        .collect();
    for lease in &heartbeat.leases {
        if !known.contains(&(lease.partition, lease.token)) {
            verify_checkpoint(store, &key.name, lease.checkpoint).await?;
        }
    }
    shared.attended(&heartbeat, sent);
    if heartbeat.replays > 0 {
        take_up_parked(shared, &heartbeat).await?;
    }
    let content = heartbeat.leases.len() == heartbeat.share() as usize;
    let calm = settings.lease / 3;
    Ok(if content { calm } else { calm.min(HUNGRY) })
}

async fn take_up_parked(shared: &Shared, heartbeat: &Heartbeat) -> Result<()> {
    let Shared { store, key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    for parked in checkpoints.parked(key, true, Position::START, REPLAYS).await? {
        let Some(lease) = heartbeat.leases.iter().find(|lease| lease.partition == parked.partition)
        else {
            continue;
        };
        // By its id: a read of the log may end before it while a slow writer is out.
        match store.read_event(parked.event_id).await? {
            Some(event) => {
                let mut state = shared.state();
                if let Some(partition) = state.partitions.get_mut(&lease.partition) {
                    partition.offer_replay(event, parked.attempts);
                }
            }
            // It was deleted: there is nothing left to handle.
            None => {
                checkpoints.unpark(key, lease.partition, lease.token, parked.position).await?;
            }
        }
    }
    shared.ready.send_replace(());
    Ok(())
}

/// What has been out for too long counts as failed.
fn give_up_late_ones(shared: &Shared) {
    let Some(moment) = Instant::now().checked_sub(shared.settings.handle_within) else { return };
    let mut late = Vec::new();
    for (number, partition) in &shared.state().partitions {
        let token = partition.token;
        late.extend(partition.out_since(moment).into_iter().map(|out| Ticket {
            partition: *number,
            token,
            out,
        }));
    }
    for ticket in late {
        let within = shared.settings.handle_within;
        // A partition that was lost meanwhile is somebody else's business.
        let _ = shared.failed(&ticket, BoxError::from(format!("not handled within {within:?}")));
    }
}

/// What is to be told to the store of one partition.
struct Save {
    partition: u32,
    token: u64,
    checkpoint: Checkpoint,
    done: u64,
    skipped: u64,
}

/// Saves, puts aside and gives up what is due, or everything.
async fn work(shared: &Shared, all: bool) -> Result<()> {
    let Shared { store, key, owner, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    park(shared).await?;
    for save in due(shared, all) {
        let Save { partition, token, checkpoint, done, skipped } = save;
        let saved = store
            .operation("save_checkpoint", None)
            .run(|_| checkpoints.save(key, partition, token, checkpoint, skipped))
            .await?;
        if saved {
            shared.count("handled", done.saturating_sub(skipped));
            if let Some(partition) = shared.state().partitions.get_mut(&partition) {
                partition.is_saved(checkpoint, done, skipped, Instant::now());
            }
        } else {
            shared.lost(partition, token);
        }
    }
    let leaving: Vec<(u32, u64)> = {
        let state = shared.state();
        let safe = state
            .partitions
            .iter()
            .filter(|(_, partition)| partition.leaving && !partition.is_busy());
        safe.filter(|(_, partition)| partition.unsaved().is_none())
            .map(|(n, partition)| (*n, partition.token))
            .collect()
    };
    if !leaving.is_empty() {
        for (partition, _) in &leaving {
            shared.state().partitions.remove(partition);
        }
        shared.ready.send_replace(());
        checkpoints.release(key, owner, Some(&leaving)).await?;
    }
    Ok(())
}

async fn park(shared: &Shared) -> Result<()> {
    let Shared { key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    // Taken off the list only when the store has them.
    while let Some((token, event)) = { shared.state().to_park.first().cloned() } {
        if checkpoints.park(key, token, &event).await? {
            shared.count("parked", 1);
            if let Some(partition) = shared.state().partitions.get_mut(&event.partition) {
                partition.parked(event.position, Instant::now());
            }
            shared.room.notify_one();
        } else {
            shared.lost(event.partition, token);
        }
        shared.state().to_park.remove(0);
    }
    while let Some((partition, token, position)) = { shared.state().to_unpark.first().copied() } {
        if checkpoints.unpark(key, partition, token, position).await? {
            shared.count("replayed", 1);
        } else {
            shared.lost(partition, token);
        }
        shared.state().to_unpark.remove(0);
    }
    Ok(())
}

fn due(shared: &Shared, all: bool) -> Vec<Save> {
    let (now, settings) = (Instant::now(), &shared.settings);
    let state = shared.state();
    let mut due = Vec::new();
    for (number, partition) in &state.partitions {
        let Some(checkpoint) = partition.unsaved() else { continue };
        let paced = partition.dirty_since.is_some_and(|since| since + PACE <= now);
        let many = partition.unsaved >= settings.checkpoint_every && paced;
        if all
            || many
            || partition.leaving
            || flush_at(shared, partition).is_some_and(|at| at <= now)
        {
            let (token, done, skipped) = (partition.token, partition.unsaved, partition.skipped);
            due.push(Save { partition: *number, token, checkpoint, done, skipped });
        }
    }
    due
}

fn flush_at(shared: &Shared, partition: &super::partition::Partition) -> Option<Instant> {
    let interval = shared.settings.checkpoint_interval;
    let idle = partition.unsaved == 0 && partition.skipped == 0;
    let pause = if idle { interval.max(IDLE_FLUSH) } else { interval };
    partition.dirty_since.and_then(|since| since.checked_add(pause))
}

/// When there is something to do at the latest.
fn next_wake(shared: &Shared, heartbeat_at: Instant) -> Instant {
    let state = shared.state();
    let many = |partition: &super::partition::Partition| {
        partition.unsaved >= shared.settings.checkpoint_every
    };
    let paced = state
        .partitions
        .values()
        .filter(|partition| many(partition))
        .filter_map(|partition| partition.dirty_since);
    let paced = paced.map(|since| since + PACE);
    let flushes =
        state.partitions.values().filter_map(|partition| flush_at(shared, partition)).chain(paced);
    let busy = state.partitions.values().any(super::partition::Partition::is_busy);
    // Late deliveries are looked for a few times within their time.
    let late = busy.then(|| Instant::now() + shared.settings.handle_within / 4);
    flushes.chain([heartbeat_at]).chain(late).min().unwrap_or(heartbeat_at)
}

/// Gives everything up, and says why if there is a reason.
async fn leave(shared: &Shared) {
    let Shared { key, owner, .. } = shared;
    let why = {
        let mut state = shared.state();
        state.stopping = true;
        state.failed.as_ref().map(|error| crate::error::with_causes(error))
    };
    let result = async {
        let checkpoints = shared.checkpoints()?;
        if let Some(why) = &why {
            tracing::error!(subscription = %key.name, error = %why, "a subscription stopped");
            checkpoints.stopped(key, Some(why)).await?;
        }
        checkpoints.release(key, owner, None).await
    };
    if let Err(error) = result.await {
        // The leases end by themselves.
        tracing::debug!(subscription = %key.name, error = %error, "a consumer went without a word");
    }
    let State { partitions, ended, .. } = &mut *shared.state();
    partitions.clear();
    *ended = true;
    shared.room.notify_one();
    shared.ready.send_replace(());
}

/// Nobody waits for a keeper that is gone, however it went: its runtime may have ended under it.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let State { ended, stopping, failed, partitions, .. } = &mut *self.0.state();
        if !*ended {
            partitions.clear();
            (*ended, *stopping) = (true, true);
            failed.get_or_insert_with(|| {
                Error::adapter("keep a subscription", "the task that kept its leases ended")
            });
        }
        self.0.room.notify_one();
        self.0.ready.send_replace(());
    }
}

impl Shared {
    /// Takes why the consumer ended, once.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.state().failed.take()
    }
}
