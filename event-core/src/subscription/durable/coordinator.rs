//! The coordinator of a consumer: the one task that talks to the checkpoint store. It has two parts, which run beside each
//! other, so that no lease ends while checkpoints are saved: one renews the leases and releases partitions, the other saves
//! checkpoints, parks failed events and buffers those to be handled again.
//!
//! It runs beside the handlers, so that a consumer with a slow handler keeps its leases. A partition whose token the
//! store no longer accepts is dropped at once.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::change::explain;
use super::flush::{flush, next_wake, release};
use super::passed::Passages;
use super::replaced;
use super::replays::buffer_replays;
use super::shared::{Receipt, Shared, State};
use crate::adapter::Lease;
use crate::error::{BoxError, Error, Result, SubscriptionError};
use crate::subscription::verify_checkpoint;
use crate::value::Position;

/// The longest time between heartbeats of a consumer that holds fewer partitions than its share, or more.
const REBALANCE_INTERVAL: Duration = Duration::from_secs(1);

/// Sends the first heartbeat, which reports everything that is wrong with the subscription; returns the pause before the
/// next one.
pub(super) async fn join(shared: &Shared) -> Result<Duration> {
    heartbeat(shared).await
}

/// Runs until the consumer ends; then saves all checkpoints and releases all partitions.
pub(super) async fn run(shared: Arc<Shared>, first_pause: Duration) {
    let _end = EndGuard(Arc::clone(&shared));
    both(keep_leases(&shared, first_pause), write(&shared)).await;
    shut_down(&shared).await;
}

/// Runs two futures to their ends.
async fn both(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_ended, mut b_ended) = (false, false);
    poll_fn(|context| {
        a_ended = a_ended || a.as_mut().poll(context).is_ready();
        b_ended = b_ended || b.as_mut().poll(context).is_ready();
        if a_ended && b_ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Renews the leases and releases partitions until the consumer ends.
async fn keep_leases(shared: &Shared, first_pause: Duration) {
    let Shared { key, settings, .. } = shared;
    // The store is unreachable, or a lease is locked: no use trying faster than this.
    let shortest = (settings.lease / 20).min(REBALANCE_INTERVAL);
    let mut heartbeat_at = Instant::now() + first_pause;
    let mut allowed_at = Instant::now();
    loop {
        let now = Instant::now();
        let replaced = shared.is_replaced();
        let is_due = {
            let mut state = shared.state();
            if state.is_closing() {
                return;
            }
            let is_due =
                replaced || heartbeat_at <= now || (state.flags.renew_now && allowed_at <= now);
            state.flags.renew_now &= !is_due;
            is_due
        };
        if is_due {
            let renewed = async {
                if replaced {
                    replaced::start_over(shared).await?;
                }
                heartbeat(shared).await
            };
            let pause = match renewed.await {
                Ok(pause) => pause,
                Err(error) if error.is_transient() => {
                    tracing::warn!(subscription = %key.name, error = %error, "leases could not be renewed; trying again");
                    (settings.lease / 6).min(REBALANCE_INTERVAL)
                }
                Err(error) => return shared.fail(explain(shared, error).await),
            };
            heartbeat_at = Instant::now() + pause.max(shortest);
            allowed_at = Instant::now() + shortest;
        }
        match release(shared).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(subscription = %key.name, error = %error, "partitions could not be released; trying again");
            }
            Err(error) => return shared.fail(explain(shared, error).await),
            Ok(()) => {}
        }
        let wake = if shared.state().flags.renew_now { allowed_at } else { heartbeat_at };
        let _ = timeout_at(wake, shared.renew.notified()).await;
    }
}

