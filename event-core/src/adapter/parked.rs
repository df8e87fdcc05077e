//! [`ParkedEvent`]: an event that a subscription has set aside, how such events are selected, and what remains of those that
//! were given up.

use chrono::{DateTime, Utc};

use crate::value::{EventId, Position, StreamId};

/// An event whose handling failed and that is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// The event's position in the global order.
    pub position: Position,
    /// The event's id.
    pub event_id: EventId,
    /// The partition that the event belongs to.
    pub partition: u32,
    /// The number of delivery attempts.
    pub attempts: u32,
    /// The last error, with its causes.
    pub error: String,
    /// When it was parked, by the store's clock.
    pub parked_at: DateTime<Utc>,
    /// Whether it is marked for redelivery.
    pub replay: bool,
}

/// Selects parked events of a subscription: those that meet all conditions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParkedFilter {
    /// At this position.
    pub position: Option<Position>,
    /// With this id.
    pub event_id: Option<EventId>,
    /// Stored under one of these type strings.
    pub event_types: Option<Vec<String>>,
    /// Of this stream.
    pub stream_id: Option<StreamId>,
    /// With this text in their error.
    pub error: Option<String>,
}

impl ParkedFilter {
    /// Whether it selects by what the parked event itself says.
    pub(crate) fn admits(&self, parked: &ParkedEvent) -> bool {
        self.position.is_none_or(|position| parked.position == position)
            && self.event_id.is_none_or(|event_id| parked.event_id == event_id)
            && self.error.as_ref().is_none_or(|text| parked.error.contains(text.as_str()))
    }
}

/// A parked event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardedEvent {
    /// The event as it was parked.
    pub parked: ParkedEvent,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up, by the store's clock.
    pub discarded_at: DateTime<Utc>,
}
