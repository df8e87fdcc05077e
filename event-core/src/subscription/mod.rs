//! [`Subscription`]: everything from a place on, and then what is committed next, without an end and without a seam
//! between the two.

pub(crate) mod broadcast;
pub(crate) mod checkpoint;
pub(crate) mod durable;
mod feed;
pub(crate) mod filter;
mod guard;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

pub use self::checkpoint::verify_checkpoint;
pub use self::durable::{
    Consumer, Delivery, DurableSubscription, OnFailure, PartitionInfo, Stopper, SubscriptionInfo,
    SubscriptionStatus,
};
pub(crate) use self::feed::{Batch, Feed};
pub(crate) use self::filter::Filter;
pub(crate) use self::guard::guarded;
use crate::adapter::BoxFuture;
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::value::Position;

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartFrom {
    /// With the first event of all.
    Beginning,
    /// With what is committed from now on. What is being committed just now may be there as well.
    Now,
    /// With what stands after a position.
    After(Position),
}

impl StartFrom {
    /// The place, as of now.
    pub(crate) async fn position(self, store: &EventStore) -> Result<Position> {
        match self {
            Self::Beginning => Ok(Position::START),
            Self::After(position) => Ok(position),
            Self::Now => store.head().await,
        }
    }
}

impl EventStore {
    /// Follows the log: everything that passes the filter from a place on, in the global order, each event once.
    ///
    /// The place is fixed when this returns; nothing is read before the subscription is polled. It holds one page at a
    /// time, so it may be polled as slowly as one likes. It remembers nothing beyond its own life: whoever must go on
    /// where it stopped keeps [`Subscription::position`], or uses a durable subscription.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, Filter, StartFrom, StreamId};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// let clock = StreamId::new("clock-1")?;
    /// store.append(&clock, ExpectedVersion::Any, [Ticked]).await?;
    /// let mut ticks = store.subscribe(StartFrom::Beginning, Filter::all().category("clock")).await?;
    /// store.append(&clock, ExpectedVersion::Any, [Ticked]).await?;
    /// for expected in 1..=2 {
    ///     let tick = ticks.next().await.expect("it has no end")?;
    ///     assert_eq!(tick.stream_version().get(), expected);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection), for [`StartFrom::Now`] alone.
    pub async fn subscribe(&self, from: StartFrom, filter: Filter) -> Result<Subscription> {
        let position = from.position(self).await?;
        let feed = Arc::new(Feed::new(self.clone(), filter)?);
        Ok(Subscription {
            feed,
            read: position,
            page: VecDeque::new(),
            passed: position,
            state: State::Ready,
        })
    }
}

/// Events as they are committed. It ends only after an error that waiting does not mend, such as a store that was
/// closed; a database that restarts is waited for.
///
/// A `Stream` for combinators, with its own [`next`](Self::next) for plain loops.
#[must_use = "nothing is read before the subscription is polled"]
pub struct Subscription {
    feed: Arc<Feed>,
    /// The end of the page.
    read: Position,
    page: VecDeque<RecordedEvent>,
    passed: Position,
    state: State,
}

enum State {
    Ready,
    Reading(BoxFuture<'static, Result<Batch>>),
    Ended,
}

impl Subscription {
    /// The next event; `None` after an error.
    ///
    /// Dropping the future loses nothing: a page on its way is taken up by the next call.
    pub async fn next(&mut self) -> Option<Result<RecordedEvent>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The next event, or `None` once everything up to a position was handed out; waits for that. `None` also after an
    /// error, as [`next`](Self::next).
    ///
    /// Dropping the future loses nothing.
    pub async fn next_until(&mut self, goal: Position) -> Option<Result<RecordedEvent>> {
        poll_fn(|context| match Pin::new(&mut *self).poll_next(context) {
            Poll::Pending if self.passed >= goal => Poll::Ready(None),
            next => next,
        })
        .await
    }

    /// Where to go on: everything that passes the filter up to here was handed out. It also moves past events that do not
    /// pass, while the subscription is polled.
    pub const fn position(&self) -> Position {
        self.passed
    }
}

impl Stream for Subscription {
    type Item = Result<RecordedEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.passed = if self.page.is_empty() { self.read } else { event.position() };
                return Poll::Ready(Some(Ok(event)));
            }
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Ready => {
                    let (feed, after) = (Arc::clone(&self.feed), self.read);
                    self.state = State::Reading(Box::pin(async move { feed.read(after).await }));
                }
                State::Reading(reading) => {
                    let batch = ready!(reading.as_mut().poll(context));
                    self.state = State::Ready;
                    match batch {
                        Ok(batch) => {
                            self.read = batch.up_to;
                            self.page = batch.events.into();
                            if self.page.is_empty() {
                                self.passed = self.read;
                            }
                        }
                        Err(error) => {
                            self.state = State::Ended;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("feed", &self.feed)
            .field("position", &self.passed)
            .finish_non_exhaustive()
    }
}
