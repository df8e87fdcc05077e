//! [`Consumer`]: one member of a durable subscription, which handles the events of its share of the partitions.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{sleep, sleep_until};

use super::reader::until_cancelled;
use super::shared::{Fetched, Receipt, Shared};
use super::{coordinator, reader};
use crate::adapter::{BoxFuture, Checkpoint, SubscriptionKey};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result};
use crate::subscription::guarded;
use crate::value::Position;

/// A consumer of a durable subscription. It holds the leases of its partitions as long as it lives, whether or not
/// [`next`](Self::next) is called. When dropped, it saves its checkpoints and releases its partitions in the background.
///
/// Events of one stream are delivered in order. An event that was not acknowledged when its consumer ended is
/// redelivered.
#[must_use = "it holds partitions of the subscription as long as it lives"]
pub struct Consumer {
    pub(super) shared: Arc<Shared>,
    /// The pending wait for the next event, while the consumer is polled as a stream.
    next: Option<BoxFuture<'static, Option<Result<Delivery>>>>,
}

impl Consumer {
    /// Starts the tasks of a consumer whose first heartbeat succeeded.
    pub(super) fn start(shared: Arc<Shared>, first_pause: Duration) -> Self {
        tokio::spawn(coordinator::run(Arc::clone(&shared), first_pause));
        tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                // The filter's predicate is user code: its panic ends the consumer, not only this task.
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

    /// Waits for the next event. At most one window of each partition is in flight. `None` after the end: after an error,
    /// or after [`Stopper::stop`], when deliveries in flight can still be acknowledged.
    ///
    /// Cancel-safe: dropping the future loses no event.
    ///
    /// # Errors
    /// [`Error::Subscription`](crate::Error::Subscription) with `Stopped` when an event cannot be handled and the policy
    /// says so, `NotFound` when the subscription was deleted, or `Replaced` when it was also created again;
    /// [`Error::LogDiverged`](crate::Error::LogDiverged); errors
    /// of the store that are not transient.
    pub async fn next(&mut self) -> Option<Result<Delivery>> {
        next(Arc::clone(&self.shared)).await
    }

    /// Returns a handle that stops this consumer from another task.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Saves the checkpoints, releases the partitions, and waits until that is done. Deliveries in flight are redelivered
    /// to the next owner of their partition.
    ///
    /// # Errors
    /// The error that ended the consumer before, if any.
    pub async fn close(self) -> Result<()> {
        self.shared.stop(true);
        ended(&self.shared).await;
        self.shared.take_failure().map_or(Ok(()), Err)
    }

    /// The number of partitions that this consumer holds now.
    pub fn partitions(&self) -> usize {
        self.shared.state().partitions.len()
    }
}

/// Waits for the next event of a consumer.
async fn next(shared: Arc<Shared>) -> Option<Result<Delivery>> {
    let mut ready = shared.ready.subscribe();
    loop {
        ready.mark_unchanged();
        let wait = match shared.fetch() {
            Fetched::Events(mut receipts) => match receipts.pop() {
                Some(receipt) => return Some(Ok(Delivery { shared, receipt })),
                None => None,
            },
            Fetched::End => break,
            Fetched::Empty(wait) => wait,
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

/// Waits until the coordinator has ended. It ends by itself after an error; otherwise this closes the consumer.
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
        // The timeout covers a coordinator that was dropped with its runtime.
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

/// Stops a [`Consumer`] gracefully: handlers that have started finish, and no further event is delivered.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// Stops the delivery of events; [`Consumer::next`] returns `None`, and [`Consumer::run`] returns.
    pub fn stop(&self) {
        self.0.stop(false);
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stopper").field(&self.0.key.name).finish()
    }
}

/// A delivered event that waits to be acknowledged. Without an acknowledgement it is redelivered: after the handling time
/// of the subscription ([`handle_within`](super::DurableSubscription::handle_within)), or to the next consumer.
#[must_use = "an event that is not acknowledged is redelivered"]
pub struct Delivery {
    shared: Arc<Shared>,
    receipt: Receipt,
}

impl Delivery {
    /// The delivered event.
    pub fn event(&self) -> &RecordedEvent {
        &self.receipt.delivery.event
    }

    /// The number of this attempt, from 1.
    pub const fn attempt(&self) -> u32 {
        self.receipt.delivery.attempt
    }

    /// Whether the event was parked and is handled again, out of the order of its stream.
    pub const fn is_replay(&self) -> bool {
        self.receipt.delivery.replay
    }

    /// The subscription, the partition and the token of its lease: for consumers that save the checkpoint themselves, in
    /// one transaction with the effects of the event.
    pub fn lease(&self) -> (&SubscriptionKey, u32, u64) {
        (&self.shared.key, self.receipt.partition, self.receipt.token)
    }

    /// The checkpoint at which everything up to this event is handled.
    pub fn checkpoint(&self) -> Checkpoint {
        let event = &self.receipt.delivery.event;
        let position: Position = event.position();
        Checkpoint { position, event: Some((position, event.event_id())) }
    }

    /// Acknowledges the event: it was handled.
    ///
    /// # Errors
    /// [`Error::Subscription`](crate::Error::Subscription) with `LeaseLost` when the partition belongs to another consumer
    /// now, to which the event is redelivered.
    pub fn ack(self) -> Result<()> {
        self.shared.acknowledge(&self.receipt, false)
    }

    /// Acknowledges the event and all events that were delivered to this consumer from the same partition before it.
    ///
    /// # Errors
    /// As [`Delivery::ack`].
    pub fn ack_with_all_before(self) -> Result<()> {
        self.shared.acknowledge(&self.receipt, true)
    }

    /// Rejects the event: it could not be handled. It is redelivered after a pause, together with later events of its
    /// stream that are in flight; after the last retry, the policies decide.
    ///
    /// # Errors
    /// As [`Delivery::ack`].
    pub fn fail(self, error: impl Into<BoxError>) -> Result<()> {
        self.shared.reject(&self.receipt, error.into())
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("partition", &self.receipt.partition)
            .field("position", &self.receipt.delivery.event.position())
            .field("attempt", &self.receipt.delivery.attempt)
            .finish_non_exhaustive()
    }
}
