//! The writer: appends of one process that wait at the same time share one transaction and one wait for the disk.
//!
//! One task takes what is queued and stores it at once: there is no timer, so a lone append is as fast as it would be
//! without. Each append is judged on what the ones before it leave, and stands or falls alone. The task is its own: a
//! caller that goes away, or that is not polled, leaves nothing half done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_core::adapter::append::Commit;
use event_core::{Error, Result};
use tokio::sync::{Notify, oneshot};

use crate::append::{self, OPERATION, Verdict};
use crate::census::Census;
use crate::error::Failure;
use crate::inline::Registered;
use crate::pool::Pool;

/// Commits that travel together at most.
const BATCH: usize = 512;
/// Bytes that travel together at most, unless one commit alone is larger.
const BATCH_BYTES: usize = 4 << 20;
/// Commits that may wait; a writer beyond them is told that there is no room.
const QUEUE: usize = 8_192;

/// The commits that wait, and the task that takes them.
pub(crate) struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Arc<Pool>,
    census: Census,
    queue: Mutex<Queue>,
    idle: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Request>,
    /// Whether the task is at work.
    running: bool,
    closed: bool,
}

/// One commit that waits for its answer.
struct Request {
    commit: Commit,
    bytes: usize,
    answer: oneshot::Sender<Verdict>,
}

impl Writer {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        let (census, queue, idle) = (Census::default(), Mutex::default(), Notify::new());
        Self { shared: Arc::new(Shared { pool, census, queue, idle }) }
    }

    /// Stores a commit, together with others that wait.
    pub(crate) async fn commit(&self, commit: &Commit) -> Verdict {
        if commit.appends.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.enqueue(Request { commit: commit.clone(), bytes: weight(commit), answer })?;
        // The runtime ended under the task: whether it was stored is open.
        answered.await.unwrap_or_else(|_| Err(Error::connection(OPERATION, TaskEnded)))
    }

    /// Stores a commit alone, in the caller's own time, with the read models that are about it.
    pub(crate) async fn commit_inline(
        &self,
        inline: &[&Arc<dyn Registered>],
        commit: &Commit,
    ) -> Verdict {
        append::store_inline(&self.shared.pool, &self.shared.census, inline, commit).await
    }

    /// Takes no more commits, and waits for those that are queued.
    pub(crate) async fn drain(&self) {
        self.shared.queue().closed = true;
        loop {
            let idle = self.shared.idle.notified();
            if !self.shared.queue().running {
                return;
            }
            idle.await;
        }
    }

    fn enqueue(&self, request: Request) -> Result<()> {
        let mut queue = self.shared.queue();
        if queue.closed {
            return Err(Error::adapter(OPERATION, "the store is closed"));
        }
        if queue.waiting.len() >= QUEUE {
            let reason =
                format!("{QUEUE} appends wait already; the disk takes them slower than they come");
            return Err(Error::overloaded(OPERATION, reason));
        }
        queue.waiting.push_back(request);
        if !queue.running {
            queue.running = true;
            drop(queue);
            tokio::spawn(Task { shared: Arc::clone(&self.shared), counted: true }.run());
        }
        Ok(())
    }
}

fn weight(commit: &Commit) -> usize {
    let events = commit.appends.iter().flat_map(|append| &append.events);
    events.map(|event| event.data.get().len() + event.metadata.as_json().len() + 64).sum()
}

/// The task at work; it gives its place back however it ends.
struct Task {
    shared: Arc<Shared>,
    counted: bool,
}

impl Task {
    /// Stores batch after batch until nothing waits.
    async fn run(mut self) {
        while let Some(batch) = self.take() {
            self.store(batch).await;
        }
    }

    /// The next batch. A task without one ends: its place is given back while the queue is looked at, so that whoever
    /// comes next starts another.
    fn take(&mut self) -> Option<Vec<Request>> {
        let mut queue = self.shared.queue();
        let mut bytes = 0;
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let fits = |next: &Request| batch.is_empty() || bytes + next.bytes <= BATCH_BYTES;
            let Some(request) = queue.waiting.front().filter(|next| fits(next)) else { break };
            bytes += request.bytes;
            batch.extend(queue.waiting.pop_front());
        }
        if batch.is_empty() {
            queue.running = false;
            self.counted = false;
            return None;
        }
        Some(batch)
    }

    async fn store(&self, mut batch: Vec<Request>) {
        // What has an id of another that was stored is asked again: each round stores one of them.
        while !batch.is_empty() {
            let commits: Vec<&Commit> = batch.iter().map(|request| &request.commit).collect();
            match append::store(&self.shared.pool, &self.shared.census, &commits).await {
                Ok(verdicts) => {
                    let mut again = Vec::new();
                    for (request, verdict) in batch.into_iter().zip(verdicts) {
                        match verdict {
                            // A caller that went away does not want it.
                            Some(verdict) => drop(request.answer.send(verdict)),
                            None => again.push(request),
                        }
                    }
                    batch = again;
                }
                // Whether they were stored is open, or known not to be, for all of them alike: each caller decides.
                Err(Failure::Store(error)) if error.is_transient() => {
                    return fail_all(batch, error);
                }
                // One of them is wrong: alone it fails alone.
                Err(failure) => return self.store_each(batch, failure).await,
            }
        }
    }

    async fn store_each(&self, batch: Vec<Request>, failure: Failure) {
        let mut failure = (batch.len() == 1).then_some(failure);
        for request in batch {
            let verdict = match failure.take() {
                Some(failure) => Err(failure.into()),
                None => {
                    match append::store(&self.shared.pool, &self.shared.census, &[&request.commit])
                        .await
                    {
                        Ok(verdicts) => {
                            verdicts.into_iter().next().flatten().unwrap_or_else(|| {
                                Err(Error::adapter(OPERATION, "the commit repeats an event id"))
                            })
                        }
                        Err(failure) => Err(failure.into()),
                    }
                }
            };
            let _ = request.answer.send(verdict);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.counted {
            // It ended in the middle: a panic, or the end of the runtime. Nobody takes what waits; those callers learn
            // that the outcome is open, and ask again by their ids.
            let mut queue = self.shared.queue();
            queue.running = false;
            queue.waiting.clear();
        }
        self.shared.idle.notify_waiters();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fail_all(batch: Vec<Request>, error: Error) {
    let said = event_core::error::with_causes(&error);
    let overloaded = matches!(error, Error::Overloaded { .. });
    let mut whole = (batch.len() == 1).then_some(error);
    for request in batch {
        let error = whole.take().unwrap_or_else(|| {
            if overloaded {
                Error::overloaded(OPERATION, said.clone())
            } else {
                Error::connection(OPERATION, BatchFailed(said.clone()))
            }
        });
        let _ = request.answer.send(Err(error));
    }
}

/// The transaction that an append travelled in failed.
#[derive(Debug, thiserror::Error)]
#[error("the appends that travelled together: {0}")]
struct BatchFailed(String);

/// The task that carried an append ended before its answer came.
#[derive(Debug, thiserror::Error)]
#[error("the task that carried the append ended before the answer came")]
struct TaskEnded;
