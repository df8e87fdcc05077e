//! [`Folder`]: documents in memory, and the events that are folded into them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::View;
use super::cache::Cache;
use super::keys::shown;
use crate::adapter::{Cause, DocumentKey, LastEvent, NotWritten, StoredDocument};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result};
use crate::projection::effects::{Collected, Effects};
use crate::projection::projector::{At, EventAt, Fault, ProjectionBuild};
use crate::subscription::panicked;

pub(super) const FOLD: &str = "fold a view";

/// Documents in memory, and what was folded into them.
pub(super) struct Folder<V> {
    pub(super) cache: Cache<V>,
    /// What was folded and not written: events, the last one.
    pub(super) pending: (u64, Option<LastEvent>),
    /// Whether it is the build that readers read, by its status.
    pub(super) is_current: bool,
    pub(super) effects: Collected,
}

/// Why an event was not folded, and the document.
pub(super) type Failed = (Option<DocumentKey>, BoxError);

impl<V: View> Folder<V> {
    pub(super) fn new(is_current: bool) -> Self {
        let (pending, effects) = ((0, None), Collected::default());
        Self { cache: Cache::new(), pending, is_current, effects }
    }

    /// The keys of the documents of some events that are not in memory.
    pub(super) fn missing(&self, keyed: &[Vec<DocumentKey>]) -> Vec<DocumentKey> {
        let keys = keyed.iter().flatten();
        let mut missing: Vec<_> = keys.filter(|key| self.cache.lacks(key)).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Takes in documents that were loaded for some events. Beside the error of one that does not read, whose it is.
    pub(super) fn put(
        &mut self,
        keyed: &[Vec<DocumentKey>],
        loaded: Vec<StoredDocument>,
    ) -> Option<(usize, Failed)> {
        for found in loaded {
            if let Err(error) = self.cache.put(found.key.clone(), &found.text) {
                let event = keyed.iter().position(|keys| keys.contains(&found.key));
                let failed = (Some(found.key), Undecodable(error).into());
                return Some((event.unwrap_or_default(), failed));
            }
        }
        None
    }

    /// Folds one event into its documents.
    pub(super) fn fold(
        &mut self,
        event: &V::Event,
        recorded: &RecordedEvent,
        keys: &[DocumentKey],
    ) -> Result<(), Failed> {
        let mut effects = Effects::new(self.is_current);
        for key in keys {
            let document = self.cache.document(key);
            let folded = catch_unwind(AssertUnwindSafe(|| {
                document.check(event, recorded)?;
                document.fold(event, recorded);
                document.effects(event, recorded, &mut effects);
                Ok::<_, BoxError>(document.is_deleted())
            }));
            let folded = folded.map_err(|panic| panicked("the fold", &*panic));
            match folded.and_then(|checked| checked) {
                Ok(true) => self.cache.remove(key),
                Ok(false) => self.cache.sample(key),
                Err(error) => return Err((Some(key.clone()), error)),
            }
        }
        self.effects.take_in(recorded.position(), effects);
        self.pending.0 += 1;
        self.pending.1 = Some(LastEvent::of(recorded));
        Ok(())
    }
}

/// The error of an event that was not folded.
pub(super) fn fault(build: &ProjectionBuild, recorded: &RecordedEvent, failed: Failed) -> Error {
    let (key, error) = failed;
    let error = Error::adapter(FOLD, OfKey { key: key.map(|key| shown(&key.key)), error });
    let failed = NotWritten::new(error, Cause::Projection, None);
    Fault::error(build, At::Event(EventAt::of(recorded)), failed)
}

/// The checked keys of the documents of some events, up to the first event whose keys are refused.
pub(super) fn keys_of_all<V: View>(
    events: &[(V::Event, RecordedEvent)],
) -> (Vec<Vec<DocumentKey>>, Option<(usize, Failed)>) {
    let mut keyed = Vec::with_capacity(events.len());
    for (at, (event, recorded)) in events.iter().enumerate() {
        match keys_of::<V>(event, recorded) {
            Ok(keys) => keyed.push(keys),
            Err(error) => return (keyed, Some((at, (None, error)))),
        }
    }
    (keyed, None)
}

/// The checked keys of an event's documents.
fn keys_of<V: View>(
    event: &V::Event,
    recorded: &RecordedEvent,
) -> Result<Vec<DocumentKey>, BoxError> {
    let keys = catch_unwind(AssertUnwindSafe(|| V::keys(event, recorded)));
    let keys = keys.map_err(|panic| panicked("`keys`", &*panic))?.checked()?;
    let tenant = recorded.tenant();
    Ok(keys.into_iter().map(|key| DocumentKey { tenant: tenant.clone(), key }).collect())
}

/// What failed at a document.
#[derive(Debug)]
struct OfKey {
    key: Option<String>,
    error: BoxError,
}

impl fmt::Display for OfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "the document with the key {key}: {}", self.error),
            None => write!(f, "{}", self.error),
        }
    }
}

impl std::error::Error for OfKey {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// A stored document that the program does not read.
#[derive(Debug, thiserror::Error)]
#[error(
    "what is stored does not read as this program's document ({0}); raise `VERSION` and rebuild the view"
)]
pub(super) struct Undecodable(pub(super) serde_json::Error);
