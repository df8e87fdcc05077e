//! [`Subscription`]: all events after a position, catching up with the log first and then following it as events are
//! committed. It has no end, and no gap between the two phases.

pub(crate) mod broadcast;
pub(crate) mod checkpoint;
pub(crate) mod durable;
mod feed;
pub(crate) mod filter;
pub(crate) mod filter_text;
mod guard;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

pub use self::checkpoint::verify_checkpoint;
use self::checkpoint::verify_position;
pub use self::durable::{
    ChangeReport, Consumer, Delivery, DurableSubscription, NewEventsFrom, OnFailure, Parked,
    ParkedList, Stopper, SubscriptionChange,
};
pub(crate) use self::feed::{Batch, Feed, Read};
pub(crate) use self::filter::Filter;
pub(crate) use self::guard::{guarded, panicked};
pub use crate::adapter::subscription_state::{PartitionInfo, SubscriptionInfo, SubscriptionStatus};
use crate::adapter::{BoxFuture, Checkpoint, ReadOptions};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result, SubscriptionError};
use crate::store::{EventStore, Place};
use crate::value::{BatchSize, Escaped, Position, StreamVersion};

/// The name of a reader without one, for errors.
const NAME: &str = "subscription";

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartFrom {
    /// At the first event of the log.
    Beginning,
    /// At the end of the log: only events committed from now on. Commits in flight may be included.
    Now,
    /// At the first event after a position. One that the log never assigned is refused: it is from another log, or from
    /// this one before a restore.
    After(Position),
    /// At an event of the stream that the filter selects, by its version, inclusive; one after the last event is the end of the
    /// stream. A version beyond that is refused, and so is a filter without a stream.
    Version(StreamVersion),
    /// After a checkpoint. The log must hold the checkpoint's last event; otherwise the start is refused, and a subscription that
    /// already runs ends when the log is replaced by one without that event.
    Checkpoint(Checkpoint),
}

impl StartFrom {
    /// The same start without a version of a stream, which is looked up in the stream of the filter.
    pub(crate) async fn in_log(
        self,
        store: &EventStore,
        name: &str,
        filter: &Filter,
    ) -> Result<Self> {
        let Self::Version(version) = self else { return Ok(self) };
        let Some(stream_id) = filter.get_stream() else { return Err(needs_stream(name)) };
        let last = store.stream_version(stream_id).await?;
        if version > last.next() {
            let reason = format!(
                "stream \"{}\" ends at version {last}, before {version}",
                Escaped(stream_id.as_str())
            );
            return Err(SubscriptionError::Invalid { name: name.to_owned(), reason }.into());
        }
        if last == StreamVersion::NONE {
            return Ok(Self::Beginning);
        }
        let one = BatchSize::new(1)?;
        let first =
            store.read_stream(stream_id, ReadOptions::forward().from(version).limit(one)).await?;
        let position = if let Some(event) = first.first() {
            Position::new(event.position().get().saturating_sub(1))
        } else {
            let last = ReadOptions::backward().limit(one);
            let last = store.read_stream(stream_id, last).await?;
            last.first().map_or(Position::START, RecordedEvent::position)
        };
        Ok(Self::After(position))
    }

    /// Resolves to the position after which to start. `name` is the subscription's, for the error.
    pub(crate) async fn position(self, store: &EventStore, name: &str) -> Result<Position> {
        match self {
            Self::Beginning => Ok(Position::START),
            Self::After(position) => {
                verify_position(name, position, store.last_assigned(position).await?)?;
                Ok(position)
            }
            Self::Checkpoint(checkpoint) => {
                verify_checkpoint(store, name, checkpoint).await?;
                Ok(checkpoint.position)
            }
            Self::Now => store.head().await,
            Self::Version(_) => Err(needs_stream(name)),
        }
    }

    /// The place of a reader that starts here, at the position that it resolved to in an epoch of the log.
    /// Refuses a position that the caller may have reached in a log that was replaced.
    pub(crate) fn check_bare(self, store: &EventStore, name: &str) -> Result<()> {
        match self {
            Self::After(position) => store.check_bare(name, position),
            _ => Ok(()),
        }
    }

    const fn place(self, epoch: u64, position: Position) -> Place {
        match self {
            Self::Checkpoint(checkpoint) => Place::of(epoch, checkpoint),
            Self::Beginning | Self::Now | Self::After(_) | Self::Version(_) => {
                Place::at(epoch, position)
            }
        }
    }
}

/// The error for a version of a stream, without the stream.
fn needs_stream(name: &str) -> Error {
    let reason = "a start at the version of a stream needs a filter that selects the stream";
    SubscriptionError::Invalid { name: name.to_owned(), reason: reason.to_owned() }.into()
}

