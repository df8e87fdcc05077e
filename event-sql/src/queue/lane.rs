//! [`Lane`]: a task that stores batch after batch.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use event_core::Error;
use event_core::adapter::append::Commit;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{APPEND, BatchStore, Key, Request, Shared, Streams};
use crate::error::Failure;

/// An append that takes longer than this waits for a lock: an append alone takes a fraction of it.
const DETACH_AFTER: Duration = Duration::from_millis(20);

/// A lane at work. However it ends, it is no longer counted and its streams are free again.
pub(super) struct Lane<S> {
    shared: Arc<Shared<S>>,
    /// The streams of the batch in flight.
    keys: Vec<Key>,
    role: Role,
}

/// How the state of the queue counts a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// As one of the lanes that take requests.
    Lane,
    /// As one that waits for a lock, and ends then.
    Detached,
    /// Not at all: it is about to end.
    Ended,
}

impl<S: BatchStore> Lane<S> {
    /// Opens a lane that is counted already.
    pub(super) fn spawn(shared: &Arc<Shared<S>>) {
        let lane = Self::new(Arc::clone(shared)).run();
        match &shared.runtime {
            Some(runtime) => drop(runtime.spawn(lane)),
            None => drop(tokio::spawn(lane)),
        }
    }

    fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared, keys: Vec::new(), role: Role::Lane }
    }

    /// Stores batch after batch until nothing waits that it could take.
    pub(super) async fn run(mut self) {
        while self.role == Role::Lane
            && let Some(batch) = self.take()
        {
            self.store(batch).await;
            self.attach();
        }
    }

    /// The next batch. A lane without one ends: it is not counted from the same moment on, so that the next request
    /// opens another.
    fn take(&mut self) -> Option<Vec<Request>> {
        let mut state = self.shared.state();
        for key in self.keys.drain(..) {
            state.release(&key);
        }
        let limits = self.shared.limits;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < limits.batch {
            let Some(next) = state.ready.pop_front() else { break };
            if !batch.is_empty() && bytes + next.bytes > limits.batch_bytes {
                state.ready.push_front(next);
                break;
            }
            if next.keys.iter().any(|key| state.in_flight.contains(key)) {
                state.wait(next);
                continue;
            }
            bytes += next.bytes;
            state.waiting -= 1;
            state.in_flight.extend(next.keys.iter().cloned());
            self.keys.extend(next.keys.iter().cloned());
            batch.push(next);
        }
        if batch.is_empty() {
            // What is left waits for streams of lanes that will look again.
            state.lanes -= 1;
            self.role = Role::Ended;
            return None;
        }
        Some(batch)
    }

    async fn store(&mut self, batch: Vec<Request>) {
        let shared = Arc::clone(&self.shared);
        let store = &shared.store;
        let answers = if batch.len() > 1 {
            let commits: Vec<&Commit> = batch.iter().map(|request| &request.commit).collect();
            match store.store_batch(&commits).await {
                Ok(answers) => answers,
                // Each caller decides what to do.
                Err(Failure::Store(error) | Failure::TooSlow(error)) if error.is_transient() => {
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
        let (mut answers, mut done) = (answers.into_iter(), Vec::new());
        for request in batch {
            match answers.next().flatten() {
                Some(answer) => {
                    done.extend_from_slice(&request.keys);
                    request.answer(answer);
                }
                None => alone.push(request),
            }
        }
        if alone.is_empty() {
            return;
        }
        // What is left may take long: requests for the other streams must not wait for it.
        self.release(&done);
        match self.shared.limits.streams {
            Streams::Shared => {
                for request in alone {
                    let answer = store.store_one(&request.commit).await;
                    request.answer(answer);
                }
            }
            Streams::Distinct if alone.len() == 1 => self.store_last(alone).await,
            Streams::Distinct => self.store_apart(alone).await,
        }
    }

    /// Stores the only request; detaches where that takes long.
    async fn store_last(&mut self, alone: Vec<Request>) {
        let shared = Arc::clone(&self.shared);
        let mut work = pin!(async move {
            for request in alone {
                let answer = shared.store.store_one(&request.commit).await;
                request.answer(answer);
            }
        });
        while timeout(DETACH_AFTER, work.as_mut()).await.is_err() {
            if self.detach() {
                return work.await;
            }
        }
    }

    /// Stores requests side by side, so that one that waits for a lock delays no other; detaches where that takes long.
    async fn store_apart(&mut self, alone: Vec<Request>) {
        let mut tasks = JoinSet::new();
        for request in alone {
            let shared = Arc::clone(&self.shared);
            tasks.spawn(async move {
                let keys = request.keys.clone();
                let answer = shared.store.store_one(&request.commit).await;
                request.answer(answer);
                keys
            });
        }
        loop {
            let done = if self.role == Role::Detached {
                tasks.join_next().await
            } else if let Ok(done) = timeout(DETACH_AFTER, tasks.join_next()).await {
                done
            } else {
                self.detach();
                continue;
            };
            match done {
                None => return,
                Some(Ok(keys)) => self.release(&keys),
                // Its caller learns that the outcome is unknown.
                Some(Err(error)) => tracing::error!(%error, "an append panicked"),
            }
        }
    }

    /// Frees streams before the batch is done.
    fn release(&mut self, keys: &[Key]) {
        let free: HashSet<&Key> = keys.iter().collect();
        self.keys.retain(|key| !free.contains(key));
        let mut state = self.shared.state();
        for key in keys {
            state.release(key);
        }
        // No lane may be left to take what was behind them.
        if !state.ready.is_empty() && state.lanes < self.shared.limits.lanes.max(1) {
            state.lanes += 1;
            Self::spawn(&self.shared);
        }
    }

    /// Makes a detached lane one that takes requests again, if any wait and there is room for it: they may wait for the
    /// streams that it had in flight.
    fn attach(&mut self) {
        if self.role != Role::Detached {
            return;
        }
        let mut state = self.shared.state();
        for key in self.keys.drain(..) {
            state.release(&key);
        }
        state.detached -= 1;
        if !state.ready.is_empty() && state.lanes < self.shared.limits.lanes.max(1) {
            state.lanes += 1;
            self.role = Role::Lane;
        } else {
            self.role = Role::Ended;
        }
    }

    /// Gives the place of this lane to another one, unless too many have done so: each keeps a connection.
    fn detach(&mut self) -> bool {
        let mut state = self.shared.state();
        if state.detached >= self.shared.limits.detached {
            return false;
        }
        state.detached += 1;
        self.role = Role::Detached;
        if state.ready.is_empty() {
            state.lanes -= 1;
        } else {
            Self::spawn(&self.shared);
        }
        true
    }
}

impl<S> Drop for Lane<S> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        for key in self.keys.drain(..) {
            state.release(&key);
        }
        match self.role {
            Role::Ended => {}
            Role::Detached => state.detached -= 1,
            Role::Lane => state.lanes -= 1,
        }
        // A lane that did not end by itself panicked, or its runtime ended. If no other is left, those who wait learn that
        // the outcome is unknown, and ask again by their ids.
        if self.role != Role::Ended && state.is_idle() {
            state.clear();
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
