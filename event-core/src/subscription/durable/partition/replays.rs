//! [`Replays`]: the parked events of a partition that are handled again, independent of its order.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Entry, InFlight, MAX_BYTES, State};
use crate::envelope::RecordedEvent;
use crate::value::Position;

/// The number of parked events that are buffered at most.
const MOST: usize = 100;

/// Parked events in memory, those that are in flight included.
#[derive(Debug, Default)]
pub(super) struct Replays {
    entries: VecDeque<Entry>,
    in_flight: usize,
    bytes: usize,
}

impl Replays {
    /// Whether another event may be buffered: always the first one, others within the window and as long as they are small
    /// enough.
    pub(super) fn has_room(&self, window: usize) -> bool {
        self.entries.is_empty() || self.entries.len() < window.min(MOST) && self.bytes < MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn holds(&self, position: Position) -> bool {
        self.entries.iter().any(|entry| entry.event.position() == position)
    }

    pub(super) fn buffer(&mut self, event: RecordedEvent, attempts: u32) {
        if !self.holds(event.position()) {
            self.bytes += event.size();
            let event = Arc::new(event);
            self.entries.push_back(Entry { event, attempts, tag: 0, state: State::Ready });
        }
    }

    /// Delivers the next one.
    pub(super) fn deliver(&mut self, now: Instant) -> Option<InFlight> {
        let entry = self.entries.iter_mut().find(|entry| entry.state == State::Ready)?;
        self.in_flight += 1;
        Some(entry.deliver(now, true))
    }

    /// Removes one that was acknowledged or failed, and returns the attempts at it in all.
    pub(super) fn finish(&mut self, position: Position) -> Option<u32> {
        let at = self.entries.iter().position(|entry| entry.event.position() == position)?;
        let entry = self.entries.remove(at)?;
        self.bytes -= entry.event.size();
        self.in_flight -= usize::from(entry.state != State::Ready);
        Some(entry.attempts)
    }

    /// The number of events in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The size of the buffered events, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}
