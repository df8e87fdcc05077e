//! What lists and pages show: [`EventRow`], an event without its payload, and [`EventPage`], all of one event.

use chrono::{DateTime, SecondsFormat, Utc};
use event_core::{EventId, EventVersion, Position, RecordedEvent, StreamId, StreamVersion, Tenant};

use super::compare::Comparison;
use super::pretty::Pretty;

/// An event in a list. The payload is left out, so that a list of large events stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventRow {
    pub(super) tenant: Tenant,
    pub(super) stream: StreamId,
    pub(super) version: StreamVersion,
    /// The event's own stream and version, if it was read through a link.
    pub(super) origin: Option<(StreamId, StreamVersion)>,
    pub(super) position: Position,
    pub(super) id: EventId,
    pub(super) event_type: String,
    pub(super) event_version: EventVersion,
    pub(super) at: DateTime<Utc>,
    pub(super) size: usize,
    pub(super) is_damaged: bool,
}

impl From<&RecordedEvent> for EventRow {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            tenant: event.tenant().clone(),
            stream: event.stream_id().clone(),
            version: event.stream_version(),
            origin: event.origin().map(|(stream, version)| (stream.clone(), version)),
            position: event.position(),
            id: event.event_id(),
            event_type: event.event_type().to_owned(),
            event_version: event.event_version(),
            at: event.recorded_at(),
            size: event.size(),
            is_damaged: event.damage().is_some(),
        }
    }
}

impl EventRow {
    /// The type with the version: `order_placed v2`.
    pub(super) fn kind(&self) -> String {
        format!("{} {}", self.event_type, self.event_version)
    }
}

/// All of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventPage {
    pub(super) row: EventRow,
    /// What it is called by, in order: label and value.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) correlation: Option<String>,
    pub(super) payload: Payload,
    pub(super) metadata: Pretty,
}

/// The payload as it is stored, and as it reads today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Payload {
    /// Both, and the version that is the latest.
    Compared { comparison: Comparison, latest: Option<EventVersion> },
    /// It cannot be read as the latest version.
    Unreadable { stored: Pretty, reason: String },
}

/// A time as lists show it: `2026-11-29 05:35:00.123`.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// A time where there is little room.
pub(super) fn short_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time with all its digits.
pub(super) fn exact_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
