//! What a consumer does when the log was replaced under it: it forgets what it read, and takes its partitions anew, each
//! from the checkpoint that the log of now holds.
//!
//! Checkpoints are stored with the log, so they are as old as it is: a checkpoint names an event that was stored before.
//! What was acknowledged since is delivered again if it is there, and what is stored in the place of lost events is
//! delivered for the first time. Nothing in memory may be saved, and no acknowledgement from before counts.

use super::shared::Shared;
use crate::error::Result;
use crate::value::Position;

/// Forgets all partitions and gives their leases back, so that the next heartbeat takes them under new tokens.
pub(super) async fn start_over(shared: &Shared) -> Result<()> {
    let Shared { store, key, incarnation, owner, .. } = shared;
    let epoch = store.adapter().live().epoch();
    let had: Vec<(u32, Position)> = {
        let mut state = shared.state();
        state.to_park.clear();
        state.to_unpark.clear();
        let partitions = std::mem::take(&mut state.partitions);
        partitions.iter().map(|(number, held)| (*number, held.read_up_to)).collect()
    };
    if !had.is_empty() {
        let read_up_to = had.iter().map(|(_, position)| *position).max().unwrap_or_default();
        tracing::warn!(
            subscription = %key.name, %read_up_to, partitions = had.len(),
            "the log was replaced, and events that this consumer has read may be gone: it resumes from the checkpoints in the current log"
        );
        metrics::counter!("event_store_subscription_resumed_total", "subscription" => key.name.clone())
            .increment(1);
    }
    shared.ready.send_replace(());
    let checkpoints = shared.checkpoints()?;
    let operation = store.operation("release_partitions", None);
    operation.run(|_| checkpoints.release(key, *incarnation, owner, None)).await?;
    shared.state().epoch = epoch;
    Ok(())
}
