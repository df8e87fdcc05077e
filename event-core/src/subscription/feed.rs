//! [`Feed`]: reads the log through a filter, from any position on, without an end. Every subscription uses one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::adapter::{AllOptions, LogSegment, LogUpdate, MeanSize, PAGE_BYTES, is_full};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::store::EventStore;
use crate::subscription::Filter;
use crate::value::Position;

/// The first pause before an unreachable backend is tried again; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A page looks at so many positions first.
const FIRST_STRIDE: u64 = 10_000;
const SHORTEST_STRIDE: u64 = 100;
const LONGEST_STRIDE: u64 = 10_000_000;
/// A page that took no longer lets the next one look at twice as many positions.
const QUICK: Duration = Duration::from_millis(50);
/// A page that took longer halves them.
const SLOW: Duration = Duration::from_millis(500);

/// The log through a filter. It keeps no position: the reader passes it to each read.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    store: EventStore,
    filter: Filter,
    /// The filter as a query to the backend.
    query: AllOptions,
    /// The query for events in memory: it also names every alias that the types were stored under.
    in_memory: AllOptions,
    /// How many positions a page looks at, whatever passes: otherwise a filter that few events pass would read all of a
    /// long log at once, past any limit of time, and come back with no progress if that fails.
    stride: Arc<AtomicU64>,
    /// Of the events of the last page.
    mean_size: Arc<MeanSize>,
}

/// What follows a reader's position.
#[derive(Debug)]
pub(crate) enum Read {
    Batch(Batch),
    /// The log is not of the reader's epoch any more: the reader proves its place, and reads again.
    Replaced,
}

/// The events of a contiguous segment of the log that pass the filter, and the end of the segment.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<RecordedEvent>,
    /// Always after the position that was read from.
    pub(crate) up_to: Position,
}

impl Feed {
    pub(crate) fn new(store: EventStore, filter: Filter) -> Result<Self> {
        let query = filter.options();
        let in_memory = query.clone().with_stored_names(Registry::global()?);
        let stride = Arc::new(AtomicU64::new(FIRST_STRIDE));
        Ok(Self { store, filter, query, in_memory, stride, mean_size: Arc::default() })
    }

    /// Reads the next segment after a position that was reached in an epoch of the log; waits until one is final, whether
    /// its events pass the filter or not.
    ///
    /// An unreachable backend is tried again: a restart of the database does not end a subscription.
    pub(crate) async fn read(&self, after: Position, epoch: u64) -> Result<Read> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(after, epoch).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(error = %error, "a subscription could not read the log; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                result => return result,
            }
        }
    }

    async fn attempt(&self, after: Position, epoch: u64) -> Result<Read> {
        match self.store.adapter().live().next(after, epoch).await? {
            LogUpdate::Segment(segment) => Ok(Read::Batch(self.filter_segment(&segment, after))),
            LogUpdate::Behind(head) => match self.read_page(after, head, epoch).await {
                Err(Error::LogDiverged { .. }) => Ok(Read::Replaced),
                page => page.map(Read::Batch),
            },
            LogUpdate::Replaced(_) => Ok(Read::Replaced),
        }
    }

    fn filter_segment(&self, segment: &LogSegment, after: Position) -> Batch {
        let view = self.store.tenant_view();
        let passes = |event: &RecordedEvent| {
            event.position() > after
                && view.sees(event.tenant())
                && self.in_memory.admits(event)
                && self.filter.matches_predicate(event)
        };
        let passing = segment.events.iter().filter(|event| passes(event));
        let events = passing.map(|event| RecordedEvent::clone(event)).collect();
        Batch { events, up_to: segment.up_to }
    }

    async fn read_page(&self, after: Position, head: Position, epoch: u64) -> Result<Batch> {
        let stride = self.stride.load(Ordering::Relaxed);
        let end = head.min(Position::new(after.get().saturating_add(stride)));
        let limit = self.mean_size.limit(self.query.get_limit());
        let options = self.query.clone().after(after).up_to(end).in_epoch(epoch);
        let began = Instant::now();
        let page = self.store.read_all(options.limit(limit).limit_bytes(PAGE_BYTES)).await;
        let took = began.elapsed();
        let next = match &page {
            Ok(events) if is_full(events, limit, PAGE_BYTES) => stride,
            Ok(_) if took < QUICK => stride.saturating_mul(2).min(LONGEST_STRIDE),
            Ok(_) if took > SLOW => (stride / 2).max(SHORTEST_STRIDE),
            Ok(_) => stride,
            Err(_) => (stride / 4).max(SHORTEST_STRIDE),
        };
        self.stride.store(next, Ordering::Relaxed);
        let mut events = page?;
        self.mean_size.learn(&events);
        let up_to = match events.last() {
            Some(last) if is_full(&events, limit, PAGE_BYTES) => last.position(),
            _ => end,
        };
        events.retain(|event| self.filter.matches_predicate(event));
        Ok(Batch { events, up_to })
    }
}
