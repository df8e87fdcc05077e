//! [`Census`]: the versions of event types that this process knows to be recorded.
//!
//! A store records each pair of event type and version before its first event. Most appends find their pairs in memory.

use std::sync::{PoisonError, RwLock};

use event_core::adapter::append::Commit;
use event_core::registry::{SeenVersions, StoredVersion};
use event_core::{EventVersion, Result};
use tokio::sync::Mutex;

/// The pairs that this process knows to be recorded.
#[derive(Debug, Default)]
pub struct Census {
    seen: RwLock<SeenVersions>,
    /// Held while pairs are recorded: a writer that meets the same pairs waits, and finds them.
    recording: Mutex<()>,
}

impl Census {
    /// Those pairs that may not be recorded yet.
    pub fn unseen<'a>(
        &self,
        pairs: impl IntoIterator<Item = (&'a str, EventVersion)>,
    ) -> Vec<StoredVersion> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).unseen(pairs)
    }

    /// Forgets everything: the store may be another one, or the same one at an earlier time.
    pub fn clear(&self) {
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = SeenVersions::default();
    }

    /// Notes that pairs are recorded, once their transaction is committed.
    pub fn recorded(&self, pairs: Vec<StoredVersion>) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).extend(pairs);
    }

    /// Has a commit's unseen pairs recorded, if there are any, in a transaction of their own.
    ///
    /// # Errors
    /// Those of `record`.
    pub async fn record(
        &self,
        commit: &Commit,
        record: impl AsyncFnOnce(&[StoredVersion]) -> Result<()>,
    ) -> Result<()> {
        if self.unseen(pairs(commit)).is_empty() {
            return Ok(());
        }
        let _recording = self.recording.lock().await;
        let unseen = self.unseen(pairs(commit));
        if !unseen.is_empty() {
            record(&unseen).await?;
            self.recorded(unseen);
        }
        Ok(())
    }
}

fn pairs(commit: &Commit) -> impl Iterator<Item = (&str, EventVersion)> {
    let events = commit.appends.iter().flat_map(|append| &append.events);
    events.map(|event| (&*event.event_type, event.version))
}
