//! The writer: appends of one program that wait at the same time are stored together, by the queue that both SQL
//! backends share.
//!
//! SQLite has one write lock, so there is one lane, on the store's thread. A batch may hold several appends to a stream, each judged on what
//! the ones before it leave.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::append::Commit;
use event_sql::queue::{Answer, BatchStore, Limits, Queue, Reply, Streams, weight};

use crate::append;
use crate::error::Failure;
use crate::store::Store;

/// The appends that wait, and the lane that stores them.
pub(crate) struct Writer {
    queue: Queue<Appender>,
}

/// What stores the commits of the queue.
struct Appender(Arc<Store>);

impl Writer {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        let limits = Limits {
            lanes: 1,
            batch: 512,
            batch_bytes: 4 << 20,
            waiting: 8_192,
            streams: Streams::Shared,
            waiters: 1,
            patience: Duration::MAX,
            bottleneck: "the disk",
        };
        let runtime = store.thread.runtime().clone();
        Self { queue: Queue::on(runtime, Appender(store), limits) }
    }

    /// Stores a commit, together with others that wait.
    pub(crate) async fn commit(&self, commit: &Commit) -> Answer {
        if commit.appends.is_empty() {
            return Ok(Vec::new());
        }
        self.queue.commit(commit, weight(commit)).await
    }

    /// Takes no more appends, and waits for those that are queued.
    pub(crate) async fn drain(&self) {
        self.queue.drain().await;
    }
}

impl BatchStore for Appender {
    async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Reply>, Failure> {
        let answers = append::batch(&self.0, commits).await?;
        Ok(answers.into_iter().map(|answer| answer.map_or(Reply::Alone, Reply::Done)).collect())
    }

    async fn store_one(&self, commit: &Commit, _: Duration) -> Option<Answer> {
        Some(append::commit(&self.0, commit).await)
    }
}
