//! [`Queue`]: appends of one process that wait at the same time share one transaction and one wait for the disk.
//!
//! A few lanes take what is queued and store it at once: there is no timer, so a single append is as fast as without a
//! queue. Each append is judged on its own and fails alone, with its own reason. A lane is a task of its own: a caller
//! that goes away, or that is not polled, leaves nothing half done. Several appends to one stream travel together, and
//! are judged in order.
//!
//! No lane waits for a lock of another program. An append to a locked stream is handed to a waiter, of which there are
//! few: each waits for one stream for a while, then for the next. Appends to other streams never need them.

mod lane;
#[cfg(test)]
mod tests;
mod waiter;

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result, StreamId, Tenant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Duration, Instant};

use self::lane::Lane;
use self::waiter::Waiter;
use crate::error::{Failure, closed};

/// So many lanes are opened however few requests wait.
const FEW_LANES: u32 = 2;
/// So many requests have to wait for each further lane. A batch has fixed costs: more batches of fewer requests store less
/// a second.
const PER_LANE: usize = 8;

/// The name of the operation in errors.
pub const APPEND: &str = "append to a stream";

/// The answer to one commit.
pub type Answer = Result<Vec<Appended>>;

/// What became of a commit that was sent together with others.
#[derive(Debug)]
pub enum Reply {
    /// It is answered.
    Done(Answer),
    /// It has to be stored alone, which says more.
    Alone,
    /// Nothing is stored: another program has its stream locked.
    Locked,
}

/// What a backend does with the commits of a queue.
pub trait BatchStore: Send + Sync + 'static {
    /// Stores several commits in one transaction, each on its own terms; the replies in their order. Commits to one stream
    /// are judged in order. It waits for no lock of another program.
    ///
    /// # Errors
    /// The transaction failed as a whole. After a transient error it is unknown for all commits alike whether they are
    /// stored, or known that they are not; after any other error each of them is stored alone.
    fn store_batch(
        &self,
        commits: &[&Commit],
    ) -> impl Future<Output = Result<Vec<Reply>, Failure>> + Send;

    /// Stores one commit alone. `None` if another program has its stream locked for as long as `wait`: nothing is stored.
    fn store_one(
        &self,
        commit: &Commit,
        wait: Duration,
    ) -> impl Future<Output = Option<Answer>> + Send;

    /// The same for a stream that is known to be locked; it may return sooner, so that others have their turn.
    fn wait_for(
        &self,
        commit: &Commit,
        wait: Duration,
    ) -> impl Future<Output = Option<Answer>> + Send {
        self.store_one(commit, wait)
    }
}

/// Whether requests of one stream may be in flight at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// A stream is in flight in one batch at most, which may hold several requests of it.
    Distinct,
    /// There is one lane, so that nothing has to be kept apart.
    Shared,
}

/// How much a queue takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Tasks that store batches at the same time, at most; at least one.
    pub lanes: u32,
    /// Requests of a batch at most.
    pub batch: usize,
    /// Bytes of a batch at most, unless one request alone is larger.
    pub batch_bytes: usize,
    /// Requests that may wait; more are refused.
    pub waiting: usize,
    /// Which requests may be in flight together.
    pub streams: Streams,
    /// Tasks that may wait for locks of other programs at the same time, each for one stream; at least one.
    pub waiters: u32,
    /// How long a request waits at all while another program has its stream locked.
    pub patience: Duration,
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
    /// The streams of the requests in flight, if they are kept apart.
    in_flight: HashSet<Key>,
    /// Requests whose streams are locked by another program, one for each stream. The streams count as in flight.
    locked: VecDeque<Request>,
    lanes: u32,
    waiters: u32,
    closed: bool,
}

type Key = (Tenant, StreamId);

impl State {
    const fn is_idle(&self) -> bool {
        self.lanes == 0 && self.waiters == 0
    }

    /// Puts a request where it is found when its stream is free.
    fn wait(&mut self, request: Request) {
        match request.key.as_ref().filter(|key| self.in_flight.contains(*key)) {
            Some(key) => self.behind.entry(key.clone()).or_default().push_back(request),
            None => self.ready.push_back(request),
        }
    }

