//! A consumer that runs a handler: each part one event at a time, the parts side by side.
//!
//! Whatever a handler does is an answer: an error, a panic and a silence that lasts too long are failures, and the task
//! that runs it goes on.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep_until, timeout};

use super::consumer::Consumer;
use super::reader::unless;
use super::shared::{Shared, Taken};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Result};
use crate::guard::guarded;

/// Events after which a handler that never waits lets others have a turn.
const TURN: u32 = 64;

impl Consumer {
    /// Runs a handler over the events until the consumer is stopped. Events of one part come one after the other, parts
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
                for (number, part) in &state.parts {
                    let (part, token) = (*number, part.token);
                    tasks.entry((part, token)).or_insert_with(|| {
                        let (shared, handler) = (Arc::clone(shared), Arc::clone(&handler));
                        Running(tokio::spawn(work(shared, part, token, handler)))
                    });
                }
                tasks.retain(|_, task| !task.0.is_finished());
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
        self.ended().await;
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

/// Handles the events of one part, one after the other, until it is lost or the consumer ends.
async fn work<F, W, E>(shared: Arc<Shared>, part: u32, token: u64, handler: Arc<F>)
where
    F: Fn(Arc<RecordedEvent>) -> W + Send + Sync,
    W: Future<Output = Result<(), E>> + Send,
    E: Into<BoxError>,
{
    let mut ready = shared.ready.subscribe();
    let mut turn = 0;
    loop {
        ready.mark_unchanged();
        let wait = match shared.take(Some((part, token))) {
            Taken::End => return,
            Taken::Nothing(wait) => wait,
            Taken::Event(ticket) => {
                let event = Arc::clone(&ticket.out.event);
                let within = shared.settings.handle_within;
                let answered = match timeout(within, guarded(|| handler(event))).await {
                    Ok(Ok(())) => shared.handled(&ticket, false),
                    Ok(Err(error)) => shared.failed(&ticket, error),
                    Err(_) => {
                        shared.failed(&ticket, format!("not handled within {within:?}").into())
                    }
                };
                if answered.is_err() {
                    return;
                }
                turn += 1;
                if turn % TURN == 0 {
                    yield_now().await;
                }
                continue;
            }
        };
        let changed = async {
            let _ = ready.changed().await;
        };
        match wait {
            Some(at) => drop(unless(changed, sleep_until(at)).await),
            None => changed.await,
        }
    }
}
