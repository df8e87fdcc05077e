//! The reader of a consumer: one for all its partitions, at the place of the partition that is furthest behind.
//!
//! A partition whose queue is full is left behind, and read for again from its own place when there is room: a slow partition holds
//! up no other, and costs no memory. While nobody has room, the next page is read all the same, and kept.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::shared::Shared;
use crate::adapter::BoxFuture;
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::subscription::Batch;
use crate::value::Position;

/// Reads for a consumer until it ends.
pub(super) async fn read(shared: Arc<Shared>) {
    let mut ahead = Ahead::default();
    loop {
        // Asked for before the look: what changes in between is not missed.
        let mut changed = pin!(shared.room.notified());
        let goal = match next(&shared) {
            Goal::End => return,
            Goal::None => {
                if until_cancelled(changed.as_mut(), ahead.read()).await.is_some() {
                    changed.await;
                }
                continue;
            }
            Goal::From(goal) => goal,
        };
        ahead.aim(&shared, goal.after);
        // The partition that is furthest behind may be another one meanwhile; then it is read for instead.
        if until_cancelled(changed, ahead.read()).await.is_none() {
            continue;
        }
        match ahead.page.take() {
            Some(Ok(batch)) => {
                ahead.aim(&shared, batch.up_to);
                share_out(&shared, &goal, batch);
            }
            Some(Err(error)) => return shared.fail(error),
            None => {}
        }
    }
}

/// The page that is read next. Waiting for it in partitions loses nothing; nothing is read before somebody waits.
#[derive(Default)]
struct Ahead {
    after: Option<Position>,
    reading: Option<BoxFuture<'static, Result<Batch>>>,
    page: Option<Result<Batch>>,
}

impl Ahead {
    /// Turns to the page after a place, until_cancelled it is the one.
    fn aim(&mut self, shared: &Shared, after: Position) {
        if self.after != Some(after) {
            let feed = shared.feed.clone();
            self.after = Some(after);
            self.reading = Some(Box::pin(async move { feed.read(after).await }));
            self.page = None;
        }
    }

    async fn read(&mut self) {
        if let Some(reading) = &mut self.reading {
            self.page = Some(reading.await);
            self.reading = None;
        }
    }
}

enum Goal {
    End,
    None,
    From(Reading),
}

/// Where to read, and for whom: partitions that are full now must not take from the middle of what is read.
struct Reading {
    after: Position,
    /// Each with its token.
    partitions: Vec<(u32, u64)>,
}

fn next(shared: &Shared) -> Goal {
    let state = shared.state();
    if state.stopping || state.failed.is_some() || state.ended {
        return Goal::End;
    }
    let open =
        || state.partitions.iter().filter(|(_, partition)| !partition.full && !partition.leaving);
    match open().map(|(_, partition)| partition.read).min() {
        Some(after) => {
            let partitions = open().map(|(number, partition)| (*number, partition.token)).collect();
            Goal::From(Reading { after, partitions })
        }
        None => Goal::None,
    }
}

fn share_out(shared: &Shared, goal: &Reading, batch: Batch) {
    let now = Instant::now();
    let partitions = shared.settings.partitions;
    let mut state = shared.state();
    let mut open = vec![false; partitions as usize];
    for (number, token) in &goal.partitions {
        let partition = state.partitions.get(number).filter(|partition| {
            // One that came back under its token, further behind, is read for again.
            partition.token == *token && partition.read >= goal.after
        });
        if let (Some(_), Some(open)) = (partition, open.get_mut(*number as usize)) {
            *open = true;
        }
    }
    for event in batch.events {
        let number = partition_of(&event, partitions);
        if !open.get(number as usize).copied().unwrap_or_default() {
            continue;
        }
        if let Some(partition) =
            state.partitions.get_mut(&number).filter(|p| p.read < event.position())
        {
            partition.offer(event);
        }
    }
    let mut dirty = false;
    for (number, partition) in &mut state.partitions {
        if open.get(*number as usize).copied().unwrap_or_default() {
            let clean = partition.dirty_since.is_none();
            partition.looked_up_to(batch.up_to, now);
            dirty |= clean && partition.dirty_since.is_some();
        }
    }
    drop(state);
    shared.ready.send_replace(());
    if dirty {
        shared.work.notify_one();
    }
}

/// The partition of an event: by its stream, so that the order within a stream is kept. The same for ever and on every
/// backend: FNV-1a of tenant, NUL and stream, modulo the number of partitions.
pub(super) fn partition_of(event: &RecordedEvent, partitions: u32) -> u32 {
    if partitions <= 1 {
        return 0;
    }
    let (tenant, stream_id) = (event.tenant().as_str(), event.stream_id().as_str());
    let bytes = tenant.bytes().chain([0]).chain(stream_id.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    u32::try_from(hash % u64::from(partitions)).unwrap_or_default()
}

/// The output of a future, or nothing if `cancel` is ready before it.
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
