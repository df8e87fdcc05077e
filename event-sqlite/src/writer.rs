//! The writer: appends of one program that wait at the same time share one transaction and one wait for the disk, by the
//! queue that both SQL backends share.
//!
//! SQLite has one write lock, so there is one lane. A batch may hold several appends to a stream, each judged on what the
//! ones before it leave.

use std::sync::Arc;

use event_core::Error;
use event_core::adapter::append::Commit;
use event_sql::queue::{APPEND, Answer, BatchStore, Limits, Queue, Streams, weight};

use crate::append;
use crate::census::Census;
use crate::error::Failure;
use crate::inline::Registered;
use crate::pool::Pool;

/// The appends that wait, and the lane that stores them.
pub(crate) struct Writer {
    queue: Queue<Appender>,
}

/// What stores the commits of the queue.
struct Appender {
    pool: Arc<Pool>,
    census: Census,
}

impl Writer {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        let limits = Limits {
            lanes: 1,
            batch: 512,
            batch_bytes: 4 << 20,
            waiting: 8_192,
            streams: Streams::Shared,
            bottleneck: "the disk",
        };
        Self { queue: Queue::new(Appender { pool, census: Census::default() }, limits) }
    }

    /// Stores a commit, together with others that wait.
    pub(crate) async fn commit(&self, commit: &Commit) -> Answer {
        if commit.appends.is_empty() {
            return Ok(Vec::new());
        }
        self.queue.commit(commit, weight(commit)).await
    }

    /// Stores a commit alone, in the caller's own time, with the read models that want it.
    pub(crate) async fn commit_inline(
        &self,
        inline: &[&Arc<dyn Registered>],
        commit: &Commit,
    ) -> Answer {
        let Appender { pool, census } = self.queue.store();
        append::store_inline(pool, census, inline, commit).await
    }

    /// Takes no more commits, and waits for those that are queued.
    pub(crate) async fn drain(&self) {
        self.queue.drain().await;
    }
}

impl BatchStore for Appender {
    async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Option<Answer>>, Failure> {
        append::store(&self.pool, &self.census, commits).await
    }

    async fn store_one(&self, commit: &Commit) -> Answer {
        let answers = append::store(&self.pool, &self.census, &[commit]).await?;
        answers
            .into_iter()
            .next()
            .flatten()
            .unwrap_or_else(|| Err(Error::adapter(APPEND, "the commit repeats an event id")))
    }
}
