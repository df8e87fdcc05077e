//! [`LiveBuffer`]: the newest segments of the log in memory, shared by all readers of a process. Most backends implement
//! [`LiveLog`](crate::adapter::LiveLog) with it.
//!
//! One task of the backend publishes; any number of readers follow, each from its own position. The buffer is bounded: a reader
//! that is further behind has to read from the store.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{Notify, watch};
use tokio::task::yield_now;

use crate::adapter::{LogSegment, LogUpdate};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::Position;

/// The maximum size of the buffer, in events and in bytes. Segments are evicted as a whole.
const MAX_EVENTS: usize = 8_192;
const MAX_BYTES: usize = 16 << 20;

/// The newest segments of the log.
#[derive(Debug, Default)]
pub struct LiveBuffer {
    ring: Mutex<Ring>,
    /// Notified on every change of the ring.
    changes: watch::Sender<()>,
    readers: AtomicUsize,
    publishing: AtomicBool,
    /// Notified whenever a publisher ends.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    /// The last final position; `None` while there is no publisher.
    head: Option<Position>,
    segments: VecDeque<Arc<LogSegment>>,
    held: Weight,
    /// The epoch of the log that the segments are a part of.
    epoch: u64,
    closed: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    events: usize,
    bytes: usize,
}

impl Weight {
    fn of(segment: &LogSegment) -> Self {
        let size = |event: &Arc<RecordedEvent>| {
            event.data().get().len() + event.metadata().as_json().len()
        };
        // A segment without events takes memory, too.
        let events = segment.events.len().max(1);
        Self { events, bytes: segment.events.iter().map(size).sum() }
    }

    const fn is_too_much(self) -> bool {
        self.events > MAX_EVENTS || self.bytes > MAX_BYTES
    }
}

impl Ring {
    fn clear(&mut self, head: Option<Position>) {
        self.head = head;
        self.segments.clear();
        self.held = Weight::default();
    }

    fn add(&mut self, segment: LogSegment) {
        let weight = Weight::of(&segment);
        self.head = Some(segment.up_to);
        self.held.events += weight.events;
        self.held.bytes += weight.bytes;
        self.segments.push_back(Arc::new(segment));
        while self.held.is_too_much() && self.segments.len() > 1 {
            let Some(oldest) = self.segments.pop_front() else { break };
            let weight = Weight::of(&oldest);
            self.held.events -= weight.events;
            self.held.bytes -= weight.bytes;
        }
    }
}

impl LiveBuffer {
    /// A buffer without a publisher: readers wait.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for what follows a position in an epoch of the log, and returns it. While there is no publisher, calls `start` to spawn one.
    ///
    /// # Errors
    /// [`Error::Adapter`] once the store is closed.
    pub async fn follow(
        self: &Arc<Self>,
        after: Position,
        epoch: u64,
        start: impl Fn(Publisher) + Send,
    ) -> Result<LogUpdate> {
        let _reader = Reader::of(&self.readers);
        loop {
            let mut ended = pin!(self.ended.notified());
            if !self.publishing.swap(true, SeqCst) {
                start(Publisher(Arc::clone(self)));
            }
            let mut next = pin!(self.next(after, epoch));
            let update = poll_fn(|context| match next.as_mut().poll(context) {
                Poll::Ready(update) => Poll::Ready(Some(update)),
                // The publisher ended just before this reader came, or with its runtime, while this reader is on another one.
                Poll::Pending => ended.as_mut().poll(context).map(|()| None),
            });
            if let Some(update) = update.await {
                return update;
            }
            // A runtime that shuts down accepts no tasks, so every new publisher ends at once; without a yield this loop would
            // block the shutdown.
            yield_now().await;
        }
    }

    /// Closes the buffer: current and later readers get an error.
    pub fn close(&self) {
        self.ring().closed = true;
        self.changes.send_replace(());
    }

    async fn next(&self, after: Position, epoch: u64) -> Result<LogUpdate> {
        let mut changes = self.changes.subscribe();
        loop {
            // Marked as seen before the lookup, so that a change in between ends the wait below at once.
            changes.mark_unchanged();
            if let Some(update) = self.look(after, epoch)? {
                return Ok(update);
            }
            if changes.changed().await.is_err() {
                return Err(closed());
            }
        }
    }

