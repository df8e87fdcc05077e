//! [`StoredVersion`]: one (event type, event version) that a store holds or held; [`SeenVersions`]: those that an
//! adapter has recorded.
//!
//! An adapter records each pair before, or together with, the first event that has it, once per process. The recorded
//! list is therefore complete, but may contain pairs without events: after a rejected append, or when the last event
//! with the pair was deleted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::value::EventVersion;

/// One version of one event type, as stored events have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredVersion {
    /// The stored type string; it may be an alias of a type.
    pub event_type: Cow<'static, str>,
    /// The stored schema version.
    pub event_version: EventVersion,
}

/// A cache of the versions that are recorded in the store already.
///
/// ```
/// use event_core::EventVersion;
/// use event_core::registry::SeenVersions;
///
/// let mut seen = SeenVersions::default();
/// let batch = [("noted", EventVersion::FIRST), ("noted", EventVersion::FIRST)];
/// let unseen = seen.unseen(batch);
/// assert_eq!(unseen.len(), 1);
/// seen.extend(unseen);
/// assert!(seen.unseen(batch).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct SeenVersions(BTreeMap<Cow<'static, str>, Vec<EventVersion>>);

impl SeenVersions {
    /// Returns the versions of a batch that are not in the cache, without duplicates. They are sorted, so that
    /// concurrent appends record them in the same order.
    pub fn unseen<'a>(
        &self,
        batch: impl IntoIterator<Item = (&'a str, EventVersion)>,
    ) -> Vec<StoredVersion> {
        let (mut unseen, mut last) = (Vec::new(), None);
        for pair in batch {
            // Consecutive events often have the same version: skip the lookup.
            if last.replace(pair) == Some(pair) || self.contains(pair) {
                continue;
            }
            let (event_type, event_version) = pair;
            unseen.push(StoredVersion { event_type: event_type.to_owned().into(), event_version });
        }
        unseen.sort_unstable();
        unseen.dedup();
        unseen
    }

    /// Iterates over all versions, sorted.
    pub fn iter(&self) -> impl Iterator<Item = StoredVersion> {
        self.0.iter().flat_map(|(event_type, versions)| {
            versions.iter().map(|event_version| StoredVersion {
                event_type: event_type.clone(),
                event_version: *event_version,
            })
        })
    }

    fn contains(&self, (event_type, version): (&str, EventVersion)) -> bool {
        self.0.get(event_type).is_some_and(|versions| versions.contains(&version))
    }
}

impl Extend<StoredVersion> for SeenVersions {
    fn extend<I: IntoIterator<Item = StoredVersion>>(&mut self, versions: I) {
        for StoredVersion { event_type, event_version } in versions {
            let known = self.0.entry(event_type).or_default();
            if let Err(index) = known.binary_search(&event_version) {
                known.insert(index, event_version);
            }
        }
    }
}
