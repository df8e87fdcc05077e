//! [`Consumer`]: one of those who share the events of a durable subscription.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use tokio::time::{sleep, sleep_until};

use super::reader::until_cancelled;
use super::shared::{Shared, Taken, Ticket};
use super::{keeper, reader};
use crate::adapter::{BoxFuture, Checkpoint, SubscriptionKey};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result};
use crate::subscription::guarded;
use crate::value::Position;

/// A consumer of a durable subscription. It holds its partitions as long as it lives, whether [`next`](Self::next) is called or
/// not; dropped, it saves what was answered and gives them up.
///
/// Events of one stream come in order. An event that was not answered when its consumer went away comes again.
#[must_use = "it holds partitions of the subscription as long as it lives"]
pub struct Consumer {
    pub(super) shared: Arc<Shared>,
    /// The wait for the next event, while it is polled as a stream.
    next: Option<BoxFuture<'static, Option<Result<Delivery>>>>,
}

impl Consumer {
    /// Starts the tasks of a consumer that showed up.
    pub(super) fn start(shared: Arc<Shared>, first: Duration) -> Self {
        tokio::spawn(keeper::keep(Arc::clone(&shared), first));
        tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                // The filter's condition is the user's: its panic ends the consumer, not only the task.
                let reading = Arc::clone(&shared);
                let read = async move || {
                    reader::read(reading).await;
                    Ok::<(), BoxError>(())
                };
                if let Err(panic) = guarded(read).await {
                    shared.fail(Error::adapter("read for a subscription", panic));
                }
            }
        });
        Self { shared, next: None }
    }

    /// The next event; waits for it. At most the window of each partition is out at a time. `None` after the end: an error, or
    /// [`Stopper::stop`], after which what is out can still be answered.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Error::Subscription`](crate::Error::Subscription) with `Stopped` when an event cannot be handled and the policy
    /// says so, or `NotFound` when the subscription was deleted; [`Error::LogDiverged`](crate::Error::LogDiverged); what
    /// waiting does not mend.
    pub async fn next(&mut self) -> Option<Result<Delivery>> {
        next(Arc::clone(&self.shared)).await
    }

    /// Ends a consumer from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Saves what was answered, gives up its partitions, and waits until that is done. What is out and not answered comes
    /// again, to whoever takes the partitions.
    ///
    /// # Errors
    /// Why it ended before, if it did.
    pub async fn close(self) -> Result<()> {
        self.shared.stop(true);
        ended(&self.shared).await;
        self.shared.take_failure().map_or(Ok(()), Err)
    }

    /// How many partitions it holds now.
    pub fn partitions(&self) -> usize {
        self.shared.state().partitions.len()
    }
}

/// The next event of a consumer.
async fn next(shared: Arc<Shared>) -> Option<Result<Delivery>> {
    let mut ready = shared.ready.subscribe();
    loop {
        ready.mark_unchanged();
        let wait = match shared.take() {
            Taken::Events(mut tickets) => match tickets.pop() {
                Some(ticket) => return Some(Ok(Delivery { shared, ticket })),
                None => None,
            },
            Taken::End => break,
            Taken::Nothing(wait) => wait,
        };
        let changed = async {
            let _ = ready.changed().await;
        };
        match wait {
            Some(at) => drop(until_cancelled(changed, sleep_until(at)).await),
            None => changed.await,
        }
    }
    let failed = shared.state().failed.is_some();
    if failed {
        ended(&shared).await;
    }
    shared.take_failure().map(Err)
}

/// Waits for the keeper's end, which an error or a closing brings about; a stop alone closes here.
pub(super) async fn ended(shared: &Shared) {
    let mut ready = shared.ready.subscribe();
    let has_failed = shared.state().failed.is_some();
    if !has_failed {
        shared.stop(true);
    }
    while !shared.state().ended {
        let changed = async {
            let _ = ready.changed().await;
        };
        // The timeout notices a keeper that ended with its runtime.
        let _ = until_cancelled(changed, sleep(Duration::from_secs(1))).await;
    }
}

impl Stream for Consumer {
    type Item = Result<Delivery>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let shared = Arc::clone(&self.shared);
        let waiting = self.next.get_or_insert_with(|| Box::pin(next(shared)));
        let item = ready!(waiting.as_mut().poll(context));
        self.next = None;
        Poll::Ready(item)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.stop(true);
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("subscription", &self.shared.key)
            .field("owner", &self.shared.owner)
            .finish_non_exhaustive()
    }
}

/// Ends a [`Consumer`]: what is being handled is finished, nothing more is begun.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// No more events; [`Consumer::next`] and [`Consumer::run`] come to their end.
    pub fn stop(&self) {
        self.0.stop(false);
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stopper").field(&self.0.key.name).finish()
    }
}

/// An event that waits for an answer. Without one it comes again: after the time that the subscription gives a handler,
/// or to the next consumer.
#[must_use = "without an answer the event comes again"]
pub struct Delivery {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Delivery {
    /// The event.
    pub fn event(&self) -> &RecordedEvent {
        &self.ticket.out.event
    }

    /// Which try this is, from 1.
    pub const fn attempt(&self) -> u32 {
        self.ticket.out.attempt
    }

    /// Whether it was parked and is handled again, beside the order of its stream.
    pub const fn is_replay(&self) -> bool {
        self.ticket.out.replay
    }

    /// Its partition, and the token that proves that it is this consumer's: for those who move the checkpoint themselves, in
    /// one transaction with what they make of the event.
    pub fn lease(&self) -> (&SubscriptionKey, u32, u64) {
        (&self.shared.key, self.ticket.partition, self.ticket.token)
    }

    /// The checkpoint that says that everything up to this event was handled.
    pub fn checkpoint(&self) -> Checkpoint {
        let event = &self.ticket.out.event;
        let position: Position = event.position();
        Checkpoint { position, event: Some((position, event.event_id())) }
    }

    /// It was handled.
    ///
    /// # Errors
    /// [`Error::Subscription`](crate::Error::Subscription) with `LeaseLost` when the partition belongs to another consumer,
    /// which gets the event too.
    pub fn ack(self) -> Result<()> {
        self.shared.handled(&self.ticket, false)
    }

    /// It was handled, and so was all that this consumer was handed out of the same partition before it.
    ///
    /// # Errors
    /// As [`Delivery::ack`].
    pub fn ack_with_all_before(self) -> Result<()> {
        self.shared.handled(&self.ticket, true)
    }

    /// It could not be handled: it comes again after a pause, or what the policies say. What is out of its stream behind
    /// it comes again, too.
    ///
    /// # Errors
    /// As [`Delivery::ack`].
    pub fn fail(self, error: impl Into<BoxError>) -> Result<()> {
        self.shared.failed(&self.ticket, error.into())
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("partition", &self.ticket.partition)
            .field("position", &self.ticket.out.event.position())
            .field("attempt", &self.ticket.out.attempt)
            .finish_non_exhaustive()
    }
}
