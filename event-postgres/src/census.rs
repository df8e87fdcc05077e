//! Which versions of which event types were ever stored, written down before the first event of each.
//!
//! A process writes each pair down once, in a statement of its own that is done before the append is sent: a crash
//! between the two leaves a pair too many, never one too few. Every other append finds its pairs in memory.

use std::sync::{PoisonError, RwLock};

use event_core::adapter::append::Commit;
use event_core::registry::{SeenVersions, StoredVersion};
use event_core::{EventVersion, Result};
use event_sql::rows;
use tokio::sync::Mutex;

use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{PgQuery, Statements};

/// The pairs that this process knows to be written down.
#[derive(Debug, Default)]
pub(crate) struct Census {
    seen: RwLock<SeenVersions>,
    /// Held while pairs are written down: whoever meets the same ones waits, and finds them.
    writing: Mutex<()>,
}

impl Census {
    /// Writes down what a commit is the first to store.
    pub(crate) async fn record(
        &self,
        pool: &Pool,
        sql: &Statements,
        commit: &Commit,
    ) -> Result<()> {
        if self.unseen(commit).is_empty() {
            return Ok(());
        }
        let _writing = self.writing.lock().await;
        let unseen = self.unseen(commit);
        if unseen.is_empty() {
            return Ok(());
        }
        pool.fetch("record the versions of events", record(sql, &unseen)).await?;
        self.seen.write().unwrap_or_else(PoisonError::into_inner).extend(unseen);
        Ok(())
    }

    fn unseen(&self, commit: &Commit) -> Vec<StoredVersion> {
        let events = commit.appends.iter().flat_map(|append| &append.events);
        let pairs = events.map(|event| (&*event.event_type, event.version));
        self.seen.read().unwrap_or_else(PoisonError::into_inner).unseen(pairs)
    }
}

/// The statement that writes pairs down.
pub(crate) fn record<'q>(sql: &Statements, pairs: &[StoredVersion]) -> PgQuery<'q> {
    let types: Vec<String> = pairs.iter().map(|it| it.event_type.clone().into_owned()).collect();
    let versions: Vec<i32> = pairs.iter().map(|it| column(it.event_version)).collect();
    sql.record_event_versions.query().bind(types).bind(versions)
}

/// Everything that is written down, by whatever process.
pub(crate) async fn stored(pool: &Pool, sql: &Statements) -> Result<Vec<StoredVersion>> {
    let found = pool.fetch("take the census", sql.census.query()).await?;
    found.iter().map(|row| rows::stored_version(&Cells::new(row))).collect()
}

/// A version as a column holds it, which is as large as a version can be.
fn column(version: EventVersion) -> i32 {
    i32::try_from(version.get()).unwrap_or(i32::MAX)
}
