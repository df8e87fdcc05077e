//! Whether a checkpoint was made on this log, or on one that was there before it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Result};
use crate::number::Position;
use crate::options::AllOptions;
use crate::seam::Checkpoint;
use crate::store::EventStore;

/// How long a log that seems to end before a checkpoint may take to show that it does not: a commit that is under way
/// can hide its end from a process that just started.
const PATIENCE: Duration = Duration::from_secs(2);

/// Refuses a checkpoint that the log contradicts. Events that were deleted since contradict nothing.
pub(super) async fn verify(store: &EventStore, name: &str, checkpoint: Checkpoint) -> Result<()> {
    let diverged = |reason: String| {
        let position = checkpoint.position;
        Err(Error::LogDiverged { name: name.to_owned(), position, reason })
    };
    if let Some((position, event_id)) = checkpoint.event {
        let found = store.read_event(event_id).await?;
        if found.is_some_and(|event| event.position() == position) {
            return Ok(());
        }
    }
    let last = checkpoint.event.map_or(checkpoint.position, |(position, _)| position);
    let give_up = Instant::now() + PATIENCE;
    loop {
        let head =
            store.operation("verify_checkpoint", None).run(|_| store.adapter().live().head());
        let head = head.await?;
        if head >= last {
            break;
        }
        if give_up <= Instant::now() {
            return diverged(format!("the log ends at {head}"));
        }
        sleep(PATIENCE / 20).await;
    }
    let Some((position, event_id)) = checkpoint.event else { return Ok(()) };
    let before = Position::new(position.get().saturating_sub(1));
    let one = AllOptions::new().after(before).up_to(position);
    let there = store.all_tenants().read_all(one).await?;
    match there.first() {
        Some(other) if other.event_id() != event_id => {
            diverged(format!("event {} stands at {position}, not {event_id}", other.event_id()))
        }
        Some(_) => Ok(()),
        None => {
            tracing::info!(subscription = name, %position, "the last event that was handled is deleted");
            Ok(())
        }
    }
}
