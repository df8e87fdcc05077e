//! The writer: appends of one process that wait at the same time are stored together, by the queue that both SQL
//! backends share.
//!
//! Two appends to one stream are never in flight together, so each is judged on what the one before left.

use std::sync::Arc;

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::{Appended, Error, Outcome, Position, Result, StreamVersion};
use event_sql::queue::{APPEND, Answer, BatchStore, Limits, Queue, Streams, weight};

use crate::append;
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
            detached: store.pool.size() / 2,
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
            self.queue.store().store_one(commit).await
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
    async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Option<Answer>>, Failure> {
        let requests: Vec<(&Commit, &StreamAppend)> =
            commits.iter().filter_map(|commit| Some((*commit, commit.appends.first()?))).collect();
        let query = |started| append::batch(&self.0.sql, &requests, started);
        let rows = on_sound(&self.0, APPEND, query).await?;
        let [row] = rows.as_slice() else {
            return Err(
                Error::adapter(APPEND, format!("{} answers to one call", rows.len())).into()
            );
        };
        Ok(answers(&requests, &Cells::new(row))?)
    }

    async fn store_one(&self, commit: &Commit) -> Answer {
        append::commit(&self.0, commit).await
    }
}

/// The answer to each request that was stored.
fn answers(
    requests: &[(&Commit, &StreamAppend)],
    cells: &Cells<'_>,
) -> Result<Vec<Option<Answer>>> {
    let versions: Vec<Option<i64>> = cells.get("versions")?;
    let positions: Option<Vec<i64>> = cells.get("positions")?;
    if versions.len() != requests.len() {
        let reason = format!("{} answers for {} streams", versions.len(), requests.len());
        return Err(Error::adapter(APPEND, reason));
    }
    // One position for each event that was stored, request by request.
    let mut positions = positions.unwrap_or_default().into_iter();
    let answers = requests.iter().zip(versions).map(|((_, append), version)| {
        let Some(version) = version else { return Ok(None) };
        let Some(last) = positions.nth(append.events.len().saturating_sub(1)) else {
            return Err(Error::adapter(APPEND, "an answer without its positions"));
        };
        let appended = Appended {
            stream_version: StreamVersion::try_from(version)?,
            position: Position::try_from(last)?,
            outcome: Outcome::Stored,
        };
        Ok(Some(Ok(vec![appended])))
    });
    answers.collect()
}
