//! Whether a place in the log was made on this log, and not on one that was there before it.

use crate::error::{Error, Result};
use crate::number::Position;
use crate::options::AllOptions;
use crate::seam::Checkpoint;
use crate::store::EventStore;

/// Refuses a place that the log contradicts: one beyond all that was ever stored, as after a restore to an earlier state,
/// or one whose last event is not the event that stands there. Events that were deleted since contradict nothing, and
/// neither do commits that are under way.
///
/// # Errors
/// [`Error::LogDiverged`], with `name` for whose place it is; those of reading.
pub(crate) async fn check_place(store: &EventStore, name: &str, place: Checkpoint) -> Result<()> {
    let diverged = |reason: String| {
        Err(Error::LogDiverged { name: name.to_owned(), position: place.position, reason })
    };
    let drawn = store.operation("check_place", None).run(|_| store.adapter().live().drawn());
    let drawn = drawn.await?;
    if drawn < place.position {
        return diverged(format!("no event was ever stored after {drawn}"));
    }
    let Some((position, event_id)) = place.event else { return Ok(()) };
    match store.read_event(event_id).await? {
        Some(event) if event.position() == position => return Ok(()),
        Some(event) => {
            let now = event.position();
            return diverged(format!("event {event_id} stands at {now}, not at {position}"));
        }
        None => {}
    }
    let before = Position::new(position.get().saturating_sub(1));
    let one = AllOptions::new().after(before).up_to(position);
    if let Some(other) = store.all_tenants().read_all(one).await?.first() {
        return diverged(format!(
            "event {} stands at {position}, not {event_id}",
            other.event_id()
        ));
    }
    tracing::info!(name, %position, "the last event that was handled is deleted");
    Ok(())
}
