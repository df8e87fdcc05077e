//! Copies snapshots, after their events are copied.

use crate::adapter::import::Positions;
use crate::adapter::{OwnedSnapshot, ReadOptions};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::transfer::selection::Pages;
use crate::transfer::source::Streams;
use crate::value::{BatchSize, Position, Scope, StreamId, StreamVersion, Tenant};

/// The number of streams whose snapshots are held in memory at a time: a state may be large.
const PAGE_SIZE: u32 = 64;

/// Copies the snapshots of the selected streams. Returns how many the target stored.
pub(super) async fn copy(
    from: &EventStore,
    to: &EventStore,
    pages: Pages,
    positions: Positions,
) -> Result<u64> {
    let pages = Pages { limit: BatchSize::new(PAGE_SIZE)?, ..pages };
    let (mut streams, mut stored) = (Streams::new(false), 0);
    while let Some(page) = streams.next(from, &pages).await? {
        let names: Vec<_> = page.into_iter().map(|info| (info.tenant, info.stream_id)).collect();
        for snapshot in readable(from, &names).await? {
            stored += u64::from(save(to, snapshot, positions).await?);
        }
    }
    Ok(stored)
}

/// The snapshots of a page of streams. Corrupt ones are skipped: recovery works without them.
async fn readable(from: &EventStore, names: &[(Tenant, StreamId)]) -> Result<Vec<OwnedSnapshot>> {
    let load = async |names| {
        let operation = from.operation("load_snapshots", None);
        operation.run(|_| from.adapter().snapshots().of_streams(names)).await
    };
    match load(names).await {
        Err(Error::Corrupt { .. }) => {}
        all => return all,
    }
    let mut all = Vec::new();
    for one in names.chunks(1) {
        match load(one).await {
            Ok(some) => all.extend(some),
            Err(error @ Error::Corrupt { .. }) => {
                tracing::warn!(%error, stream = %one[0].1, "a snapshot cannot be read and is not copied");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

async fn save(to: &EventStore, owned: OwnedSnapshot, positions: Positions) -> Result<bool> {
    let OwnedSnapshot { tenant, stream_id, mut snapshot } = owned;
    to.check_tenant(&tenant)?;
    let to = to.with_scope(Scope::tenant(tenant));
    if positions == Positions::Assign {
        snapshot.position = match to.read_event(snapshot.event_id).await? {
            Some(event) => event.position(),
            None => before_next(&to, &stream_id, snapshot.stream_version).await?,
        };
    }
    to.save_snapshot(&stream_id, &snapshot).await
}

/// A position for a truncated event: the one before the event that follows it.
async fn before_next(to: &EventStore, stream_id: &StreamId, at: StreamVersion) -> Result<Position> {
    let one = ReadOptions::forward().from(at.next()).limit(BatchSize::new(1)?);
    let next = to.read_stream(stream_id, one).await?;
    let next = next.first().map_or(Position::START, RecordedEvent::position);
    Ok(Position::new(next.get().saturating_sub(1)))
}
