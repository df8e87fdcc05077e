//! [`Queue`]: appends of one process that wait at the same time share one transaction and one wait for the disk.
//!
//! A few lanes take what is queued and store it at once: there is no timer, so a single append is as fast as without a
//! queue. Each append is judged on its own and fails alone, with its own reason. A lane is a task of its own: a caller
//! that goes away, or that is not polled, leaves nothing half done. A lane whose append waits for a lock of another
//! program gives its place to another lane, so that appends to other streams continue.

mod lane;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result, StreamId, Tenant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use self::lane::Lane;
use crate::error::{Failure, closed};

/// The name of the operation in errors.
pub const APPEND: &str = "append to a stream";

/// The answer to one commit.
pub type Answer = Result<Vec<Appended>>;

/// What a backend does with the commits of a queue.
pub trait BatchStore: Send + Sync + 'static {
    /// Stores several commits in one transaction, each on its own terms; the answers in their order, `None` for a
    /// commit that has to be stored alone.
    ///
    /// # Errors
    /// The transaction failed as a whole. After a transient error it is unknown for all commits alike whether they are
    /// stored, or known that they are not; after any other error each of them is stored alone.
    fn store_batch(
        &self,
        commits: &[&Commit],
    ) -> impl Future<Output = Result<Vec<Option<Answer>>, Failure>> + Send;

    /// Stores one commit alone.
    fn store_one(&self, commit: &Commit) -> impl Future<Output = Answer> + Send;
}

/// Whether requests of one stream may be in flight at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// Each stream is in flight at most once: a request is judged on what the one before it left.
    Distinct,
    /// A batch may hold several requests of a stream: they are judged in order.
    Shared,
}

/// How much a queue takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Tasks that store batches at the same time; at least one.
    pub lanes: u32,
    /// Requests of a batch at most.
    pub batch: usize,
    /// Bytes of a batch at most, unless one request alone is larger.
    pub batch_bytes: usize,
    /// Requests that may wait; more are refused.
    pub waiting: usize,
    /// Which requests may be in flight together.
    pub streams: Streams,
    /// Lanes that may wait for a lock of another program without being counted, so that others take their place.
    pub detached: u32,
    /// What stores the batches, for the error of a refused request: "the server".
    pub bottleneck: &'static str,
}

/// The appends that wait, and the lanes that store them.
#[derive(Debug)]
pub struct Queue<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    store: S,
    limits: Limits,
    /// Where the lanes run; `None` for the runtime of whoever opens one.
    runtime: Option<Handle>,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that a lane may take.
    ready: VecDeque<Request>,
    /// Requests for a stream that is in flight, so that no lane looks at them before it is free.
    behind: HashMap<Key, VecDeque<Request>>,
    /// Both together.
    waiting: usize,
    /// The streams of the requests in flight, if each may be there only once.
    in_flight: HashSet<Key>,
    lanes: u32,
    /// Lanes that are not counted any more, but wait for a lock.
    detached: u32,
    closed: bool,
}

type Key = (Tenant, StreamId);

impl State {
    const fn is_idle(&self) -> bool {
        self.lanes == 0 && self.detached == 0
    }

    /// Puts a request where it is found when its streams are free.
    fn wait(&mut self, request: Request) {
        match request.keys.iter().find(|key| self.in_flight.contains(key)) {
            Some(key) => self.behind.entry(key.clone()).or_default().push_back(request),
            None => self.ready.push_back(request),
        }
    }

    /// Frees a stream: the first request behind it may be taken.
    fn release(&mut self, key: &Key) {
        self.in_flight.remove(key);
        if let Some(behind) = self.behind.get_mut(key) {
            self.ready.extend(behind.pop_front());
            if behind.is_empty() {
                self.behind.remove(key);
            }
        }
    }

    /// Drops what waits: its callers learn that the outcome is unknown.
    fn clear(&mut self) {
        self.ready.clear();
        self.behind.clear();
        self.waiting = 0;
    }
}

/// A commit that waits for its answer.
#[derive(Debug)]
struct Request {
    commit: Commit,
    bytes: usize,
    /// Its streams, if they may be in flight only once.
    keys: Vec<Key>,
    answer: oneshot::Sender<Answer>,
}

impl Request {
    fn answer(self, answer: Answer) {
        // A caller that went away does not want it.
        let _ = self.answer.send(answer);
    }
}

impl<S: BatchStore> Queue<S> {
    /// A queue without lanes; they are opened on demand.
    pub fn new(store: S, limits: Limits) -> Self {
        Self::start(store, limits, None)
    }

    /// The same, with lanes on a runtime of their own: neither a caller's runtime that sleeps nor one that ends delays
    /// the appends of other callers.
    pub fn on(runtime: Handle, store: S, limits: Limits) -> Self {
        Self::start(store, limits, Some(runtime))
    }

    fn start(store: S, limits: Limits, runtime: Option<Handle>) -> Self {
        let (state, idle) = (Mutex::default(), Notify::new());
        Self { shared: Arc::new(Shared { store, limits, runtime, state, idle }) }
    }

    /// What stores the commits.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Stores a commit, together with others that wait; `bytes` is its [`weight`].
    ///
    /// # Errors
    /// Those of the store; [`Error::Overloaded`] where too many requests wait; [`Error::Connection`] when the lane
    /// ended before the answer: whether the commit is stored is then unknown.
    pub async fn commit(&self, commit: &Commit, bytes: usize) -> Answer {
        let (answer, receiver) = oneshot::channel();
        let keys = match self.shared.limits.streams {
            Streams::Distinct => keys(commit),
            Streams::Shared => Vec::new(),
        };
        self.enqueue(Request { commit: commit.clone(), bytes, keys, answer })?;
        receiver.await.unwrap_or_else(|_| Err(Error::connection(APPEND, LaneEnded)))
    }

    /// Takes no more commits, and waits for those that are queued.
    pub async fn drain(&self) {
        self.shared.state().closed = true;
        loop {
            let idle = self.shared.idle.notified();
            if self.shared.state().is_idle() {
                return;
            }
            idle.await;
        }
    }

    /// Queues a request, and opens a lane for it if there is room for one more.
    fn enqueue(&self, request: Request) -> Result<()> {
        let Limits { lanes, waiting, bottleneck, .. } = self.shared.limits;
        let mut state = self.shared.state();
        if state.closed {
            return Err(closed(APPEND));
        }
        if state.waiting >= waiting {
            let reason = format!(
                "{waiting} appends wait already; {bottleneck} stores them slower than they arrive"
            );
            return Err(Error::overloaded(APPEND, reason));
        }
        state.waiting += 1;
        state.wait(request);
        // What is behind a stream in flight is taken by the lane that frees it.
        if state.lanes < lanes.max(1) && !state.ready.is_empty() {
            state.lanes += 1;
            drop(state);
            Lane::spawn(&self.shared);
        }
        Ok(())
    }
}

fn keys(commit: &Commit) -> Vec<Key> {
    let streams = commit.appends.iter().map(|append| append.stream_id.clone());
    streams.map(|stream_id| (commit.tenant.clone(), stream_id)).collect()
}

/// Roughly how many bytes a commit is.
pub fn weight(commit: &Commit) -> usize {
    let events = commit.appends.iter().flat_map(|append| &append.events);
    events.map(|event| event.data.get().len() + event.metadata.as_json().len() + 64).sum()
}

impl<S> Shared<S> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane ended before it returned the answer.
#[derive(Debug, thiserror::Error)]
#[error("the task that stored the append ended before the answer came")]
struct LaneEnded;
