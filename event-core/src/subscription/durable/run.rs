//! A consumer that runs a handler: within a partition one event at a time, the partitions in parallel.
//!
//! An error, a panic and a timeout of the handler are failures of the event; the task that runs the handler continues.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument as _, Span};

use super::consumer::{Consumer, ended};
use super::reader::until_cancelled;
use super::shared::{Fetched, Receipt, Shared};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Result};
use crate::store::link_trace;
use crate::subscription::guarded;
use crate::value::Escaped;

/// The largest number of events that are delivered and acknowledged together; the number grows while the handler is fast.
const MAX_BATCH: usize = 256;
/// A batch that takes longer shrinks the next one to a single event.
const FAST_BATCH: Duration = Duration::from_millis(2);
/// A batch that takes longer ends, and the rest of it is requeued: a partition may have to be released soon.
const MAX_BATCH_TIME: Duration = Duration::from_millis(20);

impl Consumer {
    /// Runs a handler over the events until the consumer is stopped. Events of one partition are handled one after the
    /// other, partitions in parallel, each on its own task.
    ///
    /// A handler that fails, panics, or exceeds [`handle_within`](super::DurableSubscription::handle_within) is retried,
    /// and then the policies decide.
    ///
    /// # Errors
    /// Those of [`Consumer::next`].
    pub async fn run<F, W, E>(self, handler: F) -> Result<()>
    where
        F: Fn(Arc<RecordedEvent>) -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let (shared, handler) = (&self.shared, Arc::new(handler));
        let mut tasks: BTreeMap<(u32, u64), Worker> = BTreeMap::new();
        let mut ready = shared.ready.subscribe();
        loop {
            ready.mark_unchanged();
            let ends = {
                let state = shared.state();
                // A worker may end while its partition is still held; another one replaces it.
                tasks.retain(|_, task| !task.0.is_finished());
                for (number, partition) in &state.partitions {
                    let (partition, token) = (*number, partition.token);
                    tasks.entry((partition, token)).or_insert_with(|| {
                        let (shared, handler) = (Arc::clone(shared), Arc::clone(&handler));
                        Worker(tokio::spawn(work(shared, partition, token, handler)))
                    });
                }
                state.stopping || state.failed.is_some() || state.ended
            };
            if ends {
                break;
            }
            let _ = ready.changed().await;
        }
        // Handlers that have started finish, and their acknowledgements are saved.
        for task in tasks.values_mut() {
            let _ = (&mut task.0).await;
        }
        ended(&self.shared).await;
        shared.take_failure().map_or(Ok(()), Err)
    }
}

/// The task of one partition, aborted when it is dropped.
struct Worker(JoinHandle<()>);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Handles the events of one partition, one after the other, until its lease is lost or the consumer ends.
async fn work<F, W, E>(shared: Arc<Shared>, partition: u32, token: u64, handler: Arc<F>)
where
    F: Fn(Arc<RecordedEvent>) -> W + Send + Sync,
    W: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    let mut ready = shared.ready.subscribe();
    let mut batch_size = 1;
    loop {
        ready.mark_unchanged();
        let wait = match shared.fetch_from(partition, token, batch_size) {
            Fetched::End => return,
            Fetched::Empty(wait) => wait,
            Fetched::Events(batch) => {
                let started = Instant::now();
                if handle(&shared, &batch, &*handler).await.is_err() {
                    return;
                }
                if started.elapsed() > FAST_BATCH {
                    batch_size = 1;
                } else if batch.len() == batch_size {
                    batch_size = (batch_size * 2).min(MAX_BATCH);
                }
                // A handler that never waits would starve the other tasks of the runtime.
                yield_now().await;
                continue;
            }
        };
        let changed = async {
            let _ = ready.changed().await;
        };
        match wait {
            Some(at) => drop(until_cancelled(changed, sleep_until(at)).await),
            None => changed.await,
        }
    }
}

/// Handles a batch. Events whose handler returns at once are acknowledged together; when a handler waits, fails or the
/// batch takes too long, the events after it are requeued.
///
/// # Errors
/// `LeaseLost`.
async fn handle<F, W, E>(shared: &Shared, batch: &[Receipt], handler: &F) -> Result<()>
where
    F: Fn(Arc<RecordedEvent>) -> W,
    W: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let (started, within) = (Instant::now(), shared.settings.handle_within);
    for (at, receipt) in batch.iter().enumerate() {
        let (before, rest) = batch.split_at(at);
        if at > 0 && started.elapsed() > MAX_BATCH_TIME {
            shared.requeue(rest);
            return acknowledge_all(shared, before);
        }
        let event = Arc::clone(&receipt.delivery.event);
        let span = handler_span(shared, &event);
        let mut handling = pin!(guarded(|| handler(event)).instrument(span));
        let first = poll_fn(|context| Poll::Ready(handling.as_mut().poll(context))).await;
        if matches!(first, Poll::Ready(Ok(()))) {
            continue;
        }
        // This event is acknowledged or rejected alone: nothing else of the partition is in flight meanwhile.
        shared.requeue(rest.get(1..).unwrap_or_default());
        acknowledge_all(shared, before)?;
        let result = match first {
            Poll::Ready(result) => result,
            Poll::Pending => match timeout(within, handling).await {
                Ok(result) => result,
                Err(_) => Err(format!("not handled within {within:?}").into()),
            },
        };
        return match result {
            Ok(()) => shared.acknowledge(receipt, false),
            Err(error) => shared.reject(receipt, error),
        };
    }
    acknowledge_all(shared, batch)
}

/// The span in which an event is handled: the root of a trace, since the event may be older than any that is open.
fn handler_span(shared: &Shared, event: &RecordedEvent) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "event_store_handler",
        subscription = shared.key.name.as_str(),
        stream_id = %Escaped(event.stream_id().as_str()),
        position = event.position().get(),
        event_type = event.event_type(),
    );
    if !span.is_disabled() {
        link_trace(&span, event);
    }
    span
}

fn acknowledge_all(shared: &Shared, batch: &[Receipt]) -> Result<()> {
    batch.last().map_or(Ok(()), |last| shared.acknowledge(last, true))
}
