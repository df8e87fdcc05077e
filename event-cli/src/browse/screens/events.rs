//! [`EventsScreen`]: the events of a stream, or of everything.

use crate::browse::pages::Pages;
use crate::browse::request::{EventFilter, EventsOf, Request};
use crate::browse::rows::EventRow;

/// A list of events.
#[derive(Debug, Clone)]
pub(in crate::browse) struct EventsScreen {
    pub(in crate::browse) of: EventsOf,
    pub(in crate::browse) is_backward: bool,
    /// The keys are versions, or positions.
    pub(in crate::browse) list: Pages<EventRow, Option<u64>>,
}

impl EventsScreen {
    /// A stream from its first event on.
    pub(in crate::browse) fn of_stream(row: &event_core::StreamInfo) -> Self {
        let of = EventsOf::Stream(row.tenant.clone(), row.stream_id.clone());
        Self { of, is_backward: false, list: Pages::new(None) }
    }

    /// Everything, the latest events first.
    pub(in crate::browse) fn of_all(filter: EventFilter) -> Self {
        Self { of: EventsOf::All(filter), is_backward: true, list: Pages::new(None) }
    }

    /// The same list the other way round.
    pub(in crate::browse) fn reversed(&self) -> Self {
        Self { is_backward: !self.is_backward, list: Pages::new(None), of: self.of.clone() }
    }

    /// What to follow for the events that are still to come.
    pub(in crate::browse) fn filter(&self) -> EventFilter {
        match &self.of {
            EventsOf::All(filter) => filter.clone(),
            EventsOf::Stream(tenant, stream) => EventFilter {
                stream: Some((tenant.clone(), stream.clone())),
                ..EventFilter::default()
            },
        }
    }

    /// The page from a key on.
    pub(super) fn request(&self, from: Option<u64>) -> Request {
        Request::Events { of: self.of.clone(), from, is_backward: self.is_backward }
    }
}
