//! [`Lane`]: a task that stores batch after batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use event_core::Error;
use event_core::adapter::append::Commit;
use tokio::task::JoinSet;
use tokio::time::Duration;

use super::{APPEND, BatchStore, Key, Reply, Request, Shared, Streams};
use crate::error::Failure;

/// How long a lane waits for a locked stream: writers of other programs are done sooner, an open transaction is not.
const SOON: Duration = Duration::from_millis(20);

/// A lane at work. However it ends, it is no longer counted and its streams are free again.
pub(super) struct Lane<S: BatchStore> {
    shared: Arc<Shared<S>>,
    /// The streams of the batch in flight.
    keys: HashSet<Key>,
    has_ended: bool,
}

impl<S: BatchStore> Lane<S> {
    /// Opens a lane that is counted already.
    pub(super) fn spawn(shared: &Arc<Shared<S>>) {
        shared.spawn(Self::new(Arc::clone(shared)).run());
    }

    fn new(shared: Arc<Shared<S>>) -> Self {
        Self { shared, keys: HashSet::new(), has_ended: false }
    }

    /// Stores batch after batch until nothing waits that it could take.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.take() {
            self.store(batch).await;
        }
    }

    /// The next batch. A lane without one ends, and so does one too many for what waits: it is not counted from the same
    /// moment on, so that the next request opens another.
    fn take(&mut self) -> Option<Vec<Request>> {
        let limits = self.shared.limits;
        let mut state = self.shared.state();
        for key in self.keys.drain() {
            state.release(&key, limits.batch);
        }
        if state.lanes > state.lanes_worthwhile(limits) {
            // The lanes at work take what is left, together.
            state.lanes -= 1;
            self.has_ended = true;
            return None;
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < limits.batch {
            let Some(next) = state.ready.pop_front() else { break };
            if !batch.is_empty() && bytes + next.bytes > limits.batch_bytes {
                state.ready.push_front(next);
                break;
            }
            if let Some(key) = &next.key
                && !self.keys.contains(key)
            {
                if state.in_flight.contains(key) {
                    // In another batch.
                    state.wait(next);
                    continue;
                }
                state.in_flight.insert(key.clone());
                self.keys.insert(key.clone());
            }
            bytes += next.bytes;
            state.waiting -= 1;
            batch.push(next);
        }
        if batch.is_empty() {
            // What is left waits for streams that are looked at again when they are free.
            state.lanes -= 1;
            self.has_ended = true;
            return None;
        }
        Some(batch)
    }

    async fn store(&mut self, batch: Vec<Request>) {
        let mut replies = Vec::new();
        if batch.len() > 1 {
            let commits: Vec<&Commit> = batch.iter().map(|request| &request.commit).collect();
            match self.shared.store.store_batch(&commits).await {
                Ok(answers) => replies = answers,
                // Each caller decides what to do.
                Err(Failure::Store(error) | Failure::TooSlow(error)) if error.is_transient() => {
                    return fail_all(batch, &error);
                }
                // One of them is wrong.
                Err(_) => {}
            }
        }
        // What is stored is acknowledged before anything else is sent.
        let (mut alone, mut locked) = (Vec::new(), Vec::new());
        let mut replies = replies.into_iter();
        for request in batch {
            match replies.next().unwrap_or(Reply::Alone) {
                Reply::Done(answer) => request.answer(answer),
                Reply::Alone => alone.push(request),
                Reply::Locked => locked.push(request),
            }
        }
        if alone.is_empty() && locked.is_empty() {
            return;
        }
        // What is left may take longer: requests for the other streams must not wait for it.
        let left: HashSet<Key> =
            alone.iter().chain(&locked).filter_map(|request| request.key.clone()).collect();
        self.release(|key| !left.contains(key));
        self.hand_over(locked);
        match self.shared.limits.streams {
            Streams::Shared => {
                for request in alone {
                    // No other program locks a part of the file.
                    if let Some(answer) = self.shared.store.store_one(&request.commit, SOON).await {
                        request.answer(answer);
                    }
                }
            }
            Streams::Distinct => self.store_apart(alone).await,
        }
    }

    /// Stores requests one by one, those of different streams side by side, so that none delays another stream.
    async fn store_apart(&mut self, alone: Vec<Request>) {
        let mut streams: Vec<(Option<Key>, Vec<Request>)> = Vec::new();
        let mut index = HashMap::new();
        for request in alone {
            let at = *index.entry(request.key.clone()).or_insert(streams.len());
            match streams.get_mut(at) {
                Some((_, requests)) => requests.push(request),
                None => streams.push((request.key.clone(), vec![request])),
            }
        }
        // Nothing to store beside it: a task of its own would cost two changes of threads.
        if streams.len() == 1
            && let Some((key, requests)) = streams.pop()
        {
            let locked = one_by_one(&self.shared.store, requests).await;
            return self.finish(key, locked);
        }
        let mut tasks = JoinSet::new();
        for (key, requests) in streams {
            let shared = Arc::clone(&self.shared);
            tasks.spawn(async move { (key, one_by_one(&shared.store, requests).await) });
        }
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok((key, locked)) => self.finish(key, locked),
                // Its callers learn that the outcome is unknown.
                Err(error) => tracing::error!(%error, "an append panicked"),
            }
        }
    }

    /// Frees a stream whose requests are stored, or leaves it to a waiter with those that are not.
    fn finish(&mut self, key: Option<Key>, locked: Vec<Request>) {
        match key {
            Some(key) if locked.is_empty() => self.release(|it| *it == key),
            _ => self.hand_over(locked),
        }
    }

    /// Frees streams before the batch is done.
    fn release(&mut self, is_free: impl Fn(&Key) -> bool) {
        let batch = self.shared.limits.batch;
        // The update opens a lane for what was behind them.
        Shared::update(&self.shared, |state| {
            self.keys.retain(|key| {
                let free = is_free(key);
                if free {
                    state.release(key, batch);
                }
                !free
            });
        });
    }

    /// Leaves locked streams to waiters.
    fn hand_over(&mut self, locked: Vec<Request>) {
        if locked.is_empty() {
            return;
        }
        for request in &locked {
            if let Some(key) = &request.key {
                self.keys.remove(key);
            }
        }
        Shared::update(&self.shared, |state| state.hand_over(locked));
    }
}

/// Stores requests of one stream in order; what is left once the stream is locked.
async fn one_by_one<S: BatchStore>(store: &S, requests: Vec<Request>) -> Vec<Request> {
    let mut left = Vec::new();
    for request in requests {
        if !left.is_empty() {
            left.push(request);
            continue;
        }
        match store.store_one(&request.commit, SOON).await {
            Some(answer) => request.answer(answer),
            None => left.push(request),
        }
    }
    left
}

impl<S: BatchStore> Drop for Lane<S> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        for key in self.keys.drain() {
            state.release(&key, self.shared.limits.batch);
        }
        if !self.has_ended {
            // It panicked, or its runtime ended. If no other is left, those who wait learn that the outcome is unknown, and
            // ask again by their ids.
            state.lanes -= 1;
            if state.is_idle() {
                state.clear();
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
