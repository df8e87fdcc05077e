//! [`ProjectedBatch`]: events that are written together, as many as are available.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use crate::adapter::LastEvent;
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::{Error, Result};
use crate::subscription::Subscription;
use crate::value::Position;

/// How often the checkpoint is written at most while no event passes the filter.
const IDLE: Duration = Duration::from_millis(500);

/// How far a projector writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::projection) enum Goal {
    /// It follows the log.
    Never,
    /// Up to a position, or further where events are at hand.
    AtLeast(Position),
    /// No event after a position.
    Exactly(Position),
}

impl Goal {
    /// Where it ends.
    pub(super) const fn reached(self) -> Option<Position> {
        match self {
            Self::Never => None,
            Self::AtLeast(position) | Self::Exactly(position) => Some(position),
        }
    }
}

/// What ended a batch.
#[derive(Debug)]
pub(super) enum End {
    /// There are no more events now.
    Available,
    /// It is as large as it may be.
    Full,
    /// An event was taken from the source that is after the goal: it is to be read again.
    Beyond,
    /// An event that cannot be taken, which is after `up_to`.
    Fault(Error),
}

/// Events that follow one another, and how far the log was read.
#[derive(Debug)]
pub struct ProjectedBatch<E> {
    /// The events in global order; none if only the checkpoint moves.
    pub events: Vec<(E, RecordedEvent)>,
    /// How many events it stands for: those of `events`, and those that a read model has folded already.
    pub count: u64,
    /// The last of them.
    pub last: Option<LastEvent>,
    /// Everything up to here that passes the filter is in the events, or was written before.
    pub up_to: Position,
    /// The epoch of the log that it was read from, see [`LiveLog::epoch`](crate::adapter::LiveLog::epoch).
    pub epoch: u64,
}

impl<E> ProjectedBatch<E> {
    /// A batch of events that are counted by it.
    pub(crate) const fn empty(up_to: Position, epoch: u64) -> Self {
        Self { events: Vec::new(), up_to, epoch, count: 0, last: None }
    }
}

impl<E: EventSet> ProjectedBatch<E> {
    /// Takes the events that are available; waits for the first one for a while, or until the log is read up to a goal.
    /// What ended the batch is returned beside it. `None` where the log was
    /// replaced meanwhile: the events are of two logs.
    pub(super) async fn collect(
        source: &mut Subscription,
        goal: Goal,
        most: usize,
    ) -> Option<(Self, End)> {
        let epoch = source.epoch();
        let (batch, end) = Self::take_available(source, goal, most).await;
        (source.epoch() == epoch).then_some((batch, end))
    }

    async fn take_available(source: &mut Subscription, goal: Goal, most: usize) -> (Self, End) {
        let epoch = source.epoch();
        let mut batch = Self::empty(source.position(), epoch);
        // A filter that few events pass takes its time: how far the log was read is kept meanwhile.
        let mut next = match goal.reached() {
            Some(goal) => timeout(IDLE, source.next_until(goal)).await.unwrap_or(None),
            None => timeout(IDLE, source.next()).await.unwrap_or(None),
        };
        while let Some(event) = next {
            if let (Goal::Exactly(last), Ok(event)) = (goal, &event)
                && event.position() > last
            {
                batch.up_to = batch.up_to.max(last);
                return (batch, End::Beyond);
            }
            if let Err(fault) = batch.take(event) {
                return (batch, End::Fault(fault));
            }
            batch.up_to = source.position();
            if batch.events.len() >= most {
                return (batch, End::Full);
            }
            next = at_once(source.next()).await.flatten();
        }
        batch.up_to = source.position();
        (batch, End::Available)
    }

    fn take(&mut self, event: Result<RecordedEvent>) -> Result<()> {
        let event = event?;
        let typed = E::decode(&event)?;
        self.count += 1;
        self.last = Some(LastEvent::of(&event));
        self.events.push((typed, event));
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
