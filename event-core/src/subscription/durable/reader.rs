//! The reader of a consumer: one for all its partitions, at the position of the partition that is furthest behind.
//!
//! A partition whose window is full is skipped, and read again from its own position when there is room: a slow
//! partition blocks no other, and costs no memory. While no partition has room, the next page is prefetched.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::partition::Partition;
use super::passed::Unknown;
use super::shared::{Shared, State};
use crate::adapter::BoxFuture;
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result, SubscriptionError};
use crate::subscription::{Batch, Read};
use crate::value::Position;

/// The size of the events that all partitions of a consumer buffer, in bytes; beyond it, a partition without events buffers one.
const MAX_BYTES: usize = 64 << 20;

/// Reads for a consumer until it ends.
pub(super) async fn read(shared: Arc<Shared>) {
    let mut prefetch = Prefetch::default();
    loop {
        // Created before the state is read, so that no change in between is missed.
        let mut changed = pin!(shared.room.notified());
        let target = match next_target(&shared) {
            Next::End => return,
            Next::Wait => {
                if until_cancelled(changed.as_mut(), prefetch.run()).await.is_some() {
                    changed.await;
                }
                continue;
            }
            Next::Read(target) => target,
        };
        prefetch.seek(&shared, target.after);
        // A change may put another partition furthest behind: choose again.
        if until_cancelled(changed, prefetch.run()).await.is_none() {
            continue;
        }
        match prefetch.page.take() {
            Some(Ok(Read::Batch(batch))) => {
                prefetch.seek(&shared, batch.up_to);
                distribute(&shared, &target, batch);
                // Pages may be there at once, one after the other.
                yield_now().await;
            }
            // The coordinator takes the partitions anew; until then there is nothing to read.
            Some(Ok(Read::Replaced)) => shared.renew.notify_one(),
            Some(Err(error)) => return shared.fail(error),
            None => {}
        }
    }
}

/// The page that is read next. A cancelled [`run`](Self::run) resumes where it was; nothing is read before the first one.
#[derive(Default)]
struct Prefetch {
    /// The position, and the epoch of the log.
    after: Option<(Position, u64)>,
    reading: Option<BoxFuture<'static, Result<Read>>>,
    page: Option<Result<Read>>,
}

impl Prefetch {
    /// Selects the page after a position; a page of another position is discarded.
    fn seek(&mut self, shared: &Shared, after: Position) {
        if self.after != Some((after, shared.epoch())) {
            let (feed, epoch) = (shared.feed.clone(), shared.epoch());
            self.after = Some((after, epoch));
            self.reading = Some(Box::pin(async move { feed.read(after, epoch).await }));
            self.page = None;
        }
    }

    /// Reads the page.
    async fn run(&mut self) {
        if let Some(reading) = &mut self.reading {
            self.page = Some(reading.await);
            self.reading = None;
        }
    }
}

/// What the reader does next.
enum Next {
    /// The consumer ended.
    End,
    /// No partition has room.
    Wait,
    Read(Target),
}

/// A page to read, and the partitions that had room when it was chosen: another one must not buffer events from the
/// middle of the page.
struct Target {
    after: Position,
    /// Each with its token.
    partitions: Vec<(u32, u64)>,
}

fn next_target(shared: &Shared) -> Next {
    let replaced = shared.is_replaced();
    let mut state = shared.state();
    if state.has_ended() {
        return Next::End;
    }
    if replaced {
        return Next::Wait;
    }
    state.flags.scarce = buffered(&state) >= MAX_BYTES;
    let scarce = state.flags.scarce;
    let open = || {
        let partitions = state.partitions.iter();
        partitions.filter(|(_, it)| !it.full && !it.releasing && it.has_room(scarce))
    };
    match open().map(|(_, partition)| partition.read_up_to).min() {
        Some(after) => {
            let partitions = open().map(|(number, partition)| (*number, partition.token)).collect();
            Next::Read(Target { after, partitions })
        }
        None => Next::Wait,
    }
}

/// The size of all buffered events, in bytes.
fn buffered(state: &State) -> usize {
    state.partitions.values().map(Partition::bytes).sum()
}

/// Buffers the events of a page, each in its partition.
fn distribute(shared: &Shared, target: &Target, batch: Batch) {
    let now = Instant::now();
    let events = match assign(shared, batch.events) {
        Ok(events) => events,
        Err(unknown) => return shared.fail(changed_code(shared, &unknown)),
    };
    let mut state = shared.state();
    let mut bytes = buffered(&state);
    let mut open: BTreeSet<u32> = BTreeSet::new();
    for (number, token) in &target.partitions {
        // A partition that was lost and taken back under its token starts further behind: it needs an earlier page.
        let held = state.partitions.get(number);
        if held.is_some_and(|it| it.token == *token && it.read_up_to >= target.after) {
            open.insert(*number);
        }
    }
    for (number, event) in events {
        let held = state.partitions.get_mut(&number).filter(|_| open.contains(&number));
        let Some(partition) = held.filter(|it| it.read_up_to < event.position()) else { continue };
        if !partition.has_room(bytes >= MAX_BYTES) {
            // The rest of the page is read again when there is room.
            open.remove(&number);
            continue;
        }
        bytes += event.size();
        partition.buffer(event);
    }
    let mut dirty = false;
    for (number, partition) in &mut state.partitions {
        if open.contains(number) {
            let clean = partition.dirty_since.is_none();
            partition.note_read_up_to(batch.up_to, now);
            dirty |= clean && partition.dirty_since.is_some();
        }
    }
    drop(state);
    shared.ready.send_replace(());
    if dirty {
        shared.work.notify_one();
    }
}

/// The events that are to be handled, each with its partition: all but what was passed before a change.
fn assign(
    shared: &Shared,
    events: Vec<RecordedEvent>,
) -> Result<Vec<(u32, RecordedEvent)>, Unknown> {
    let passages = Arc::clone(&shared.state().passages);
    let mut assigned = Vec::with_capacity(events.len());
    for event in events {
        if !passages.skips(&event)? {
            assigned.push((shared.settings.partitioning.of(&event), event));
        }
    }
    Ok(assigned)
}

/// The error for what was passed and cannot be told without code that is not here.
fn changed_code(shared: &Shared, Unknown(what): &Unknown) -> Error {
    let reason = format!("what it has passed cannot be told without {what}");
    SubscriptionError::Invalid { name: shared.key.name.clone(), reason }.into()
}

/// Returns the output of a future, or `None` if `cancel` is ready before it.
pub(super) async fn until_cancelled<T>(
    cancel: impl Future<Output = ()>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let (mut cancel, mut future) = (pin!(cancel), pin!(future));
    std::future::poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        cancel.as_mut().poll(context).map(|()| None)
    })
    .await
}
