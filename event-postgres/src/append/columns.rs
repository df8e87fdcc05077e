//! Streams and events of an append, turned from rows to columns.

use event_core::adapter::append::StreamAppend;
use event_core::envelope::EventData;
use event_sql::rows::to_i32;
use uuid::Uuid;

use crate::expected::expected_number;
use crate::sql::PgQuery;

/// The streams of several appends.
#[derive(Default)]
pub(super) struct StreamColumns<'a> {
    pub(super) streams: Vec<&'a str>,
    pub(super) categories: Vec<&'a str>,
    pub(super) expected: Vec<i64>,
    pub(super) sizes: Vec<i32>,
    /// For each event the number of its stream, from 1.
    pub(super) of_events: Vec<i32>,
}

impl<'a> StreamColumns<'a> {
    pub(super) fn of(appends: impl Iterator<Item = &'a StreamAppend>) -> Self {
        let mut columns = Self::default();
        for (number, append) in (1..).zip(appends) {
            columns.streams.push(append.stream_id.as_str());
            columns.categories.push(append.stream_id.category());
            columns.expected.push(expected_number(append.expected));
            columns.sizes.push(i32::try_from(append.events.len()).unwrap_or(i32::MAX));
            columns.of_events.extend(append.events.iter().map(|_| number));
        }
        columns
    }
}

/// The events.
#[derive(Default)]
pub(super) struct EventColumns<'a> {
    ids: Vec<Uuid>,
    types: Vec<&'a str>,
    versions: Vec<i32>,
    data: Vec<&'a str>,
    metadata: Vec<&'a str>,
}

impl<'a> EventColumns<'a> {
    pub(super) fn of(events: impl Iterator<Item = &'a EventData>) -> Self {
        let mut columns = Self::default();
        for event in events {
            columns.ids.push(event.id.as_uuid());
            columns.types.push(&event.event_type);
            columns.versions.push(to_i32(event.version.get()));
            columns.data.push(event.data.get());
            columns.metadata.push(event.metadata.as_json());
        }
        columns
    }

    pub(super) fn bind_to(self, query: PgQuery<'_>) -> PgQuery<'_> {
        query
            .bind(self.ids)
            .bind(self.types)
            .bind(self.versions)
            .bind(self.data)
            .bind(self.metadata)
    }
}
