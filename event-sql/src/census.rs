//! [`Census`]: the versions of event types that this process knows to be recorded.
//!
//! A store records each pair of event type and version before its first event. Most appends find their pairs in memory. What
//! is in memory is of one log: when that is replaced, everything is forgotten, what is just being recorded included.

use std::sync::{PoisonError, RwLock};

use event_core::adapter::append::Commit;
use event_core::registry::{SeenVersions, StoredVersion};
use event_core::{EventVersion, Result};
use tokio::sync::Mutex;

/// The pairs that this process knows to be recorded.
#[derive(Debug, Default)]
pub struct Census {
    seen: RwLock<Seen>,
    /// Held while pairs are recorded: a writer that meets the same pairs waits, and finds them.
    recording: Mutex<()>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Of how many logs before this one everything was forgotten.
    log: u64,
    versions: SeenVersions,
}

/// Pairs that may not be recorded yet, in the log of when they were looked up.
#[derive(Debug)]
pub struct Unseen {
    /// The pairs.
    pub pairs: Vec<StoredVersion>,
    log: u64,
}

impl Census {
    /// Those pairs that may not be recorded yet.
    pub fn unseen<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, EventVersion)>) -> Unseen {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        Unseen { pairs: seen.versions.unseen(pairs), log: seen.log }
    }

    /// The pairs of a commit that may not be recorded yet.
    pub fn unseen_of(&self, commit: &Commit) -> Unseen {
        self.unseen(pairs(commit))
    }

    /// Forgets everything: the store may be another one, or the same one at an earlier time.
    pub fn clear(&self) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen { log: seen.log + 1, versions: SeenVersions::default() };
    }

    /// Notes that pairs are recorded, once their transaction is committed.
    pub fn recorded(&self, recorded: Unseen) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.log == recorded.log {
            seen.versions.extend(recorded.pairs);
        }
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
        if self.unseen_of(commit).pairs.is_empty() {
            return Ok(());
        }
        let _recording = self.recording.lock().await;
        let unseen = self.unseen_of(commit);
        if !unseen.pairs.is_empty() {
            record(&unseen.pairs).await?;
            self.recorded(unseen);
        }
        Ok(())
    }
}

fn pairs(commit: &Commit) -> impl Iterator<Item = (&str, EventVersion)> {
    let events = commit.appends.iter().flat_map(|append| &append.events);
    events.map(|event| (&*event.event_type, event.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_while_the_log_is_replaced_is_not_known_of_the_new_one() {
        let census = Census::default();
        let noted = || census.unseen([("noted", EventVersion::FIRST)]);
        let in_flight = noted();
        census.clear();
        census.recorded(in_flight);
        assert_eq!(noted().pairs.len(), 1);
        census.recorded(noted());
        assert!(noted().pairs.is_empty());
    }
}
