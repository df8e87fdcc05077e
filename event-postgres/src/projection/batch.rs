//! [`Batch`]: events that are written together, as many as are there.

use std::time::Duration;

use event_core::{BatchSize, EventSet, Position, RecordedEvent, Result, Subscription};
use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::projection::PgProjection;

/// Where nothing passes the filter, the place is written so often at most.
const IDLE: Duration = Duration::from_millis(500);

/// Events that follow one another, and how far the log was read.
pub(super) struct Batch<P: PgProjection> {
    pub(super) events: Vec<(P::Event, RecordedEvent)>,
    pub(super) up_to: Position,
    /// What stopped it, after the events; the event at fault is behind `up_to`.
    pub(super) fault: Option<event_core::Error>,
}

impl<P: PgProjection> Batch<P> {
    /// Takes what is there; waits for the first event until the log is read up to a goal, or for a while.
    pub(super) async fn collect(
        source: &mut Subscription,
        goal: Option<Position>,
        most: BatchSize,
    ) -> Self {
        let mut batch = Self { events: Vec::new(), up_to: source.position(), fault: None };
        let first = match goal {
            Some(goal) => source.next_until(goal).await,
            None => timeout(IDLE, source.next()).await.unwrap_or(None),
        };
        let mut next = first;
        while let Some(event) = next {
            if !batch.take(event) {
                return batch;
            }
            batch.up_to = source.position();
            if batch.events.len() >= most.get() as usize {
                return batch;
            }
            next = source.next().now_or_never().flatten();
        }
        batch.up_to = source.position();
        batch
    }

    /// Adds an event; false where it cannot be.
    fn take(&mut self, event: Result<RecordedEvent>) -> bool {
        let decoded = event.and_then(|event| Ok((P::Event::decode(&event)?, event)));
        match decoded {
            Ok(event) => self.events.push(event),
            Err(error) => self.fault = Some(error),
        }
        self.fault.is_none()
    }

    /// The last event.
    pub(super) fn last(&self) -> Option<&RecordedEvent> {
        self.events.last().map(|(_, recorded)| recorded)
    }
}