impl EventStore {
    /// Subscribes to the events that pass a filter, from a position on, in the global order, each event once.
    ///
    /// The start is fixed when this returns; nothing is read before the subscription is polled. It buffers one page at a
    /// time, so a slow reader costs no memory. Its checkpoint is not stored: to resume later, keep
    /// [`Subscription::position`], or use a [durable subscription](EventStore::subscription).
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
    ///     let tick = ticks.next().await.expect("a subscription has no end")?;
    ///     assert_eq!(tick.stream_version().get(), expected);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::LogDiverged`] for [`StartFrom::After`] a position that was never assigned;
    /// [`Error::Subscription`] with `Invalid` for a filter that selects a stream of links;
    /// [`Error::Connection`].
    pub async fn subscribe(&self, from: StartFrom, filter: Filter) -> Result<Subscription> {
        let subscribed = async {
            filter.check(self, NAME).await?;
            from.check_bare(self, NAME)?;
            let epoch = self.adapter().live().epoch();
            let from = from.in_log(self, NAME, &filter).await?;
            let position = from.position(self, NAME).await?;
            self.subscribe_at(from.place(epoch, position), position, filter)
        };
        self.operation("subscribe", None).observe(subscribed).await
    }

    /// Continues after a position that the store itself holds, such as the checkpoint of a projection.
    pub(crate) async fn resume(&self, position: Position, filter: Filter) -> Result<Subscription> {
        filter.check(self, NAME).await?;
        let epoch = self.adapter().live().epoch();
        verify_position(NAME, position, self.last_assigned(position).await?)?;
        self.subscribe_at(Place::at(epoch, position), position, filter)
    }

    /// Subscribes at a place that was reached before.
    pub(crate) fn subscribe_at(
        &self,
        place: Place,
        position: Position,
        filter: Filter,
    ) -> Result<Subscription> {
        let feed = Arc::new(Feed::new(self.clone(), filter)?);
        let store = self.clone();
        let (page, state) = (VecDeque::new(), State::Ready);
        Ok(Subscription { store, feed, read_up_to: position, page, position, place, state })
    }
}

/// An endless sequence of events, in the order of the log. It ends only after an error that is not transient, such as a
/// closed store; while the database is unreachable, it waits.
///
/// When the log is replaced under it, as by a failover to a server that lacks the last commits, it continues if the log
/// still holds the last event that it returned; otherwise it ends with [`Error::LogDiverged`].
///
/// It is a `Stream` for combinators, and has an inherent [`next`](Self::next) for plain loops.
#[must_use = "nothing is read before the subscription is polled"]
pub struct Subscription {
    store: EventStore,
    feed: Arc<Feed>,
    /// The position up to which the log was read: the end of the buffered page.
    read_up_to: Position,
    page: VecDeque<RecordedEvent>,
    position: Position,
    place: Place,
    state: State,
}

enum State {
    Ready,
    Reading(BoxFuture<'static, Result<Next>>),
    Ended,
}

/// What a read of a subscription comes to.
enum Next {
    Batch(Batch),
    /// The log was replaced, and the place is proved: the position to continue after.
    Proved(Place, Position),
}

/// Reads what follows, or proves the place when the log was replaced.
async fn read(
    store: EventStore,
    feed: Arc<Feed>,
    after: Position,
    mut place: Place,
) -> Result<Next> {
    match feed.read(after, place.epoch()).await? {
        Read::Batch(batch) => Ok(Next::Batch(batch)),
        Read::Replaced => {
            let position = place.prove(&store, NAME).await?;
            Ok(Next::Proved(place, position))
        }
    }
}

impl Subscription {
    /// Waits for the next event; `None` after an error.
    ///
    /// Cancel-safe: dropping the future loses no event, and the next call continues a read in flight.
    pub async fn next(&mut self) -> Option<Result<RecordedEvent>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Waits for the next event, or until everything up to a position was returned: then `None`. `None` also after an
    /// error, as [`next`](Self::next).
    ///
    /// Cancel-safe: dropping the future loses no event.
    pub async fn next_until(&mut self, goal: Position) -> Option<Result<RecordedEvent>> {
        poll_fn(|context| match Pin::new(&mut *self).poll_next(context) {
            Poll::Pending if self.position >= goal => Poll::Ready(None),
            next => next,
        })
        .await
    }

    /// The position to resume after: every event up to it that passes the filter was returned. While the subscription is
    /// polled, it also moves over events that do not pass.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The epoch of the log in which the position was reached, see [`LiveLog::epoch`](crate::adapter::LiveLog::epoch).
    pub const fn epoch(&self) -> u64 {
        self.place.epoch()
    }

    pub(crate) const fn place(&self) -> Place {
        self.place
    }
}

impl Stream for Subscription {
    type Item = Result<RecordedEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.position =
                    if self.page.is_empty() { self.read_up_to } else { event.position() };
                self.place.see(event.position(), event.event_id());
                return Poll::Ready(Some(Ok(event)));
            }
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Ready => {
                    let (store, feed) = (self.store.clone(), Arc::clone(&self.feed));
                    let reading = read(store, feed, self.read_up_to, self.place);
                    self.state = State::Reading(Box::pin(reading));
                }
                State::Reading(reading) => {
                    let batch = ready!(reading.as_mut().poll(context));
                    self.state = State::Ready;
                    match batch {
                        Ok(Next::Proved(place, position)) => {
                            self.place = place;
                            self.read_up_to = position;
                            self.position = position;
                        }
                        Ok(Next::Batch(batch)) => {
                            self.read_up_to = batch.up_to;
                            self.page = batch.events.into();
                            if self.page.is_empty() {
                                self.position = self.read_up_to;
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
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
