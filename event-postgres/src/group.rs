//! Group append: appends of one process that wait at the same time travel together, in one transaction and one wait
//! for the disk.
//!
//! A few lanes take what is queued and send it at once: there is no timer, so a lone append is as fast as it would be
//! without. Two appends to one stream are never under way together, so each is judged on what the one before left.
//! What the group did not store is asked again alone, and fails alone, with its own reason. A lane is a task of its
//! own: a caller that goes away, or that is not polled, leaves nothing half done.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::{Appended, Error, Outcome, Position, Result, StreamId, StreamVersion, Tenant};
use tokio::sync::{Notify, oneshot};

use crate::append::{self, ONE};
use crate::error::Failure;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::Statements;

/// Requests that travel together at most.
const BATCH: usize = 512;
/// Bytes that travel together at most, unless one request alone is larger.
const BATCH_BYTES: usize = 1 << 20;
/// An append of more events, or bytes, travels alone: it would hold the others up, and has little to gain.
const LARGE_EVENTS: usize = 64;
const LARGE_BYTES: usize = 256 << 10;
/// Requests that may wait; a writer beyond them is told that there is no room.
const QUEUE: usize = 8_192;

/// The appends that wait, and the lanes that take them.
pub(crate) struct Group {
    lanes: u32,
    shared: Arc<Shared>,
}

struct Shared {
    pool: Arc<Pool>,
    sql: Arc<Statements>,
    queue: Mutex<Queue>,
    idle: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Request>,
    /// The streams of the requests that are under way.
    under_way: HashSet<Key>,
    lanes: u32,
    closed: bool,
}

type Key = (Tenant, StreamId);

/// One append that waits for its answer.
struct Request {
    commit: Commit,
    bytes: usize,
    answer: oneshot::Sender<Result<Vec<Appended>>>,
}

impl Request {
    fn append(&self) -> Option<&StreamAppend> {
        self.commit.appends.first()
    }

    fn key(&self) -> Option<Key> {
        Some((self.commit.tenant.clone(), self.append()?.stream_id.clone()))
    }
}

impl Group {
    /// A group with at most so many lanes; none turns it off.
    pub(crate) fn new(lanes: u32, pool: Arc<Pool>, sql: Arc<Statements>) -> Self {
        let queue = Mutex::default();
        Self { lanes, shared: Arc::new(Shared { pool, sql, queue, idle: Notify::new() }) }
    }

    /// Stores a commit, together with others where it can be.
    pub(crate) async fn commit(&self, commit: &Commit) -> Result<Vec<Appended>> {
        let bytes = weight(commit);
        if self.lanes == 0 || !may_travel(commit, bytes) {
            return append::commit(&self.shared.pool, &self.shared.sql, commit).await;
        }
        let (answer, answered) = oneshot::channel();
        self.enqueue(Request { commit: commit.clone(), bytes, answer })?;
        // The runtime ended under the lane: whether it was stored is open.
        answered.await.unwrap_or_else(|_| Err(Error::connection(ONE, LaneEnded)))
    }