    /// Frees a stream: the first requests behind it may be taken, as many as travel together.
    fn release(&mut self, key: &Key, batch: usize) {
        self.in_flight.remove(key);
        if let Some(behind) = self.behind.get_mut(key) {
            let first = behind.len().min(batch);
            self.ready.extend(behind.drain(..first));
            if behind.is_empty() {
                self.behind.remove(key);
            }
        }
    }

    /// Takes the requests behind a stream that have waited for longer than `patience`.
    fn take_expired(&mut self, key: &Key, patience: Duration) -> Vec<Request> {
        let Some(behind) = self.behind.get_mut(key) else { return Vec::new() };
        // They stand in the order in which they came.
        let expired = behind.iter().take_while(|it| it.since.elapsed() >= patience).count();
        let expired: Vec<Request> = behind.drain(..expired).collect();
        if behind.is_empty() {
            self.behind.remove(key);
        }
        self.waiting -= expired.len();
        expired
    }

    /// Hands requests to waiters, the streams of which are locked and stay in flight.
    fn hand_over(&mut self, requests: Vec<Request>) {
        let mut rest: HashMap<Key, VecDeque<Request>> = HashMap::new();
        for request in requests {
            let Some(key) = request.key.clone() else { continue };
            if let Some(later) = rest.get_mut(&key) {
                later.push_back(request);
            } else {
                rest.insert(key, VecDeque::new());
                self.waiting += 1;
                self.locked.push_back(request);
            }
        }
        // The others of a stream are asked again together, before those that came later.
        for (key, mut first) in rest.into_iter().filter(|(_, later)| !later.is_empty()) {
            self.waiting += first.len();
            let behind = self.behind.entry(key).or_default();
            first.append(behind);
            *behind = first;
        }
    }

    /// Counts the lanes and waiters to open: a lane if there is something to take and room for one more, a waiter for
    /// each locked stream.
    fn open(&mut self, limits: Limits) -> (u32, u32) {
        let lanes = u32::from(!self.ready.is_empty() && self.lanes < self.lanes_worthwhile(limits));
        let locked = u32::try_from(self.locked.len()).unwrap_or(u32::MAX);
        let waiters = locked.min(limits.waiters.max(1)).saturating_sub(self.waiters);
        self.lanes += lanes;
        self.waiters += waiters;
        (lanes, waiters)
    }

    /// How many lanes what waits is worth.
    fn lanes_worthwhile(&self, limits: Limits) -> u32 {
        let more = u32::try_from(self.ready.len() / PER_LANE).unwrap_or(u32::MAX);
        FEW_LANES.saturating_add(more).min(limits.lanes.max(1))
    }

    /// Drops what waits: its callers learn that the outcome is unknown.
    fn clear(&mut self) {
        self.ready.clear();
        self.behind.clear();
        self.locked.clear();
        self.waiting = 0;
    }
}

/// A commit that waits for its answer.
#[derive(Debug)]
struct Request {
    commit: Commit,
    bytes: usize,
    /// Its stream, if streams are kept apart.
    key: Option<Key>,
    since: Instant,
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
        let key = match self.shared.limits.streams {
            Streams::Distinct => key(commit),
            Streams::Shared => None,
        };
        self.enqueue(Request {
            commit: commit.clone(),
            bytes,
            key,
            since: Instant::now(),
            answer,
        })?;
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
        let Limits { waiting, bottleneck, .. } = self.shared.limits;
        Shared::update(&self.shared, |state| {
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
            // What is behind a stream in flight is taken when it is free.
            state.wait(request);
            Ok(())
        })
    }
}

fn key(commit: &Commit) -> Option<Key> {
    let append = commit.appends.first()?;
    Some((commit.tenant.clone(), append.stream_id.clone()))
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

impl<S: BatchStore> Shared<S> {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(task)),
            None => drop(tokio::spawn(task)),
        }
    }

    /// Changes the state, and opens the lanes and waiters that it asks for then. They are spawned after the lock is given
    /// back: another thread starts them at once, and a runtime that is shutting down drops them on this one.
    fn update<R>(this: &Arc<Self>, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = this.state();
        let result = change(&mut state);
        let (lanes, waiters) = state.open(this.limits);
        drop(state);
        for _ in 0..lanes {
            Lane::spawn(this);
        }
        for _ in 0..waiters {
            Waiter::spawn(this);
        }
        result
    }
}

/// A lane ended before it returned the answer.
#[derive(Debug, thiserror::Error)]
#[error("the task that stored the append ended before the answer came")]
struct LaneEnded;
