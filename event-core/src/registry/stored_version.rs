//! [`StoredVersion`]: one (event type, event version) that a store holds, or held; and which of them an adapter has
//! written down.
//!
//! An adapter writes each pair down before, or with, the first event that has it, once per process ([`SeenVersions`]),
//! so that the list is never short of one. It may be long of one: an append that was refused, or the last event of its
//! kind that was removed, leaves its pair.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::value::EventVersion;

/// One version of one event type, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredVersion {
    /// The stored type string; it may be a former name of a type.
    pub event_type: Cow<'static, str>,
    /// The stored schema version.
    pub event_version: EventVersion,
}

/// The versions that an adapter knows to be written down.
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
    /// Those of a batch that are not known, each once, sorted: two batches are written down in one order.
    pub fn unseen<'a>(
        &self,
        batch: impl IntoIterator<Item = (&'a str, EventVersion)>,
    ) -> Vec<StoredVersion> {
        let (mut unseen, mut last) = (Vec::new(), None);
        for pair in batch {
            // Neighbours are mostly alike.
            if last.replace(pair) == Some(pair) || self.has(pair) {
                continue;
            }
            let (event_type, event_version) = pair;
            unseen.push(StoredVersion { event_type: event_type.to_owned().into(), event_version });
        }
        unseen.sort_unstable();
        unseen.dedup();
        unseen
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = StoredVersion> {
        self.0.iter().flat_map(|(event_type, versions)| {
            versions.iter().map(|event_version| StoredVersion {
                event_type: event_type.clone(),
                event_version: *event_version,
            })
        })
    }

    fn has(&self, (event_type, version): (&str, EventVersion)) -> bool {
        self.0.get(event_type).is_some_and(|versions| versions.contains(&version))
    }
}

impl Extend<StoredVersion> for SeenVersions {
    fn extend<I: IntoIterator<Item = StoredVersion>>(&mut self, versions: I) {
        for StoredVersion { event_type, event_version } in versions {
            let known = self.0.entry(event_type).or_default();
            if let Err(place) = known.binary_search(&event_version) {
                known.insert(place, event_version);
            }
        }
    }
}
