//! What the coordinator writes to the checkpoint store, and when: parked events, checkpoints, released partitions.

use std::time::Duration;

use tokio::time::Instant;

use super::partition::Partition;
use super::shared::Shared;
use crate::adapter::Checkpoint;
use crate::error::Result;

/// The shortest time between saves of a checkpoint that moved only over events of other partitions or filters.
const IDLE_SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest time between saves of a busy partition's checkpoint: each save is a commit.
const MIN_SAVE_INTERVAL: Duration = Duration::from_millis(10);

/// A checkpoint to save, and the numbers of events that it covers.
struct Save {
    partition: u32,
    token: u64,
    checkpoint: Checkpoint,
    /// Events that the checkpoint moved over since the last save, skipped ones included.
    advanced: u64,
    skipped: u64,
}

/// Parks events, saves the checkpoints that are due, or all of them, and releases partitions.
pub(super) async fn flush(shared: &Shared, all: bool) -> Result<()> {
    park(shared).await?;
    save(shared, all).await?;
    release(shared).await
}

async fn park(shared: &Shared) -> Result<()> {
    let Shared { key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    // An event leaves the list only once the store has it.
    while let Some((token, event)) = { shared.state().to_park.first().cloned() } {
        if checkpoints.park(key, token, &event).await? {
            shared.count("parked", 1);
            if let Some(partition) = shared.state().partitions.get_mut(&event.partition) {
                partition.finish_parking(event.position, Instant::now());
            }
            shared.room.notify_one();
        } else {
            shared.drop_lost(event.partition, token);
        }
        shared.state().to_park.remove(0);
    }
    while let Some((partition, token, position)) = { shared.state().to_unpark.first().copied() } {
        if checkpoints.unpark(key, partition, token, position).await? {
            shared.count("replayed", 1);
        } else {
            shared.drop_lost(partition, token);
        }
        shared.state().to_unpark.remove(0);
    }
    Ok(())
}

async fn save(shared: &Shared, all: bool) -> Result<()> {
    let Shared { store, key, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    for save in due(shared, all) {
        let Save { partition, token, checkpoint, advanced, skipped } = save;
        let saved = store
            .operation("save_checkpoint", None)
            .run(|_| checkpoints.save(key, partition, token, checkpoint, skipped))
            .await?;
        if saved {
            shared.count("handled", advanced.saturating_sub(skipped));
            if let Some(partition) = shared.state().partitions.get_mut(&partition) {
                partition.mark_saved(checkpoint, advanced, skipped, Instant::now());
            }
        } else {
            shared.drop_lost(partition, token);
        }
    }
    Ok(())
}

/// Releases the partitions that are marked for it, have nothing in flight and are saved.
async fn release(shared: &Shared) -> Result<()> {
    let Shared { key, owner, .. } = shared;
    let idle = |partition: &Partition| {
        partition.releasing && !partition.is_busy() && partition.unsaved_checkpoint().is_none()
    };
    let releasable: Vec<(u32, u64)> = {
        let state = shared.state();
        let idle = state.partitions.iter().filter(|(_, partition)| idle(partition));
        idle.map(|(number, partition)| (*number, partition.token)).collect()
    };
    if releasable.is_empty() {
        return Ok(());
    }
    for (partition, _) in &releasable {
        shared.state().partitions.remove(partition);
    }
    shared.ready.send_replace(());
    shared.checkpoints()?.release(key, owner, Some(&releasable)).await
}

/// The checkpoints that are due to be saved, or all unsaved ones.
fn due(shared: &Shared, all: bool) -> Vec<Save> {
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
            let (advanced, skipped) = (partition.unsaved, partition.skipped);
            let (partition, token) = (*number, partition.token);
            due.push(Save { partition, token, checkpoint, advanced, skipped });
        }
    }
    due
}

fn has_many_unsaved(shared: &Shared, partition: &Partition) -> bool {
    partition.unsaved >= shared.settings.checkpoint_every
}

/// When a partition's checkpoint is due by time.
fn save_due_at(shared: &Shared, partition: &Partition) -> Option<Instant> {
    let interval = shared.settings.checkpoint_interval;
    let idle = partition.unsaved == 0 && partition.skipped == 0;
    let pause = if idle { interval.max(IDLE_SAVE_INTERVAL) } else { interval };
    partition.dirty_since.and_then(|since| since.checked_add(pause))
}

/// When the coordinator has to wake at the latest.
pub(super) fn next_wake(shared: &Shared, heartbeat_at: Instant) -> Instant {
    let state = shared.state();
    let partitions = || state.partitions.values();
    let by_count = partitions()
        .filter(|partition| has_many_unsaved(shared, partition))
        .filter_map(|partition| Some(partition.dirty_since? + MIN_SAVE_INTERVAL));
    let by_time = partitions().filter_map(|partition| save_due_at(shared, partition));
    // Overdue deliveries are looked for a few times within the handling time.
    let overdue = partitions()
        .any(Partition::is_busy)
        .then(|| Instant::now() + shared.settings.handle_within / 4);
    by_time.chain(by_count).chain([heartbeat_at]).chain(overdue).min().unwrap_or(heartbeat_at)
}
