//! Whether a place in the log was made on this log, and not on one that was there before it.

use crate::adapter::{AllOptions, Checkpoint};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::Position;

/// Refuses a place that the log contradicts: one beyond all that was ever stored, as after a restore to an earlier state,
/// or one whose last event is not the event that stands there. Events that were deleted since contradict nothing, and
/// neither do commits that are under way.
///
/// # Errors
/// [`Error::LogDiverged`], with `name` for whose place it is; those of reading.
pub async fn verify_checkpoint(store: &EventStore, name: &str, place: Checkpoint) -> Result<()> {
    let diverged = |reason: String| {
        Err(Error::LogDiverged { name: name.to_owned(), position: place.position, reason })
    };
    let drawn =
        store.operation("verify_checkpoint", None).run(|_| store.adapter().live().last_assigned());
    let drawn = drawn.await?;
    if drawn < place.position {
        return diverged(format!("no event was ever stored after {drawn}"));
    }
    let Some((position, event_id)) = place.event else { return Ok(()) };
    let before = Position::new(position.get().saturating_sub(1));
    let one = AllOptions::new().after(before).up_to(position);
    // By its place first: an id may stand in the log once for each tenant.
    if let Some(there) = store.all_tenants().read_all(one).await?.first() {
        let other = there.event_id();
        if other == event_id {
            return Ok(());
        }
        return diverged(format!("event {other} stands at {position}, not {event_id}"));
    }
    // The page may end before it, while a commit in front of it is under way.
    if let Some(now) = store.read_event(event_id).await?.map(|event| event.position()) {
        if now == position {
            return Ok(());
        }
        return diverged(format!("event {event_id} stands at {now}, not at {position}"));
    }
    tracing::info!(name, %position, "the last event that was handled is deleted");
    Ok(())
}
