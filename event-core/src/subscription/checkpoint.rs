//! [`verify_checkpoint`]: detects a checkpoint that belongs to another log, such as the one before a restore.

use crate::adapter::Checkpoint;
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::{EventId, Position};

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
    let live = store.adapter().live();
    let (at, expected) = match checkpoint.event {
        Some((at, event_id)) => (at, Some(event_id)),
        None => (checkpoint.position, None),
    };
    // Asked where appends go: what a standby lacks proves nothing.
    let operation = store.operation("verify_checkpoint", None);
    let place = operation.run(|_| live.place(at, live.epoch())).await?;
    verify_position(name, checkpoint.position, place.last_assigned)?;
    let (Some(expected), Some((position, event_id))) = (expected, checkpoint.event) else {
        return Ok(());
    };
    match place.event {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(Error::LogDiverged {
            name: name.to_owned(),
            position: checkpoint.position,
            expected: Some(expected),
            found: Some(found),
            reason: format!("event {found} is stored at {position}, not {expected}"),
        }),
        None => verify_absence(store, name, checkpoint.position, (position, event_id)).await,
    }
}

/// An event that is not at its position was deleted, unless it is elsewhere.
async fn verify_absence(
    store: &EventStore,
    name: &str,
    checkpoint: Position,
    (position, event_id): (Position, EventId),
) -> Result<()> {
    match store.all_tenants().read_event(event_id).await?.map(|event| event.position()) {
        Some(actual) if actual != position => Err(Error::LogDiverged {
            name: name.to_owned(),
            position: checkpoint,
            expected: Some(event_id),
            found: None,
            reason: format!("event {event_id} is stored at {actual}, not at {position}"),
        }),
        Some(_) => Ok(()),
        None => {
            tracing::info!(name, %position, "the last event before a checkpoint was deleted");
            Ok(())
        }
    }
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
        expected: None,
        found: None,
        reason: format!("no event was ever stored after {last_assigned}"),
    })
}
