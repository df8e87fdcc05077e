//! [`ProjectedBatch`]: events that are written together, as many as are available.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_core::{Error, EventSet, Position, RecordedEvent, Result, Subscription};
use tokio::time::timeout;
use uuid::Uuid;

use crate::rows::to_i64;

/// How often the checkpoint is written at most while no event passes the filter.
const IDLE: Duration = Duration::from_millis(500);

/// Events that follow one another, and how far the log was read.
#[derive(Debug)]
pub struct ProjectedBatch<E> {
    /// The events in global order; none if only the checkpoint moves.
    pub events: Vec<(E, RecordedEvent)>,
    /// Everything up to here that passes the filter is in the events, or was written before.
    pub up_to: Position,
    /// The epoch of the log that it was read from, see [`LiveLog::epoch`](event_core::adapter::LiveLog::epoch).
    pub epoch: u64,
}

/// How a batch moves the row of its build, as values to bind.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    /// The new checkpoint.
    pub up_to: i64,
    /// How many events are added.
    pub events: i64,
    /// The id of the last one.
    pub event_id: Option<Uuid>,
    /// Its position.
    pub event_position: Option<i64>,
    /// When it was recorded.
    pub event_at: Option<DateTime<Utc>>,
}

impl<E> ProjectedBatch<E> {
    /// The last event.
    pub fn last(&self) -> Option<&RecordedEvent> {
        self.events.last().map(|(_, recorded)| recorded)
    }

    /// How it moves the row of its build.
    pub fn row(&self) -> Move {
        let last = self.last();
        Move {
            up_to: to_i64(self.up_to.get()),
            events: to_i64(self.events.len() as u64),
            event_id: last.map(|event| event.event_id().as_uuid()),
            event_position: last.map(|event| to_i64(event.position().get())),
            event_at: last.map(RecordedEvent::recorded_at),
        }
    }
}

impl<E: EventSet> ProjectedBatch<E> {
    /// Takes the events that are available; waits for the first one for a while, or until the log is read up to a goal.
    /// The error that ended the batch is returned beside it: the event at fault is after `up_to`. `None` where the log was
    /// replaced meanwhile: the events are of two logs.
    pub(super) async fn collect(
        source: &mut Subscription,
        goal: Option<Position>,
        most: usize,
    ) -> Option<(Self, Option<Error>)> {
        let epoch = source.epoch();
        let (batch, fault) = Self::take_available(source, goal, most).await;
        (source.epoch() == epoch).then_some((batch, fault))
    }

    async fn take_available(
        source: &mut Subscription,
        goal: Option<Position>,
        most: usize,
    ) -> (Self, Option<Error>) {
        let epoch = source.epoch();
        let mut batch = Self { events: Vec::new(), up_to: source.position(), epoch };
        // A filter that few events pass takes its time: how far the log was read is kept meanwhile.
        let mut next = match goal {
            Some(goal) => timeout(IDLE, source.next_until(goal)).await.unwrap_or(None),
            None => timeout(IDLE, source.next()).await.unwrap_or(None),
        };
        while let Some(event) = next {
            if let Err(fault) = batch.take(event) {
                return (batch, Some(fault));
            }
            batch.up_to = source.position();
            if batch.events.len() >= most {
                return (batch, None);
            }
            next = at_once(source.next()).await.flatten();
        }
        batch.up_to = source.position();
        (batch, None)
    }

    fn take(&mut self, event: Result<RecordedEvent>) -> Result<()> {
        let event = event?;
        self.events.push((E::decode(&event)?, event));
        Ok(())
    }
}

/// The output of a future if it is ready without waiting.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
