//! [`LiveBuffer`]: the newest segment of the log, held for all readers of a process; what most backends build
//! [`LiveLog`](crate::adapter::LiveLog) on.
//!
//! One task of the backend publishes; any number of readers follow, each by its own place. The buffer is bounded: a
//! reader that falls out of it is sent to the store.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{Notify, watch};
use tokio::task::yield_now;

use crate::adapter::{LogSegment, LogUpdate};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::Position;

/// What is held at most, in events and bytes; a segment of the log is kept or let go as a whole.
const EVENTS: usize = 8_192;
const BYTES: usize = 16 << 20;

/// The newest segment of the log.
#[derive(Debug, Default)]
pub struct LiveBuffer {
    ring: Mutex<Ring>,
    /// Changes with every change of the ring.
    moved: watch::Sender<()>,
    readers: AtomicUsize,
    publishing: AtomicBool,
    /// Told whenever a publisher ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    /// The last final position; none while nobody publishes.
    head: Option<Position>,
    segments: VecDeque<Arc<LogSegment>>,
    held: Weight,
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
        // A segment without events has its place, too.
        let events = segment.events.len().max(1);
        Self { events, bytes: segment.events.iter().map(size).sum() }
    }

    const fn is_too_much(self) -> bool {
        self.events > EVENTS || self.bytes > BYTES
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
    /// A buffer that nobody publishes to yet: readers wait.
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands after a position; waits for it. Where nobody publishes, `start` is called to see to it.
    ///
    /// # Errors
    /// [`Error::Adapter`] once the store is closed.
    pub async fn follow(
        self: &Arc<Self>,
        after: Position,
        start: impl Fn(Publisher) + Send,
    ) -> Result<LogUpdate> {
        let _reader = Reader::of(&self.readers);
        loop {
            let mut ended = pin!(self.ended.notified());
            if !self.publishing.swap(true, Ordering::SeqCst) {
                start(Publisher(Arc::clone(self)));
            }
            let mut next = pin!(self.next(after));
            let stretch = poll_fn(|context| match next.as_mut().poll(context) {
                Poll::Ready(stretch) => Poll::Ready(Some(stretch)),
                // It ended as this reader came; or its runtime did, and this reader has another.
                Poll::Pending => ended.as_mut().poll(context).map(|()| None),
            });
            if let Some(stretch) = stretch.await {
                return stretch;
            }
            // A runtime that shuts down takes no more tasks: a new publisher would end at once, again and again, and the
            // shutdown waits for this task to yield.
            yield_now().await;
        }
    }

    /// The store is closed: every reader is told, now and later.
    pub fn close(&self) {
        self.ring().closed = true;
        self.moved.send_replace(());
    }

    async fn next(&self, after: Position) -> Result<LogUpdate> {
        let mut moved = self.moved.subscribe();
        loop {
            // Marked as seen before it is looked at: what changes in between ends the wait at once.
            moved.mark_unchanged();
            if let Some(stretch) = self.look(after)? {
                return Ok(stretch);
            }
            if moved.changed().await.is_err() {
                return Err(closed());
            }
        }
    }

    fn look(&self, after: Position) -> Result<Option<LogUpdate>> {
        let ring = self.ring();
        if ring.closed {
            return Err(closed());
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

/// The right to publish; one at a time. When it is dropped, however its task ends, the buffer is empty, and readers that
/// are left, or come, start another.
#[derive(Debug)]
pub struct Publisher(Arc<LiveBuffer>);

impl Publisher {
    /// Starts at a final position, without events: to begin with, or where a segment of the log is left out. Readers before
    /// it are sent to the store.
    pub fn start_at(&self, head: Position) {
        self.0.ring().clear(Some(head));
        self.0.moved.send_replace(());
    }

    /// Adds what became final; it starts where the segment before ended.
    pub fn publish(&self, segment: LogSegment) {
        self.0.ring().add(segment);
        self.0.moved.send_replace(());
    }

    /// Whether the store is closed: there is nothing to publish any more.
    pub fn is_closed(&self) -> bool {
        self.0.ring().closed
    }

    /// Whether anybody waits just now.
    pub fn has_readers(&self) -> bool {
        self.0.readers.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.ring().clear(None);
        self.0.publishing.store(false, Ordering::SeqCst);
        self.0.ended.notify_waiters();
    }
}

/// Counts a reader as long as it waits.
struct Reader<'a>(&'a AtomicUsize);

impl<'a> Reader<'a> {
    fn of(readers: &'a AtomicUsize) -> Self {
        readers.fetch_add(1, Ordering::SeqCst);
        Self(readers)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
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
        let started = |_| panic!("somebody publishes already");
        match buffer.follow(Position::new(after), started).await.unwrap() {
            LogUpdate::Segment(segment) => (segment.after.get(), segment.up_to.get()),
            LogUpdate::Behind(head) => (0, head.get()),
        }
    }

    fn publisher(buffer: &Arc<LiveBuffer>) -> Publisher {
        assert!(!buffer.publishing.swap(true, Ordering::SeqCst));
        Publisher(Arc::clone(buffer))
    }

    #[tokio::test]
    async fn a_reader_gets_the_part_after_its_place_or_is_sent_to_the_store() {
        let buffer = Arc::new(LiveBuffer::new());
        let publisher = publisher(&buffer);
        publisher.start_at(Position::new(10));
        publisher.publish(segment(10, 12));
        publisher.publish(segment(12, 15));
        assert_eq!(next(&buffer, 10).await, (10, 12));
        assert_eq!(next(&buffer, 11).await, (10, 12));
        assert_eq!(next(&buffer, 12).await, (12, 15));
        assert_eq!(next(&buffer, 9).await, (0, 15), "fell out of the buffer");
    }

    #[tokio::test]
    async fn a_reader_starts_the_publisher_again_when_it_ended_and_is_told_of_the_end() {
        let buffer = Arc::new(LiveBuffer::new());
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let reader = tokio::spawn({
            let buffer = Arc::clone(&buffer);
            async move {
                let start = |publisher| started.send(publisher).unwrap();
                let first = buffer.follow(Position::new(3), start).await.is_ok();
                (first, buffer.follow(Position::new(4), start).await.is_err())
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

    /// As on a runtime that shuts down, which drops what is spawned.
    #[test]
    fn a_publisher_that_ends_at_once_again_and_again_keeps_no_thread_busy() {
        let (done, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let waited = runtime.unwrap().block_on(async {
                let buffer = Arc::new(LiveBuffer::new());
                let following = buffer.follow(Position::START, drop);
                tokio::time::timeout(std::time::Duration::from_millis(20), following).await
            });
            done.send(waited.is_err()).unwrap();
        });
        let waited = told.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(waited, Ok(true), "the wait is polled without an end");
    }
}
