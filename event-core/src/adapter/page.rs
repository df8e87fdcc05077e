//! Pages that are bounded by their size in bytes as well as by their number of events.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::envelope::RecordedEvent;
use crate::value::BatchSize;

/// The size of the pages that the readers of this crate ask for, in bytes.
pub const PAGE_BYTES: usize = 4 << 20;

/// Whether a page was ended by its limits, so that there may be more events after it.
pub(crate) fn is_full(page: &[RecordedEvent], limit: BatchSize, bytes: usize) -> bool {
    page.len() >= limit.get() as usize || size(page) >= bytes
}

fn size(page: &[RecordedEvent]) -> usize {
    page.iter().map(RecordedEvent::size).sum()
}

/// What a page may still take, by size.
#[derive(Debug, Clone, Copy)]
pub struct Room(usize);

impl Room {
    /// Room for events of this size in all, and for the one that reaches it.
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Whether nothing fits any more.
    pub const fn is_used_up(self) -> bool {
        self.0 == 0
    }

    /// Takes the room that an event needs.
    pub fn take(&mut self, event: &RecordedEvent) {
        self.take_bytes(event.size());
    }

    /// The same for an event of this size.
    pub const fn take_bytes(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }
}

/// The events up to the one that reaches a size.
pub(crate) fn within(
    bytes: usize,
    events: impl Iterator<Item = RecordedEvent>,
) -> Vec<RecordedEvent> {
    let (mut room, mut page) = (Room::new(bytes), Vec::new());
    for event in events {
        room.take(&event);
        page.push(event);
        if room.is_used_up() {
            break;
        }
    }
    page
}

/// The mean size of the events that a reader got last: so many are asked for as fit a page. More would be sent for nothing.
#[derive(Debug, Default)]
pub(crate) struct MeanSize(AtomicUsize);

impl MeanSize {
    /// The limit of the next page.
    pub(crate) fn limit(&self, most: BatchSize) -> BatchSize {
        let fit = PAGE_BYTES / self.0.load(Ordering::Relaxed).max(1) + 1;
        let fit = u32::try_from(fit).ok().and_then(|fit| BatchSize::new(fit).ok());
        fit.map_or(most, |fit| fit.min(most))
    }

    /// Takes note of a page.
    pub(crate) fn learn(&self, page: &[RecordedEvent]) {
        if !page.is_empty() {
            self.0.store(size(page) / page.len(), Ordering::Relaxed);
        }
    }
}
