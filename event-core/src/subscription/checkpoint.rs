//! [`verify_checkpoint`]: detects a checkpoint that belongs to another log, such as the one before a restore.

use crate::adapter::{AllOptions, Checkpoint};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::Position;

/// Verifies that a checkpoint fits the log. It is refused if it lies beyond the last position that was ever assigned, as
/// after a restore from an older backup, or if another event is stored at the position of its last event. Deleted events
/// and commits in flight are accepted.
///
/// `name` is the owner of the checkpoint, for the error.
///
/// # Errors
/// [`Error::LogDiverged`]; those of reading.
pub async fn verify_checkpoint(
    store: &EventStore,
    name: &str,
    checkpoint: Checkpoint,
) -> Result<()> {
    let diverged = |reason: String| {
        Err(Error::LogDiverged { name: name.to_owned(), position: checkpoint.position, reason })
    };
    let last_assigned =
        store.operation("verify_checkpoint", None).run(|_| store.adapter().live().last_assigned());
    let last_assigned = last_assigned.await?;
    verify_position(name, checkpoint.position, last_assigned)?;
    let Some((position, event_id)) = checkpoint.event else { return Ok(()) };
    let before = Position::new(position.get().saturating_sub(1));
    let one = AllOptions::new().after(before).up_to(position);
    // Look up by position first: an id is unique per tenant only.
    if let Some(stored) = store.all_tenants().read_all(one).await?.first() {
        let other = stored.event_id();
        if other == event_id {
            return Ok(());
        }
        return diverged(format!("event {other} is stored at {position}, not {event_id}"));
    }
    // The page may end before the position, while an earlier commit is in flight.
    if let Some(actual) = store.read_event(event_id).await?.map(|event| event.position()) {
        if actual == position {
            return Ok(());
        }
        return diverged(format!("event {event_id} is stored at {actual}, not at {position}"));
    }
    tracing::info!(name, %position, "the last event before a checkpoint was deleted");
    Ok(())
}

/// Refuses a position beyond the last one that was ever assigned.
pub(super) fn verify_position(
    name: &str,
    position: Position,
    last_assigned: Position,
) -> Result<()> {
    if position <= last_assigned {
        return Ok(());
    }
    Err(Error::LogDiverged {
        name: name.to_owned(),
        position,
        reason: format!("no event was ever stored after {last_assigned}"),
    })
}