    fn look(&self, after: Position, epoch: u64) -> Result<Option<LogUpdate>> {
        let ring = self.ring();
        if ring.closed {
            return Err(closed());
        }
        // A reader that learned of an epoch before the publisher did waits for it.
        match ring.epoch.cmp(&epoch) {
            Ordering::Greater => return Ok(Some(LogUpdate::Replaced(ring.epoch))),
            Ordering::Less => return Ok(None),
            Ordering::Equal => {}
        }
        let Some(head) = ring.head.filter(|head| after < *head) else { return Ok(None) };
        let at = ring.segments.partition_point(|segment| segment.up_to <= after);
        Ok(Some(match ring.segments.get(at) {
            Some(segment) if segment.after <= after => LogUpdate::Segment(Arc::clone(segment)),
            _ => LogUpdate::Behind(head),
        }))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to publish; there is one at a time. Dropping it, however its task ends, empties the buffer, and the next reader
/// starts another publisher.
#[derive(Debug)]
pub struct Publisher(Arc<LiveBuffer>);

impl Publisher {
    /// Restarts the buffer at a final position, without events: at the beginning, or when a part of the log is skipped. Readers
    /// before it have to read from the store.
    pub fn start_at(&self, head: Position) {
        self.0.ring().clear(Some(head));
        self.0.changes.send_replace(());
    }

    /// Restarts the buffer in an epoch of the log: readers of an earlier one are told.
    pub fn start_in(&self, epoch: u64, head: Position) {
        let mut ring = self.0.ring();
        ring.clear(Some(head));
        ring.epoch = epoch;
        drop(ring);
        self.0.changes.send_replace(());
    }

    /// Adds a final segment, which starts where the previous one ended.
    pub fn publish(&self, segment: LogSegment) {
        self.0.ring().add(segment);
        self.0.changes.send_replace(());
    }

    /// Whether the store is closed, so that the publisher should end.
    pub fn is_closed(&self) -> bool {
        self.0.ring().closed
    }

    /// Whether any reader is waiting now.
    pub fn has_readers(&self) -> bool {
        self.0.readers.load(SeqCst) > 0
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.ring().clear(None);
        self.0.publishing.store(false, SeqCst);
        self.0.ended.notify_waiters();
    }
}

/// Counts a reader while it waits.
struct Reader<'a>(&'a AtomicUsize);

impl<'a> Reader<'a> {
    fn of(readers: &'a AtomicUsize) -> Self {
        readers.fetch_add(1, SeqCst);
        Self(readers)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn closed() -> Error {
    Error::adapter("follow the log", "the store is closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(after: u64, up_to: u64) -> LogSegment {
        LogSegment { after: Position::new(after), up_to: Position::new(up_to), events: Vec::new() }
    }

    async fn next(buffer: &Arc<LiveBuffer>, after: u64) -> (u64, u64) {
        let started = |_| panic!("a publisher was started although there is one");
        match buffer.follow(Position::new(after), 0, started).await.unwrap() {
            LogUpdate::Segment(segment) => (segment.after.get(), segment.up_to.get()),
            LogUpdate::Behind(head) => (0, head.get()),
            LogUpdate::Replaced(epoch) => panic!("the log is in epoch {epoch}"),
        }
    }

    fn publisher(buffer: &Arc<LiveBuffer>) -> Publisher {
        assert!(!buffer.publishing.swap(true, SeqCst));
        Publisher(Arc::clone(buffer))
    }

    #[tokio::test]
    async fn a_reader_gets_the_segment_after_its_position_or_reads_from_the_store() {
        let buffer = Arc::new(LiveBuffer::new());
        let publisher = publisher(&buffer);
        publisher.start_at(Position::new(10));
        publisher.publish(segment(10, 12));
        publisher.publish(segment(12, 15));
        assert_eq!(next(&buffer, 10).await, (10, 12));
        assert_eq!(next(&buffer, 11).await, (10, 12));
        assert_eq!(next(&buffer, 12).await, (12, 15));
        assert_eq!(next(&buffer, 9).await, (0, 15), "no longer in the buffer");
    }

    #[tokio::test]
    async fn a_reader_restarts_an_ended_publisher_and_gets_an_error_when_the_store_closes() {
        let buffer = Arc::new(LiveBuffer::new());
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let reader = tokio::spawn({
            let buffer = Arc::clone(&buffer);
            async move {
                let start = |publisher| started.send(publisher).unwrap();
                let first = buffer.follow(Position::new(3), 0, start).await.is_ok();
                (first, buffer.follow(Position::new(4), 0, start).await.is_err())
            }
        });
        drop(starts.recv().await.unwrap());
        let again = starts.recv().await.unwrap();
        again.start_at(Position::new(3));
        again.publish(segment(3, 4));
        yield_now().await;
        buffer.close();
        assert_eq!(reader.await.unwrap(), (true, true));
    }

    #[tokio::test]
    async fn a_reader_of_an_earlier_epoch_is_told_even_if_the_log_ends_before_it() {
        let buffer = Arc::new(LiveBuffer::new());
        let publisher = publisher(&buffer);
        publisher.start_at(Position::new(10));
        let waiting = tokio::spawn({
            let buffer = Arc::clone(&buffer);
            async move { buffer.follow(Position::new(10), 0, drop).await }
        });
        yield_now().await;
        publisher.start_in(1, Position::new(4));
        assert!(matches!(waiting.await.unwrap().unwrap(), LogUpdate::Replaced(1)));
        let behind = buffer.follow(Position::new(3), 1, drop).await.unwrap();
        assert!(matches!(behind, LogUpdate::Behind(head) if head.get() == 4));
    }

    /// A runtime that shuts down drops every spawned task.
    #[test]
    fn publishers_that_end_at_once_do_not_block_the_thread() {
        let (done, result) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let waited = runtime.unwrap().block_on(async {
                let buffer = Arc::new(LiveBuffer::new());
                let following = buffer.follow(Position::START, 0, drop);
                tokio::time::timeout(std::time::Duration::from_millis(20), following).await
            });
            done.send(waited.is_err()).unwrap();
        });
        let waited = result.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(waited, Ok(true), "the wait never yields to the timeout");
    }
}