/// Saves checkpoints and parks events until the consumer ends, and then saves what is left.
async fn write(shared: &Shared) {
    let Shared { key, settings, .. } = shared;
    let mut replays_after = Position::START;
    loop {
        let ends = shared.state().is_closing();
        fail_overdue(shared);
        let written = async {
            flush(shared, ends).await?;
            if !ends && shared.state().flags.replays.take_due() {
                replays_after = buffer_replays(shared, replays_after).await?;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = written.await {
            if !error.is_transient() {
                shared.fail(explain(shared, error).await);
            } else if !ends {
                tracing::warn!(subscription = %key.name, error = %error, "a checkpoint could not be saved; trying again");
                // The store is unreachable: no use trying faster than this.
                tokio::time::sleep((settings.lease / 20).min(REBALANCE_INTERVAL)).await;
            }
        }
        if ends {
            return;
        }
        // What is due is not saved until the partitions are taken anew.
        let wake = if shared.is_replaced() {
            Instant::now() + settings.lease / 20
        } else {
            next_wake(shared)
        };
        let _ = timeout_at(wake, shared.work.notified()).await;
    }
}

/// Renews the leases and takes free partitions; returns the pause before the next heartbeat.
async fn heartbeat(shared: &Shared) -> Result<Duration> {
    let Shared { store, key, incarnation, owner, settings, .. } = shared;
    let sent = Instant::now();
    let checkpoints = shared.checkpoints()?;
    let mut heartbeat = store
        .operation("heartbeat_subscription", None)
        .run(|_| checkpoints.heartbeat(key, *incarnation, owner, settings.lease))
        .await?;
    if heartbeat.partitions != settings.partitioning.count {
        return Err(SubscriptionError::Replaced { name: key.name.clone() }.into());
    }
    let known: HashMap<u32, u64> = {
        let state = shared.state();
        state.partitions.iter().map(|(number, partition)| (*number, partition.token)).collect()
    };
    let is_new = |lease: &Lease| known.get(&lease.partition) != Some(&lease.token);
    if heartbeat.leases.iter().any(is_new) {
        // Before anything of a new lease is read: a reset forgets what was passed, and takes every lease away.
        let passed = store.operation("read_subscription_changes", None);
        let passed = passed.run(|_| checkpoints.passed(key)).await?;
        let partition_key = settings.partitioning.key.as_ref();
        let passages = Passages::new(passed, &shared.filter, partition_key)?;
        shared.state().passages = Arc::new(passages);
    }
    let held = heartbeat.leases.len() + heartbeat.unrenewed.len();
    let (mut verified, mut all) = (Vec::new(), true);
    let mut leases = Vec::with_capacity(heartbeat.leases.len());
    for lease in heartbeat.leases {
        if is_new(&lease) && !verified.contains(&lease.checkpoint) {
            // Those that are left are verified after the next heartbeat: this one must not outlast the leases.
            if !verified.is_empty() && sent.elapsed() > settings.lease / 3 {
                all = false;
                continue;
            }
            verify_checkpoint(store, &key.name, lease.checkpoint).await?;
            verified.push(lease.checkpoint);
        }
        leases.push(lease);
    }
    heartbeat.leases = leases;
    let refused = shared.apply_heartbeat(&heartbeat, sent);
    if !refused.is_empty() {
        // The store refused a checkpoint or an event under these tokens, and still counts them as ours: given back, they
        // are assigned again under other tokens.
        let given_back = checkpoints.release(key, *incarnation, owner, Some(&refused));
        given_back.await?;
        return Ok(Duration::ZERO);
    }
    let interval = settings.lease / 3;
    let is_balanced = held == heartbeat.share() as usize;
    Ok(if !all || !heartbeat.unrenewed.is_empty() {
        Duration::ZERO
    } else if is_balanced {
        interval
    } else {
        interval.min(REBALANCE_INTERVAL)
    })
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
    let Shared { key, incarnation, owner, .. } = shared;
    let reason = {
        let mut state = shared.state();
        state.stopping = true;
        state.failed.as_ref().map(|error| crate::error::with_causes(error))
    };
    let result = async {
        let checkpoints = shared.checkpoints()?;
        if let Some(reason) = &reason {
            tracing::error!(subscription = %key.name, error = %reason, "a subscription stopped");
            checkpoints.stopped(key, *incarnation, Some(reason)).await?;
        }
        checkpoints.release(key, *incarnation, owner, None).await
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
