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

/// What was found.
pub(super) struct Look {
    /// The latest first.
    pub(super) events: Vec<RecordedEvent>,
    /// Everything after this position was looked at; 0 for all of the log.
    pub(super) down_to: u64,
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
        let mut look =
            Self { events: Vec::new(), down_to: before.map_or(head, |it| it.saturating_sub(1)) };
        let (begun, mut part) = (Instant::now(), FIRST);
        while look.down_to > 0 && (look.events.len() as u64) < u64::from(limit) {
            let from = look.down_to.saturating_sub(part);
            let missing = limit - u32::try_from(look.events.len()).unwrap_or(limit);
            let options = filter
                .clone()
                .after(Position::new(from))
                .up_to(Position::new(look.down_to))
                .last(BatchSize::new(missing).unwrap_or_default());
            let page = store.read_all(options).await?;
            let is_full = page.len() >= missing as usize;
            look.events.extend(page);
            look.down_to = match look.events.last() {
                Some(last) if is_full => last.position().get() - 1,
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
