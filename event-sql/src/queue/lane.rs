//! [`Lane`]: a task that stores batch after batch.

use std::sync::Arc;

use event_core::Error;
use event_core::adapter::append::Commit;

use super::{APPEND, BatchStore, Key, Request, Shared, State};
use crate::error::Failure;

/// A lane at work. However it ends, it is no longer counted and its streams are free again.
pub(super) struct Lane<S> {
    shared: Arc<Shared<S>>,
    /// The streams of the batch in flight.
    keys: Vec<Key>,
    is_counted: bool,
}

impl<S: BatchStore> Lane<S> {
    /// A lane that is counted already.
    pub(super) fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared, keys: Vec::new(), is_counted: true }
    }

    /// Stores batch after batch until nothing waits that it could take.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.take() {
            self.store(batch).await;
        }
    }

    /// The next batch. A lane without one ends: it is not counted from the same moment on, so that the next request
    /// opens another.
    fn take(&mut self) -> Option<Vec<Request>> {
        let mut state = self.shared.state();
        let State { waiting, in_flight, lanes, .. } = &mut *state;
        for key in self.keys.drain(..) {
            in_flight.remove(&key);
        }
        let limits = self.shared.limits;
        let (mut batch, mut bytes, mut at) = (Vec::new(), 0, 0);
        while batch.len() < limits.batch {
            let Some(next) = waiting.get(at) else { break };
            if !batch.is_empty() && bytes + next.bytes > limits.batch_bytes {
                break;
            }
            if next.keys.iter().any(|key| in_flight.contains(key)) {
                at += 1;
                continue;
            }
            let Some(request) = waiting.remove(at) else { break };
            bytes += request.bytes;
            in_flight.extend(request.keys.iter().cloned());
            self.keys.extend(request.keys.iter().cloned());
            batch.push(request);
        }
        if batch.is_empty() {
            // What is left waits for streams of lanes that will look again.
            *lanes -= 1;
            self.is_counted = false;
            return None;
        }
        Some(batch)
    }

    async fn store(&self, batch: Vec<Request>) {
        let store = &self.shared.store;
        let answers = if batch.len() > 1 {
            let commits: Vec<&Commit> = batch.iter().map(|request| &request.commit).collect();
            match store.store_batch(&commits).await {
                Ok(answers) => answers,
                // Each caller decides what to do.
                Err(Failure::Store(error)) if error.is_transient() => {
                    return fail_all(batch, &error);
                }
                // One of them is wrong.
                Err(_) => Vec::new(),
            }
        } else {
            Vec::new()
        };
        // What is stored is acknowledged before anything else is sent.
        let mut alone = Vec::new();
        let mut answers = answers.into_iter();
        for request in batch {
            match answers.next().flatten() {
                Some(answer) => request.answer(answer),
                None => alone.push(request),
            }
        }
        for request in alone {
            let answer = store.store_one(&request.commit).await;
            request.answer(answer);
        }
    }
}

impl<S> Drop for Lane<S> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        for key in self.keys.drain(..) {
            state.in_flight.remove(&key);
        }
        if self.is_counted {
            // It ended in the middle: a panic, or the end of the runtime. If no other lane is left, those who wait
            // learn that the outcome is unknown, and ask again by their ids.
            state.lanes -= 1;
            if state.lanes == 0 {
                state.waiting.clear();
            }
        }
        drop(state);
        self.shared.idle.notify_waiters();
    }
}

/// The answer to every request of a batch that failed as a whole.
fn fail_all(batch: Vec<Request>, error: &Error) {
    let causes = event_core::error::with_causes(error);
    for request in batch {
        request.answer(Err(match error {
            Error::Overloaded { .. } => Error::overloaded(APPEND, causes.clone()),
            _ => Error::connection(APPEND, BatchFailed(causes.clone())),
        }));
    }
}

/// The transaction of a batch failed.
#[derive(Debug, thiserror::Error)]
#[error("the appends that were stored together: {0}")]
struct BatchFailed(String);
