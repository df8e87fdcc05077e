//! [`Sightings`]: records the events that consumers handled, and compares them with the log: no event missed, none out of
//! order, and how many duplicates.

use std::collections::{BTreeMap, HashSet};

use event_core::{Position, RecordedEvent, StreamId, StreamVersion, Tenant};

/// The positions of the events that consumers handled, in the order of handling.
#[derive(Debug, Clone, Default)]
pub struct Sightings(Vec<Position>);

/// The result of a comparison with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The number of events in the log.
    pub events: usize,
    /// The number of sightings beyond the first one of each event.
    pub duplicates: usize,
}

impl Sightings {
    /// Creates an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that an event was handled.
    pub fn saw(&mut self, position: Position) {
        self.0.push(position);
    }

    /// The number of sightings.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no event was handled.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of different events that were handled.
    pub fn distinct(&self) -> usize {
        self.0.iter().collect::<HashSet<_>>().len()
    }

    /// Compares the sightings with the log: every event of the log was handled, and no other; within a stream, each event
    /// was first handled after every earlier one.
    ///
    /// # Panics
    /// Panics at the first difference, with the event.
    pub fn check(&self, log: &[RecordedEvent]) -> Tally {
        let by_position: BTreeMap<Position, &RecordedEvent> =
            log.iter().map(|event| (event.position(), event)).collect();
        let mut first = HashSet::new();
        let mut last: BTreeMap<(&Tenant, &StreamId), StreamVersion> = BTreeMap::new();
        for position in &self.0 {
            let Some(event) = by_position.get(position) else {
                panic!("position {position} was seen, and is not in the log");
            };
            if !first.insert(*position) {
                continue;
            }
            let stream = (event.tenant(), event.stream_id());
            let version = event.stream_version();
            if let Some(before) = last.insert(stream, version) {
                assert!(before < version, "{} was first seen after {before}", event.location());
            }
        }
        let missed: Vec<_> =
            log.iter().filter(|event| !first.contains(&event.position())).collect();
        let locations: Vec<String> =
            missed.iter().take(5).map(|e| e.location().to_string()).collect();
        assert!(missed.is_empty(), "{} events were missed, among them {locations:?}", missed.len());
        Tally { events: log.len(), duplicates: self.0.len() - first.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Noted;
    use event_core::ExpectedVersion::Any;
    use event_core::{AllOptions, EventStore};

    async fn log() -> Vec<RecordedEvent> {
        let store = EventStore::in_memory().unwrap();
        for stream in ["a", "b", "a"] {
            let stream = StreamId::new(stream).unwrap();
            store.append(&stream, Any, Noted::many(1)).await.unwrap();
        }
        store.read_all(AllOptions::new()).await.unwrap()
    }

    fn seen(positions: &[u64]) -> Sightings {
        Sightings(positions.iter().copied().map(Position::new).collect())
    }

    #[tokio::test]
    async fn sightings_that_agree_with_the_log_are_counted() {
        let tally = seen(&[2, 1, 1, 3, 2]).check(&log().await);
        assert_eq!(tally, Tally { events: 3, duplicates: 2 });
    }

    #[tokio::test]
    #[should_panic(expected = "1 events were missed, among them [\"version 1 of stream \\\"b\\\"")]
    async fn a_missed_event_is_reported() {
        seen(&[1, 3]).check(&log().await);
    }

    #[tokio::test]
    #[should_panic(expected = "version 1 of stream \"a\", position 1 was first seen after 2")]
    async fn an_event_out_of_its_streams_order_is_reported() {
        seen(&[2, 3, 1]).check(&log().await);
    }
}
