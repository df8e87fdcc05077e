//! What the coordinator writes to the checkpoint store, and when: parked events, checkpoints, released partitions.

use std::time::Duration;

use tokio::time::Instant;

use super::partition::{Partition, Unsaved};
use super::shared::{MarkedEvents, Shared, State};
use crate::adapter::{CheckpointMove, Moved};
use crate::error::Result;

/// The shortest time between saves of a checkpoint that moved only over events of other partitions or filters.
const IDLE_SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest time between saves of a busy partition's checkpoint: each save is a commit.
const MIN_SAVE_INTERVAL: Duration = Duration::from_millis(10);

/// Parks events, and saves the checkpoints that are due, or all of them.
pub(super) async fn flush(shared: &Shared, all: bool) -> Result<()> {
    if shared.is_replaced() {
        // What is in memory is of another log.
        shared.renew.notify_one();
        return Ok(());
    }
    park(shared).await?;
    save(shared, all).await?;
    if !releasable(&shared.state()).is_empty() {
        shared.renew.notify_one();
    }
    Ok(())
}

async fn park(shared: &Shared) -> Result<()> {
    let Shared { key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    // An event leaves the list only once the store has it.
    while let Some((token, event)) = { shared.state().to_park.first().cloned() } {
        if checkpoints.park(key, token, &event).await? {
            shared.count("parked", 1);
            let mut state = shared.state();
            let held = state.partitions.get_mut(&event.partition).filter(|it| it.token == token);
            if let Some(partition) = held {
                partition.finish_parking(event.position, Instant::now());
            }
            drop(state);
            shared.room.notify_one();
        } else {
            shared.drop_lost(event.partition, token);
        }
        // Unless the log was replaced meanwhile, which empties the list.
        let parked = (token, event.position);
        shared.state().to_park.retain(|(token, event)| (*token, event.position) != parked);
    }
    while let Some((partition, token, position)) = { shared.state().to_unpark.first().copied() } {
        if checkpoints.unpark(key, partition, token, position).await? {
            shared.count("replayed", 1);
        } else {
            shared.drop_lost(partition, token);
        }
        shared.state().to_unpark.retain(|it| *it != (partition, token, position));
    }
    Ok(())
}

/// Saves checkpoints, all in one call.
async fn save(shared: &Shared, all: bool) -> Result<()> {
    let Shared { store, key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    let (due, covered): (Vec<CheckpointMove>, Vec<Unsaved>) =
        unsaved(shared, all).into_iter().unzip();
    if due.is_empty() {
        return Ok(());
    }
    let moved =
        store.operation("save_checkpoint", None).run(|_| checkpoints.save_all(key, &due)).await?;
    for ((at, covered), moved) in due.into_iter().zip(covered).zip(moved) {
        let CheckpointMove { partition, token, checkpoint, .. } = at;
        if moved == Moved::Lost {
            shared.drop_lost(partition, token);
            continue;
        }
        let mut state = shared.state();
        let held = state.partitions.get_mut(&partition).filter(|held| held.token == token);
        let Some(held) = held else { continue };
        if moved == Moved::Saved {
            held.mark_saved(checkpoint, covered, Instant::now());
            drop(state);
            shared.count("handled", covered.handled());
        } else {
            held.postpone_save(Instant::now());
        }
    }
    Ok(())
}

/// Releases the partitions that are marked for it, have nothing in flight and are saved.
pub(super) async fn release(shared: &Shared) -> Result<()> {
    let Shared { key, incarnation, owner, .. } = shared;
    let releasable = {
        let mut state = shared.state();
        let releasable = releasable(&state);
        for (partition, _) in &releasable {
            state.partitions.remove(partition);
        }
        releasable
    };
    if releasable.is_empty() {
        return Ok(());
    }
    shared.ready.send_replace(());
    shared.checkpoints()?.release(key, *incarnation, owner, Some(&releasable)).await
}

/// The partitions to release, each with its token.
fn releasable(state: &State) -> Vec<(u32, u64)> {
    let idle = |partition: &Partition| {
        partition.releasing && !partition.is_busy() && partition.unsaved_checkpoint().is_none()
    };
    let idle = state.partitions.iter().filter(|(_, partition)| idle(partition));
    idle.map(|(number, partition)| (*number, partition.token)).collect()
}

/// The checkpoints that are due to be saved, or all unsaved ones; each with what it covers.
fn unsaved(shared: &Shared, all: bool) -> Vec<(CheckpointMove, Unsaved)> {
    let now = Instant::now();
    let state = shared.state();
    let mut due = Vec::new();
    for (number, partition) in &state.partitions {
        let Some(checkpoint) = partition.unsaved_checkpoint() else { continue };
        let rested = partition.dirty_since.is_some_and(|since| since + MIN_SAVE_INTERVAL <= now);
        if all
            || (has_many_unsaved(shared, partition) && rested)
            || partition.releasing
            || save_due_at(shared, partition).is_some_and(|at| at <= now)
        {
            let covered = partition.unsaved;
            let (partition, token, skipped) = (*number, partition.token, covered.skipped);
            due.push((CheckpointMove { partition, token, checkpoint, skipped }, covered));
        }
    }
    due
}

fn has_many_unsaved(shared: &Shared, partition: &Partition) -> bool {
    partition.unsaved.passed >= shared.settings.checkpoint_every
}

/// When a partition's checkpoint is due by time.
fn save_due_at(shared: &Shared, partition: &Partition) -> Option<Instant> {
    let interval = shared.settings.checkpoint_interval;
    let idle = partition.unsaved.passed == 0 && partition.unsaved.skipped == 0;
    let pause = if idle { interval.max(IDLE_SAVE_INTERVAL) } else { interval };
    partition.dirty_since.and_then(|since| since.checked_add(pause))
}

/// The pauses of the writer while it looks for overdue deliveries.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// When the writer has to wake at the latest.
pub(super) fn next_wake(shared: &Shared) -> Instant {
    let now = Instant::now();
    let state = shared.state();
    if state.flags.replays == MarkedEvents::Due {
        return now;
    }
    let partitions = || state.partitions.values();
    let by_count = partitions()
        .filter(|partition| has_many_unsaved(shared, partition))
        .filter_map(|partition| Some(partition.dirty_since? + MIN_SAVE_INTERVAL));
    let by_time = partitions().filter_map(|partition| save_due_at(shared, partition));
    // Overdue deliveries are looked for a few times within the handling time, also those that are made until then.
    let pause = (shared.settings.handle_within / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    by_time.chain(by_count).min().unwrap_or(now + pause).min(now + pause)
}
