//! Which versions of which event types were ever stored, written down in the transaction of the first event of each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use event_core::registry::{SeenVersions, StoredVersion};
use event_core::{EventVersion, Result};
use event_sql::rows;

use crate::append::json;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery};

/// The pairs that this process knows to be written down.
#[derive(Debug, Default)]
pub(crate) struct Census(Mutex<SeenVersions>);

impl Census {
    /// Those of a batch that may not be written down yet.
    pub(crate) fn unseen<'a>(
        &self,
        batch: impl IntoIterator<Item = (&'a str, EventVersion)>,
    ) -> Vec<StoredVersion> {
        self.seen().unseen(batch)
    }

    /// They are, now that their transaction is committed.
    pub(crate) fn written(&self, pairs: Vec<StoredVersion>) {
        self.seen().extend(pairs);
    }

    fn seen(&self) -> MutexGuard<'_, SeenVersions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The statement that writes pairs down.
pub(crate) fn record(pairs: &[StoredVersion]) -> Result<SqliteQuery> {
    let pairs: Vec<_> =
        pairs.iter().map(|pair| (&*pair.event_type, pair.event_version.get())).collect();
    Ok(sql::RECORD_EVENT_VERSIONS.query().bind(json(&pairs)?))
}

/// Everything that is written down, by whatever process.
pub(crate) async fn stored(pool: &Pool) -> Result<Vec<StoredVersion>> {
    let found = pool.fetch("take the census", sql::CENSUS.query()).await?;
    found.iter().map(|row| rows::stored_version(&Cells::new(row))).collect()
}
