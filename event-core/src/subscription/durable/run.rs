//! A consumer that runs a handler: each partition one event at a time, the partitions side by side.
//!
//! Whatever a handler does is an answer: an error, a panic and a silence that lasts too long are failures, and the task
//! that runs it goes on.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep_until, timeout};

use super::consumer::{Consumer, ended};
use super::reader::until_cancelled;
use super::shared::{Shared, Taken, Ticket};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Result};
use crate::subscription::guarded;

/// Events that are handed out and answered together at most, while the handler is fast.
const MOST: usize = 256;
/// What counts as fast, and after which time the rest of them is put back: a partition must be given up soon when it has to.
const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_millis(20);

impl Consumer {
    /// Runs a handler over the events until the consumer is stopped. Events of one partition come one after the other, partitions
    /// side by side, each on a task of its own.
    ///
    /// A handler that fails, panics, or takes longer than the subscription gives it is tried again, and then the policies
    /// decide.
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
        let mut tasks: BTreeMap<(u32, u64), Running> = BTreeMap::new();
        let mut ready = shared.ready.subscribe();
        loop {
            ready.mark_unchanged();
            let ends = {
                let state = shared.state();
                // A task can end while its partition goes on; the next one takes over.
                tasks.retain(|_, task| !task.0.is_finished());
                for (number, partition) in &state.partitions {
                    let (partition, token) = (*number, partition.token);
                    tasks.entry((partition, token)).or_insert_with(|| {
                        let (shared, handler) = (Arc::clone(shared), Arc::clone(&handler));
                        Running(tokio::spawn(work(shared, partition, token, handler)))
                    });
                }
                state.stopping || state.failed.is_some() || state.ended
            };
            if ends {
                break;
            }
            let _ = ready.changed().await;
        }
        // What is being handled is finished, and its answer saved.
        for task in tasks.values_mut() {
            let _ = (&mut task.0).await;
        }
        ended(&self.shared).await;
        shared.take_failure().map_or(Ok(()), Err)
    }
}

/// A task that ends with whoever waits for it.
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Handles the events of one partition, one after the other, until it is lost or the consumer ends.
async fn work<F, W, E>(shared: Arc<Shared>, partition: u32, token: u64, handler: Arc<F>)
where
    F: Fn(Arc<RecordedEvent>) -> W + Send + Sync,
    W: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    let mut ready = shared.ready.subscribe();
    let mut most = 1;
    loop {
        ready.mark_unchanged();
        let wait = match shared.take_of(partition, token, most) {
            Taken::End => return,
            Taken::Nothing(wait) => wait,
            Taken::Events(batch) => {
                let started = Instant::now();
                if handle(&shared, &batch, &*handler).await.is_err() {
                    return;
                }
                if started.elapsed() > SHORT {
                    most = 1;
                } else if batch.len() == most {
                    most = (most * 2).min(MOST);
                }
                // A handler that never waits lets others have a turn.
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

/// Handles some events, answered together, as long as each is done at once; those that are not begun when one waits, fails
/// or takes long are put back.
///
/// # Errors
/// `LeaseLost`.
async fn handle<F, W, E>(shared: &Shared, batch: &[Ticket], handler: &F) -> Result<()>
where
    F: Fn(Arc<RecordedEvent>) -> W,
    W: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let (started, within) = (Instant::now(), shared.settings.handle_within);
    for (at, ticket) in batch.iter().enumerate() {
        let (before, rest) = batch.split_at(at);
        if at > 0 && started.elapsed() > LONG {
            shared.put_back(rest);
            return all_handled(shared, before);
        }
        let event = Arc::clone(&ticket.out.event);
        let mut handling = pin!(guarded(|| handler(event)));
        let first = poll_fn(|context| Poll::Ready(handling.as_mut().poll(context))).await;
        if matches!(first, Poll::Ready(Ok(()))) {
            continue;
        }
        // One that waits, or failed, is answered for itself: nothing else is out meanwhile.
        shared.put_back(rest.get(1..).unwrap_or_default());
        all_handled(shared, before)?;
        let answer = match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => match timeout(within, handling).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("not handled within {within:?}").into()),
            },
        };
        return match answer {
            Ok(()) => shared.handled(ticket, false),
            Err(error) => shared.failed(ticket, error),
        };
    }
    all_handled(shared, batch)
}

fn all_handled(shared: &Shared, batch: &[Ticket]) -> Result<()> {
    batch.last().map_or(Ok(()), |last| shared.handled(last, true))
}
