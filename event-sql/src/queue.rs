//! [`Queue`]: appends of one process that wait at the same time share one transaction and one wait for the disk.
//!
//! A few lanes take what is queued and store it at once: there is no timer, so a single append is as fast as without a
//! queue. Each append is judged on its own and fails alone, with its own reason. A lane is a task of its own: a caller
//! that goes away, or that is not polled, leaves nothing half done.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result, StreamId, Tenant};
use tokio::sync::{Notify, oneshot};

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
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Request>,
    /// The streams of the requests in flight, if each may be there only once.
    in_flight: HashSet<Key>,
    lanes: u32,
    closed: bool,
}

type Key = (Tenant, StreamId);

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
        let (state, idle) = (Mutex::default(), Notify::new());
        Self { shared: Arc::new(Shared { store, limits, state, idle }) }
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
        let (answer, answered) = oneshot::channel();
        let keys = match self.shared.limits.streams {
            Streams::Distinct => keys(commit),
            Streams::Shared => Vec::new(),
        };
        self.enqueue(Request { commit: commit.clone(), bytes, keys, answer })?;
        answered.await.unwrap_or_else(|_| Err(Error::connection(APPEND, LaneEnded)))
    }

    /// Takes no more commits, and waits for those that are queued.
    pub async fn drain(&self) {
        self.shared.state().closed = true;
        loop {
            let idle = self.shared.idle.notified();
            if self.shared.state().lanes == 0 {
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
        if state.waiting.len() >= waiting {
            let reason = format!(
                "{waiting} appends wait already; {bottleneck} stores them slower than they arrive"
            );
            return Err(Error::overloaded(APPEND, reason));
        }
        state.waiting.push_back(request);
        if state.lanes < lanes.max(1) {
            state.lanes += 1;
            drop(state);
            let shared = Arc::clone(&self.shared);
            tokio::spawn(Lane { shared, keys: Vec::new(), is_counted: true }.run());
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

/// A lane at work. However it ends, it is no longer counted and its streams are free again.
struct Lane<S> {
    shared: Arc<Shared<S>>,
    /// The streams of the batch in flight.
    keys: Vec<Key>,
    is_counted: bool,
}

impl<S: BatchStore> Lane<S> {
    /// Stores batch after batch until nothing waits that it could take.
    async fn run(mut self) {
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

impl<S> Shared<S> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A lane ended before it answered.
#[derive(Debug, thiserror::Error)]
#[error("the task that stored the append ended before the answer came")]
struct LaneEnded;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use event_core::adapter::append::StreamAppend;
    use event_core::{ExpectedVersion, Outcome, Position, StreamVersion};
    use tokio::time::{Instant, sleep};

    use super::*;

    const LIMITS: Limits = Limits {
        lanes: 2,
        batch: 4,
        batch_bytes: 100,
        waiting: 8,
        streams: Streams::Distinct,
        bottleneck: "the test",
    };

    /// Records the batches, each of which takes a second. The stream `wrong` fails its batch, `panic` its lane,
    /// `broken` is a transient failure.
    #[derive(Debug, Default)]
    struct Recorder(Mutex<Vec<Vec<String>>>);

    impl Recorder {
        async fn record(&self, commits: &[&Commit]) -> Result<()> {
            let names: Vec<_> =
                commits.iter().map(|it| it.appends[0].stream_id.as_str().to_owned()).collect();
            self.0.lock().unwrap().push(names.clone());
            sleep(Duration::from_secs(1)).await;
            let has = |name: &str| names.iter().any(|it| it == name);
            assert!(!has("panic"), "on purpose");
            match () {
                () if has("wrong") => Err(Error::adapter(APPEND, "wrong")),
                () if has("broken") => Err(Error::overloaded(APPEND, "broken")),
                () => Ok(()),
            }
        }
    }

    fn stored() -> Vec<Appended> {
        let (stream_version, position) = (StreamVersion::new(1), Position::new(1));
        vec![Appended { stream_version, position, outcome: Outcome::Stored }]
    }

    impl BatchStore for Recorder {
        async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Option<Answer>>, Failure> {
            self.record(commits).await?;
            Ok(commits.iter().map(|_| Some(Ok(stored()))).collect())
        }

        async fn store_one(&self, commit: &Commit) -> Answer {
            self.record(&[commit]).await?;
            Ok(stored())
        }
    }

    fn commit(stream: &str) -> Commit {
        let append = StreamAppend {
            stream_id: StreamId::new(stream).unwrap(),
            expected: ExpectedVersion::Any,
            events: Vec::new(),
        };
        let tenant = Tenant::new("t").unwrap();
        Commit { tenant, appends: vec![append], stream_limit: None, retry: false }
    }

    /// Sends commits at the same moment; the codes of the answers, in order.
    async fn send(queue: &Arc<Queue<Recorder>>, streams: &[(&str, usize)]) -> Vec<&'static str> {
        let mut tasks = Vec::new();
        for (stream, bytes) in streams {
            let (queue, commit, bytes) = (Arc::clone(queue), commit(stream), *bytes);
            tasks.push(tokio::spawn(async move { queue.commit(&commit, bytes).await }));
        }
        let mut codes = Vec::new();
        for task in tasks {
            let answer = task.await.unwrap();
            codes.push(answer.as_ref().map_or_else(Error::code, |_| "stored"));
        }
        codes
    }

    fn queue(limits: Limits) -> Arc<Queue<Recorder>> {
        Arc::new(Queue::new(Recorder::default(), limits))
    }

    fn batches(queue: &Queue<Recorder>) -> Vec<String> {
        queue.store().0.lock().unwrap().iter().map(|batch| batch.join(" ")).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_in_flight_once() {
        let queue = queue(LIMITS);
        let began = Instant::now();
        let codes = send(&queue, &[("a", 1), ("a", 1), ("b", 1), ("c", 1)]).await;
        assert_eq!(codes, ["stored"; 4]);
        assert_eq!(batches(&queue), ["a b c", "a"]);
        assert_eq!(began.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shared_stream_may_be_in_a_batch_several_times() {
        let queue = queue(Limits { streams: Streams::Shared, lanes: 1, ..LIMITS });
        send(&queue, &[("a", 1), ("a", 1), ("b", 1)]).await;
        assert_eq!(batches(&queue), ["a a b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_limited_by_count_and_by_bytes() {
        let queue = queue(Limits { lanes: 1, ..LIMITS });
        send(&queue, &[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]).await;
        send(&queue, &[("a", 60), ("b", 60), ("c", 1), ("d", 500)]).await;
        assert_eq!(batches(&queue), ["a b c d", "e", "a", "b c", "d"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_is_stored_one_by_one_unless_the_failure_is_transient() {
        let queue = queue(LIMITS);
        let codes = send(&queue, &[("a", 1), ("wrong", 1)]).await;
        assert_eq!(codes, ["stored", "adapter_error"]);
        assert_eq!(batches(&queue), ["a wrong", "a", "wrong"]);
        let codes = send(&queue, &[("b", 1), ("broken", 1)]).await;
        assert_eq!(codes, ["overloaded", "overloaded"]);
        assert_eq!(batches(&queue).len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_limit_are_refused() {
        let queue = queue(Limits { waiting: 2, ..LIMITS });
        let codes = send(&queue, &[("a", 1), ("a", 1), ("a", 1)]).await;
        assert_eq!(codes, ["stored", "stored", "overloaded"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_outcome_is_unknown_when_the_last_lane_ends() {
        let queue = queue(Limits { lanes: 1, ..LIMITS });
        let codes = send(&queue, &[("panic", 1), ("panic", 1), ("a", 1)]).await;
        assert_eq!(codes, ["connection_error"; 3]);
        assert_eq!(send(&queue, &[("a", 1)]).await, ["stored"], "the next request opens a lane");
    }

    #[tokio::test(start_paused = true)]
    async fn closing_waits_for_what_is_queued_and_refuses_the_rest() {
        let queue = queue(LIMITS);
        let early = send(&queue, &[("a", 1), ("a", 1)]);
        let close = async {
            tokio::task::yield_now().await;
            queue.drain().await;
            assert_eq!(batches(&queue), ["a", "a"]);
        };
        let (codes, ()) = tokio::join!(early, close);
        assert_eq!(codes, ["stored", "stored"]);
        assert_eq!(send(&queue, &[("a", 1)]).await, ["adapter_error"]);
    }
}
