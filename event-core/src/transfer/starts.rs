//! [`Starts`]: notices streams that are truncated while they are read, so that what is read of each stream fits together.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::adapter::import::{ImportBatch, Positions};
use crate::adapter::{StreamInfo, StreamState};
use crate::envelope::RecordedEvent;
use crate::value::{StreamId, StreamVersion, Tenant};

/// The last version that was read of each stream, by the hash of its name: two numbers a stream.
#[derive(Debug, Default)]
pub(super) struct Starts {
    hasher: RandomState,
    ends: HashMap<u64, u64>,
}

impl Starts {
    /// A stream was listed: its events begin there.
    pub(super) fn listed(&mut self, info: &StreamInfo) {
        let before = info.first_version.get().saturating_sub(1);
        if before > 0 {
            self.ends.insert(self.key(&info.tenant, &info.stream_id), before);
        }
    }

    /// The events of a page as batches. Before an event that does not follow the last one of its stream, the stream is
    /// repeated, as one that begins with this event: those between were truncated since.
    pub(super) fn batches(
        &mut self,
        positions: Positions,
        events: Vec<RecordedEvent>,
    ) -> Vec<ImportBatch> {
        let (mut batches, mut whole) = (Vec::new(), Vec::with_capacity(events.len()));
        for event in events {
            let version = event.stream_version().get();
            let key = self.key(event.tenant(), event.stream_id());
            let end = self.ends.insert(key, version).unwrap_or_default();
            if version > end.saturating_add(1) {
                if !whole.is_empty() {
                    let events = std::mem::take(&mut whole);
                    batches.push(ImportBatch::Events { positions, events });
                }
                batches.push(ImportBatch::Streams(vec![StreamInfo {
                    tenant: event.tenant().clone(),
                    stream_id: event.stream_id().clone(),
                    version: event.stream_version(),
                    first_version: event.stream_version(),
                    state: StreamState::Active,
                    created_at: event.recorded_at(),
                    holds_links: false,
                }]));
            }
            whole.push(event);
        }
        if !whole.is_empty() {
            batches.push(ImportBatch::Events { positions, events: whole });
        }
        batches
    }

    /// A stream as it is listed after all events were read, if it was truncated beyond the last of them since.
    pub(super) fn truncated(&self, info: &StreamInfo) -> Option<StreamInfo> {
        let end = self.ends.get(&self.key(&info.tenant, &info.stream_id)).copied();
        let is_beyond = info.first_version.get() > end.unwrap_or_default().saturating_add(1);
        let is_live = !info.holds_links && !info.state.is_deleted();
        (is_live && is_beyond).then(|| StreamInfo {
            version: StreamVersion::new(info.first_version.get() - 1),
            state: StreamState::Active,
            ..info.clone()
        })
    }

    fn key(&self, tenant: &Tenant, stream_id: &StreamId) -> u64 {
        self.hasher.hash_one((tenant.as_str(), stream_id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn stream(first: u64, version: u64, state: StreamState) -> StreamInfo {
        StreamInfo {
            tenant: Tenant::default(),
            stream_id: StreamId::new("note-1").unwrap(),
            version: StreamVersion::new(version),
            first_version: StreamVersion::new(first),
            state,
            created_at: DateTime::UNIX_EPOCH,
            holds_links: false,
        }
    }

    #[test]
    fn a_stream_that_was_truncated_since_begins_where_its_events_do() {
        let mut starts = Starts::default();
        starts.listed(&stream(4, 9, StreamState::Active));
        // As it was, and with what follows the last event that was read.
        assert_eq!(starts.truncated(&stream(4, 9, StreamState::Active)), None);
        // Events 4 and 5 are gone. What the target gets takes the events from 6 on, whatever its state will be.
        for state in [StreamState::Active, StreamState::Archived] {
            let expected = Some(stream(6, 5, StreamState::Active));
            assert_eq!(starts.truncated(&stream(6, 9, state)), expected);
        }
        for state in [StreamState::SoftDeleted, StreamState::HardDeleted] {
            assert_eq!(starts.truncated(&stream(6, 9, state)), None);
        }
        let links = StreamInfo { holds_links: true, ..stream(6, 9, StreamState::Active) };
        assert_eq!(starts.truncated(&links), None);
    }

    #[test]
    fn a_stream_that_was_not_listed_begins_with_its_first_event() {
        let starts = Starts::default();
        assert_eq!(starts.truncated(&stream(1, 3, StreamState::Active)), None);
        let expected = Some(stream(2, 1, StreamState::Active));
        assert_eq!(starts.truncated(&stream(2, 3, StreamState::Archived)), expected);
    }
}
