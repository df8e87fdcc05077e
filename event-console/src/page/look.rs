//! [`Look`]: events that are searched for from the end of the log, part by part, until a page is full or its time is up. Types,
//! categories and tenants have no index of their own, so that nobody waits on a page for the whole of a long log.

use std::time::{Duration, Instant};

use event_core::{AllOptions, BatchSize, EventStore, Position, RecordedEvent};

use crate::failure::Failure;

/// The positions of the first part; each further one is twice as long.
const FIRST: u64 = 1_000;
/// The positions of a part at most.
const MOST: u64 = 16_000;
/// How long a page looks before it shows what it found. A part that was begun is read to its end.
const PATIENCE: Duration = Duration::from_millis(10);
/// The bytes of a page: it ends with the event that reaches them.
const MOST_BYTES: usize = 4 << 20;

/// What was found.
pub(super) struct Look {
    /// The latest first.
    pub(super) events: Vec<RecordedEvent>,
    /// Everything after this position was looked at; 0 for all of the log.
    pub(super) down_to: u64,
    /// Whether the page is full: by its number of events, or by their bytes.
    pub(super) is_full: bool,
}

/// Whether limits ended a page, so that there may be more after it.
pub(super) fn is_full(page: &[RecordedEvent], limit: u32, bytes: usize) -> bool {
    page.len() >= limit as usize || size(page) >= bytes
}

fn size(page: &[RecordedEvent]) -> usize {
    page.iter().map(RecordedEvent::size).sum()
}

impl Look {
    /// Looks for events before a position, at most so many; `farther` is how many times longer than a page it may take.
    pub(super) async fn of(
        store: &EventStore,
        filter: &AllOptions,
        before: Option<u64>,
        (limit, farther): (u32, u32),
    ) -> Result<Self, Failure> {
        let head = store.head().await?.get();
        let down_to = before.map_or(head, |it| it.saturating_sub(1));
        let mut look = Self { events: Vec::new(), down_to, is_full: false };
        let (begun, mut part) = (Instant::now(), FIRST);
        while look.down_to > 0 && !look.is_full {
            let from = look.down_to.saturating_sub(part);
            let missing = limit - u32::try_from(look.events.len()).unwrap_or(limit);
            let options = filter
                .clone()
                .after(Position::new(from))
                .up_to(Position::new(look.down_to))
                .last(BatchSize::new(missing).unwrap_or_default())
                .limit_bytes(MOST_BYTES.saturating_sub(size(&look.events)));
            look.events.extend(store.read_all(options).await?);
            look.is_full = is_full(&look.events, limit, MOST_BYTES);
            look.down_to = match look.events.last() {
                Some(last) if look.is_full => last.position().get() - 1,
                _ => from,
            };
            if begun.elapsed() > PATIENCE * farther {
                break;
            }
            part = (part * 2).min(MOST * u64::from(farther));
        }
        Ok(look)
    }
}
