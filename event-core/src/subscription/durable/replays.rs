//! Parked events that are marked to be handled again: read by id, and buffered in their partitions.

use super::shared::{MarkedEvents, Shared};
use crate::error::Result;
use crate::value::Position;

/// The number of parked events that are read at a time.
const PAGE: u32 = 1_000;

/// Buffers marked events of the partitions that this consumer holds, from a page of those after a position. Returns the
/// position to continue after: events of other partitions must not hide those of ours.
pub(super) async fn buffer_replays(shared: &Shared, after: Position) -> Result<Position> {
    let Shared { store, key, incarnation, .. } = shared;
    let checkpoints = shared.checkpoints()?;
    let page = checkpoints.parked(key, Some(*incarnation), true, after, PAGE).await?;
    let next = match page.last() {
        Some(last) if page.len() == PAGE as usize => {
            shared.state().flags.replays = MarkedEvents::Due;
            last.position
        }
        _ => Position::START,
    };
    // The first one that finds no room: the rest is read again when a partition has handled what it holds.
    let mut first_left: Option<Position> = None;
    for parked in page {
        let token = {
            let state = shared.state();
            let partition = state.partitions.get(&parked.partition);
            let Some(partition) = partition.filter(|it| !it.has_replay(parked.position)) else {
                continue;
            };
            let handled = (parked.partition, partition.token, parked.position);
            if state.to_unpark.contains(&handled) {
                continue;
            }
            if !partition.has_room_for_replays() {
                first_left.get_or_insert(parked.position);
                continue;
            }
            partition.token
        };
        // Read by id: a read of the log may end before the event while an earlier commit is in flight. A standby that lags
        // does not know it yet.
        match store.read_event_at_least(parked.event_id, parked.position).await? {
            Some(event) => {
                let mut state = shared.state();
                let partition = state.partitions.get_mut(&parked.partition);
                if let Some(partition) = partition.filter(|it| it.token == token) {
                    partition.buffer_replay(event, parked.attempts);
                }
                drop(state);
                shared.ready.send_replace(());
            }
            // The event was deleted: nothing is left to handle.
            None => {
                if !checkpoints.unpark(key, parked.partition, token, parked.position).await? {
                    shared.drop_lost(parked.partition, token);
                }
            }
        }
    }
    let Some(left) = first_left else { return Ok(next) };
    shared.state().flags.replays = MarkedEvents::Waiting;
    Ok(Position::new(left.get().saturating_sub(1)))
}
