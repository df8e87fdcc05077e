//! [`Waiter`]: a task that waits for locks of other programs, for one stream at a time.

use std::sync::Arc;

use event_core::Error;
use tokio::time::Duration;

use super::{APPEND, BatchStore, Key, Request, Shared};

/// How long one stream is waited for before it is the next one's turn, and how long while others are locked, too.
const TURN: Duration = Duration::from_secs(1);
const SHORT_TURN: Duration = Duration::from_millis(100);

/// A waiter at work. However it ends, it is no longer counted and its stream is free again.
pub(super) struct Waiter<S: BatchStore> {
    shared: Arc<Shared<S>>,
    /// The stream that it waits for.
    key: Option<Key>,
    has_ended: bool,
}

impl<S: BatchStore> Waiter<S> {
    /// Opens a waiter that is counted already.
    pub(super) fn spawn(shared: &Arc<Shared<S>>) {
        let waiter = Self { shared: Arc::clone(shared), key: None, has_ended: false };
        shared.spawn(waiter.run());
    }

    /// Waits for stream after stream until none is locked.
    async fn run(mut self) {
        let patience = self.shared.limits.patience;
        while let Some((request, turn)) = self.next() {
            let left = patience.saturating_sub(request.since.elapsed());
            // However late it is, it is tried once.
            let turn = turn.min(left.max(SHORT_TURN));
            match self.shared.store.wait_for(&request.commit, turn).await {
                Some(answer) => request.answer(answer),
                None if request.since.elapsed() < patience => {
                    // It stays in flight.
                    self.key = None;
                    let mut state = self.shared.state();
                    state.waiting += 1;
                    state.locked.push_back(request);
                    continue;
                }
                None => self.give_up(request),
            }
            self.release();
        }
    }

    /// Refuses a request that waited for too long, and those behind it that did as well.
    fn give_up(&self, request: Request) {
        let patience = self.shared.limits.patience;
        let reason = format!("another transaction has had the stream locked for {patience:?}");
        let expired = match &request.key {
            Some(key) => self.shared.state().take_expired(key, patience),
            None => Vec::new(),
        };
        for request in std::iter::once(request).chain(expired) {
            request.answer(Err(Error::overloaded(APPEND, reason.clone())));
        }
    }

    /// The next stream, and how long it is waited for. A waiter without one ends, and is not counted from the same moment on.
    fn next(&mut self) -> Option<(Request, Duration)> {
        let mut state = self.shared.state();
        let Some(next) = state.locked.pop_front() else {
            state.waiters -= 1;
            self.has_ended = true;
            return None;
        };
        state.waiting -= 1;
        self.key.clone_from(&next.key);
        Some((next, if state.locked.is_empty() { TURN } else { SHORT_TURN }))
    }

    fn release(&mut self) {
        let Some(key) = self.key.take() else { return };
        let batch = self.shared.limits.batch;
        Shared::update(&self.shared, |state| state.release(&key, batch));
    }
}

impl<S: BatchStore> Drop for Waiter<S> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if let Some(key) = self.key.take() {
            state.release(&key, self.shared.limits.batch);
        }
        if !self.has_ended {
            // It panicked, or its runtime ended.
            state.waiters -= 1;
            if state.is_idle() {
                state.clear();
            }
        }
        drop(state);
        self.shared.idle.notify_waiters();
    }
}
