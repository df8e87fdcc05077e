//! The writer: appends of one process that wait at the same time are stored together, by the queue that both SQL
//! backends share.
//!
//! Appends to one stream are never in flight apart from each other, so each is judged on what the one before left.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::{Appended, Error, Outcome, Position, Result, StreamVersion};
use event_sql::queue::{APPEND, Answer, BatchStore, Limits, Queue, Reply, Streams, weight};

use crate::append::{self, Refused};
use crate::error::Failure;
use crate::row::Cells;
use crate::sequences::on_sound;
use crate::store::Store;

/// An append of more events, or bytes, is stored alone: it would delay the others, and has little to gain.
const LARGE_EVENTS: usize = 64;
const LARGE_BYTES: usize = 256 << 10;

/// The appends that wait, and the lanes that store them.
pub(crate) struct Writer {
    /// Whether appends may share a transaction.
    shares: bool,
    queue: Queue<Appender>,
}

/// What stores the commits of the queue.
struct Appender(Arc<Store>);

impl Writer {
    /// A writer with at most so many lanes; with none, every append is stored alone.
    pub(crate) fn new(store: Arc<Store>, lanes: u32) -> Self {
        let limits = Limits {
            lanes,
            batch: 512,
            batch_bytes: 1 << 20,
            waiting: 8_192,
            streams: Streams::Distinct,
            waiters: store.waits.count(),
            patience: store.waits.patience(),
            bottleneck: "the server",
        };
        Self { shares: lanes > 0, queue: Queue::new(Appender(store), limits) }
    }

    /// Stores a commit, together with others where that is possible.
    pub(crate) async fn commit(&self, commit: &Commit) -> Answer {
        let bytes = weight(commit);
        if self.shares && may_share(commit, bytes) {
            self.queue.commit(commit, bytes).await
        } else {
            append::commit(&self.queue.store().0, commit).await
        }
    }

    /// Takes no more appends, and waits for those that are queued.
    pub(crate) async fn drain(&self) {
        self.queue.drain().await;
    }
}

/// Whether a commit may share a transaction with others.
fn may_share(commit: &Commit, bytes: usize) -> bool {
    // The ids of a retry are looked up first; several streams are stored all together or not at all.
    let alone = commit.retry || commit.appends.len() != 1;
    let events = commit.appends.iter().map(|append| append.events.len()).sum::<usize>();
    !alone && (1..=LARGE_EVENTS).contains(&events) && bytes <= LARGE_BYTES
}

impl BatchStore for Appender {
    async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Reply>, Failure> {
        // The call fails as a whole if it has an id twice: the later request is asked alone.
        let mut ids = HashSet::new();
        let (mut requests, mut sent) = (Vec::new(), Vec::new());
        for commit in commits {
            let append = commit.appends.first().filter(|append| {
                let is_new = append.events.iter().all(|event| !ids.contains(&event.id));
                ids.extend(append.events.iter().map(|event| event.id));
                is_new
            });
            sent.push(append.is_some());
            requests.extend(append.map(|append| (*commit, append)));
        }
        let query = |started| append::batch(&self.0.sql, &requests, started);
        let rows = on_sound(&self.0, APPEND, commits, query).await?;
        let [row] = rows.as_slice() else {
            return Err(
                Error::adapter(APPEND, format!("{} answers to one call", rows.len())).into()
            );
        };
        let mut replies = replies(&requests, &Cells::new(row))?.into_iter();
        let of = |sent| if sent { replies.next().unwrap_or(Reply::Alone) } else { Reply::Alone };
        Ok(sent.into_iter().map(of).collect())
    }

    async fn store_one(&self, commit: &Commit, wait: Duration) -> Option<Answer> {
        append::commit_within(&self.0, commit, wait).await.transpose()
    }

    async fn wait_for(&self, commit: &Commit, wait: Duration) -> Option<Answer> {
        append::take_turn(&self.0, commit, wait).await.transpose()
    }
}

/// What became of each request.
fn replies(requests: &[(&Commit, &StreamAppend)], cells: &Cells<'_>) -> Result<Vec<Reply>> {
    let versions: Vec<Option<i64>> = cells.get("versions")?;
    let positions: Option<Vec<i64>> = cells.get("positions")?;
    if versions.len() != requests.len() {
        let reason = format!("{} answers for {} streams", versions.len(), requests.len());
        return Err(Error::adapter(APPEND, reason));
    }
    let refused: Option<Vec<Option<String>>> = cells.get("refused")?;
    let states: Option<Vec<Option<String>>> = cells.get("states")?;
    let lives: Option<Vec<Option<i64>>> = cells.get("lives")?;
    let mut refused = refused.unwrap_or_default().into_iter();
    let mut states = states.unwrap_or_default().into_iter();
    let mut lives = lives.unwrap_or_default().into_iter();
    // One position for each event that was stored, request by request.
    let mut positions = positions.unwrap_or_default().into_iter();
    let answers = requests.iter().zip(versions).map(|((commit, append), version)| {
        let (state, live) = (states.next().flatten(), lives.next().flatten());
        if let Some(status) = refused.next().flatten() {
            let refused = Refused { status, version, state, live };
            return Ok(Reply::Done(Err(refused.error(commit, append)?)));
        }
        let version = match version {
            None => return Ok(Reply::Alone),
            Some(..0) => return Ok(Reply::Locked),
            Some(version) => version,
        };
        let Some(last) = positions.nth(append.events.len().saturating_sub(1)) else {
            return Err(Error::adapter(APPEND, "an answer without its positions"));
        };
        let appended = Appended {
            stream_version: StreamVersion::try_from(version)?,
            position: Position::try_from(last)?,
            outcome: Outcome::Stored,
        };
        Ok(Reply::Done(Ok(vec![appended])))
    });
    answers.collect()
}