    /// Takes no more appends, and waits for those that are queued.
    pub(crate) async fn drain(&self) {
        self.shared.queue().closed = true;
        loop {
            let idle = self.shared.idle.notified();
            if self.shared.queue().lanes == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Queues a request, and opens a lane for it if there is room for one more.
    fn enqueue(&self, request: Request) -> Result<()> {
        let mut queue = self.shared.queue();
        if queue.closed {
            return Err(Error::adapter(ONE, "the store is closed"));
        }
        if queue.waiting.len() >= QUEUE {
            let reason = format!(
                "{QUEUE} appends wait already; the server takes them slower than they come"
            );
            return Err(Error::overloaded(ONE, reason));
        }
        queue.waiting.push_back(request);
        if queue.lanes < self.lanes {
            queue.lanes += 1;
            drop(queue);
            let shared = Arc::clone(&self.shared);
            tokio::spawn(Lane { shared, streams: Vec::new(), counted: true }.run());
        }
        Ok(())
    }
}

/// Whether a commit may share a transaction with others.
fn may_travel(commit: &Commit, bytes: usize) -> bool {
    // What may be stored already is looked up first, alone; several streams stand or fall together, alone.
    let alone = commit.retry || commit.appends.len() != 1;
    let events = commit.appends.iter().map(|append| append.events.len()).sum::<usize>();
    !alone && events <= LARGE_EVENTS && bytes <= LARGE_BYTES
}

fn weight(commit: &Commit) -> usize {
    let events = commit.appends.iter().flat_map(|append| &append.events);
    events.map(|event| event.data.get().len() + event.metadata.as_json().len() + 64).sum()
}

/// A lane at work; it gives its place and its streams back however it ends.
struct Lane {
    shared: Arc<Shared>,
    /// The streams of the batch that is under way.
    streams: Vec<Key>,
    /// Whether it is one of the lanes that are counted.
    counted: bool,
}

impl Lane {
    /// Sends batch after batch until nothing waits that it could take.
    async fn run(mut self) {
        while let Some(batch) = self.take() {
            self.send(batch).await;
        }
    }

    /// The next batch: distinct streams, none of which is under way. A lane without one ends.
    fn take(&mut self) -> Option<Vec<Request>> {
        let mut queue = self.shared.queue();
        for key in self.streams.drain(..) {
            queue.under_way.remove(&key);
        }
        let (mut batch, mut bytes, mut at) = (Vec::new(), 0, 0);
        while at < queue.waiting.len() && batch.len() < BATCH {
            let request = &queue.waiting[at];
            let fits = batch.is_empty() || bytes + request.bytes <= BATCH_BYTES;
            let key = request.key().filter(|key| fits && !queue.under_way.contains(key));
            let Some(key) = key else {
                at += 1;
                continue;
            };
            queue.under_way.insert(key.clone());
            self.streams.push(key);
            if let Some(request) = queue.waiting.remove(at) {
                bytes += request.bytes;
                batch.push(request);
            }
        }
        if batch.is_empty() {
            // What is left waits for streams of lanes that will look again. The place is given back while the queue is
            // looked at: whoever comes next opens a lane of its own.
            queue.lanes -= 1;
            self.counted = false;
            return None;
        }
        Some(batch)
    }

    async fn send(&self, batch: Vec<Request>) {
        let Shared { pool, sql, .. } = &*self.shared;
        let stored = if batch.len() > 1 {
            match together(pool, sql, &batch).await {
                Ok(stored) => stored,
                // Whether they were stored is open, or known not to be, for all of them alike: each caller decides.
                Err(Failure::Store(error)) if error.is_transient() => {
                    return fail_all(batch, &error);
                }
                // One of them is wrong: alone it fails alone.
                Err(_) => vec![None; batch.len()],
            }
        } else {
            vec![None]
        };
        // What is stored is told before anything else is asked.
        let mut others = Vec::new();
        for (request, stored) in batch.into_iter().zip(stored) {
            match stored {
                // A caller that went away does not want it.
                Some(appended) => drop(request.answer.send(Ok(vec![appended]))),
                None => others.push(request),
            }
        }
        for request in others {
            let answer = append::commit(pool, sql, &request.commit).await;
            let _ = request.answer.send(answer);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        for key in self.streams.drain(..) {
            queue.under_way.remove(&key);
        }
        if self.counted {
            // It ended in the middle: a panic, or the end of the runtime. Nobody may be left to take what waits; those
            // callers learn that the outcome is open, and ask again by their ids.
            queue.lanes -= 1;
            if queue.lanes == 0 {
                queue.waiting.clear();
            }
        }
        drop(queue);
        self.shared.idle.notify_waiters();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One statement for all; the answer of each that was stored.
async fn together(
    pool: &Pool,
    sql: &Statements,
    batch: &[Request],
) -> Result<Vec<Option<Appended>>, Failure> {
    let requests: Vec<(&Commit, &StreamAppend)> =
        batch.iter().filter_map(|request| Some((&request.commit, request.append()?))).collect();
    let rows = pool.fetch(ONE, append::group(sql, &requests)).await?;
    let [row] = rows.as_slice() else {
        return Err(Error::adapter(ONE, format!("{} answers to one call", rows.len())).into());
    };
    let cells = Cells::new(row);
    let versions: Vec<Option<i64>> = cells.get("versions")?;
    let positions: Option<Vec<i64>> = cells.get("positions")?;
    if versions.len() != batch.len() {
        let reason = format!("{} answers for {} streams", versions.len(), batch.len());
        return Err(Error::adapter(ONE, reason).into());
    }
    // One position for each event that was stored, request by request.
    let (mut positions, mut stored) = (positions.unwrap_or_default().into_iter(), Vec::new());
    for ((_, append), version) in requests.iter().zip(versions) {
        let Some(version) = version else {
            stored.push(None);
            continue;
        };
        let Some(last) = positions.nth(append.events.len().saturating_sub(1)) else {
            return Err(Error::adapter(ONE, "an answer without its positions").into());
        };
        stored.push(Some(Appended {
            stream_version: StreamVersion::try_from(version).map_err(Error::from)?,
            position: Position::try_from(last).map_err(Error::from)?,
            outcome: Outcome::Stored,
        }));
    }
    Ok(stored)
}

fn fail_all(batch: Vec<Request>, error: &Error) {
    let said = event_core::error::with_causes(error);
    for request in batch {
        let error = match error {
            Error::Overloaded { .. } => Error::overloaded(ONE, said.clone()),
            _ => Error::connection(ONE, GroupFailed(said.clone())),
        };
        let _ = request.answer.send(Err(error));
    }
}

/// The statement that an append travelled in failed.
#[derive(Debug, thiserror::Error)]
#[error("the appends that travelled together: {0}")]
struct GroupFailed(String);

/// The task that carried an append ended before its answer came.
#[derive(Debug, thiserror::Error)]
#[error("the task that carried the append ended before the answer came")]
struct LaneEnded;
