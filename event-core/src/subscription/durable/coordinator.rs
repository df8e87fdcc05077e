//! The coordinator of a consumer: the one task that talks to the checkpoint store. It sends heartbeats, saves
//! checkpoints, parks failed events and releases partitions.
//!
//! It runs beside the handlers, so that a consumer with a slow handler keeps its leases. A partition whose token the
//! store no longer accepts is dropped at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::flush::{flush, next_wake};
use super::shared::{Receipt, Shared, State};
use crate::adapter::Heartbeat;
use crate::error::{BoxError, Error, Result};
use crate::subscription::verify_checkpoint;
use crate::value::Position;

/// The longest time between heartbeats of a consumer that holds fewer partitions than its share, or more.
const REBALANCE_INTERVAL: Duration = Duration::from_secs(1);
/// The number of parked events that are buffered for replay at a time.
const REPLAY_BATCH: u32 = 100;

/// Sends the first heartbeat, which reports everything that is wrong with the subscription; returns the pause before the
/// next one.
pub(super) async fn join(shared: &Shared) -> Result<Duration> {
    heartbeat(shared).await
}

/// Runs until the consumer ends; then saves all checkpoints and releases all partitions.
pub(super) async fn run(shared: Arc<Shared>, first_pause: Duration) {
    let _end = EndGuard(Arc::clone(&shared));
    let mut heartbeat_at = Instant::now() + first_pause;
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
                    heartbeat_at =
                        Instant::now() + (shared.settings.lease / 6).min(REBALANCE_INTERVAL);
                }
                Err(error) => shared.fail(error),
            }
        }
        fail_overdue(&shared);
        if let Err(error) = flush(&shared, ends).await {
            if !error.is_transient() {
                shared.fail(error);
            } else if !ends {
                tracing::warn!(subscription = %shared.key.name, error = %error, "a checkpoint could not be saved; trying again");
                // The store is unreachable: no use trying faster than this.
                tokio::time::sleep((shared.settings.lease / 20).min(REBALANCE_INTERVAL)).await;
            }
        }
        if ends {
            return shut_down(&shared).await;
        }
        let wake = next_wake(&shared, heartbeat_at);
        let _ = timeout_at(wake, shared.work.notified()).await;
    }
}

/// Renews the leases and takes free partitions; returns the pause before the next heartbeat.
async fn heartbeat(shared: &Shared) -> Result<Duration> {
    let Shared { store, key, owner, settings, .. } = shared;
    let sent = Instant::now();
    let checkpoints = shared.checkpoints()?;
    let heartbeat = store
        .operation("heartbeat_subscription", None)
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
    shared.apply_heartbeat(&heartbeat, sent);
    if heartbeat.replays > 0 {
        buffer_replays(shared, &heartbeat).await?;
    }
    let is_balanced = heartbeat.leases.len() == heartbeat.share() as usize;
    let interval = settings.lease / 3;
    Ok(if is_balanced { interval } else { interval.min(REBALANCE_INTERVAL) })
}

/// Buffers parked events that are to be handled again.
async fn buffer_replays(shared: &Shared, heartbeat: &Heartbeat) -> Result<()> {
    let Shared { store, key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    for parked in checkpoints.parked(key, true, Position::START, REPLAY_BATCH).await? {
        let Some(lease) = heartbeat.leases.iter().find(|lease| lease.partition == parked.partition)
        else {
            continue;
        };
        // Read by id: a read of the log may end before the event while an earlier commit is in flight.
        match store.read_event(parked.event_id).await? {
            Some(event) => {
                let mut state = shared.state();
                if let Some(partition) = state.partitions.get_mut(&lease.partition) {
                    partition.buffer_replay(event, parked.attempts);
                }
            }
            // The event was deleted: nothing is left to handle.
            None => {
                checkpoints.unpark(key, lease.partition, lease.token, parked.position).await?;
            }
        }
    }
    shared.ready.send_replace(());
    Ok(())
}

/// Fails deliveries that were not acknowledged within `handle_within`.
fn fail_overdue(shared: &Shared) {
    let Some(moment) = Instant::now().checked_sub(shared.settings.handle_within) else { return };
    let mut overdue = Vec::new();
    for (number, partition) in &shared.state().partitions {
        let (partition_number, token) = (*number, partition.token);
        let deliveries = partition.in_flight_since_before(moment);
        overdue.extend(deliveries.into_iter().map(|delivery| Receipt {
            partition: partition_number,
            token,
            delivery,
        }));
    }
    for receipt in overdue {
        let within = shared.settings.handle_within;
        // If the lease was lost meanwhile, the new owner of the partition handles the event.
        let _ = shared.reject(&receipt, BoxError::from(format!("not handled within {within:?}")));
    }
}

/// Releases all partitions, and stores the error that ended the consumer, if any.
async fn shut_down(shared: &Shared) {
    let Shared { key, owner, .. } = shared;
    let reason = {
        let mut state = shared.state();
        state.stopping = true;
        state.failed.as_ref().map(|error| crate::error::with_causes(error))
    };
    let result = async {
        let checkpoints = shared.checkpoints()?;
        if let Some(reason) = &reason {
            tracing::error!(subscription = %key.name, error = %reason, "a subscription stopped");
            checkpoints.stopped(key, Some(reason)).await?;
        }
        checkpoints.release(key, owner, None).await
    };
    if let Err(error) = result.await {
        // The leases expire by themselves.
        tracing::debug!(subscription = %key.name, error = %error, "a consumer could not release its partitions; their leases expire");
    }
    let State { partitions, ended, .. } = &mut *shared.state();
    partitions.clear();
    *ended = true;
    shared.room.notify_one();
    shared.ready.send_replace(());
}

/// Marks the consumer as ended when the coordinator is dropped, for example with its runtime, so that no task waits for
/// it.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        let State { ended, stopping, failed, partitions, .. } = &mut *self.0.state();
        if !*ended {
            partitions.clear();
            (*ended, *stopping) = (true, true);
            failed.get_or_insert_with(|| {
                Error::adapter("run a subscription", "the task that renews its leases ended")
            });
        }
        self.0.room.notify_one();
        self.0.ready.send_replace(());
    }
}
