//! [`StreamPlace`]: where a reader of one stream is, and the proof that its next page belongs to the pages before.
//!
//! The next page starts with the last event that was seen: the statement that reads it shows whether that event is still
//! there, at no further round trip. When it is not, the place is proved where appends go: the stream may have been
//! truncated, or the log replaced.

use std::collections::VecDeque;

use crate::adapter::{Direction, PAGE_BYTES, ReadOptions, is_full};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::store::{EventStore, Place};
use crate::value::{BatchSize, EventId, Position, StreamId, StreamVersion};

const NAME: &str = "a read of a stream";

/// New events.
pub(super) struct Page {
    pub(super) events: VecDeque<RecordedEvent>,
    /// Whether there may be more after it.
    pub(super) is_full: bool,
    /// The reader's place before it.
    pub(super) place: Place,
}

/// A reader's place in a stream.
#[derive(Clone, Copy)]
pub(super) struct StreamPlace {
    place: Place,
    last: Option<Last>,
}

/// The last event that was seen.
#[derive(Clone, Copy)]
struct Last {
    position: Position,
    event_id: EventId,
    version: StreamVersion,
    size: usize,
}

impl StreamPlace {
    /// The place of a reader that has seen nothing.
    pub(super) fn start(epoch: u64) -> Self {
        Self { place: Place::at(epoch, Position::START), last: None }
    }

    /// The place after an event, in the epoch of a place that was proved for the page of the event.
    pub(super) fn after(mut place: Place, event: &RecordedEvent) -> Self {
        let last = Last {
            position: event.position(),
            event_id: event.event_id(),
            version: event.stream_version(),
            size: event.size(),
        };
        place.see(last.position, last.event_id);
        Self { place, last: Some(last) }
    }

    /// Reads the next page. The limit of the options is that of new events.
    pub(super) async fn read(
        self,
        store: EventStore,
        stream_id: StreamId,
        options: ReadOptions,
    ) -> Result<Page> {
        let epoch = store.adapter().live().epoch();
        let Some(last) = self.last else {
            let page = store.read_stream(&stream_id, options.limit_bytes(PAGE_BYTES)).await?;
            let is_full = is_full(&page, options.get_limit(), PAGE_BYTES);
            let place = Place::at(epoch, Position::START);
            return Ok(Page { events: page.into(), is_full, place });
        };
        let limit = BatchSize::new(options.get_limit().get() + 1).unwrap_or(BatchSize::MAX);
        let bytes = PAGE_BYTES.saturating_add(last.size);
        let next = options.from(last.version).limit(limit).limit_bytes(bytes);
        let read = store.read_stream(&stream_id, next).await;
        match read {
            Ok(page) if page.first().is_some_and(|first| last.is(first)) => {
                let is_full = is_full(&page, limit, bytes);
                let place = Place::at(epoch, Position::START);
                let mut page = Page { events: page.into(), is_full, place };
                page.events.pop_front();
                Ok(page)
            }
            read @ (Ok(_) | Err(Error::StreamNotFound { .. } | Error::StreamDeleted { .. })) => {
                let mut place = self.place;
                let is_there = place.prove_event(&store, NAME).await?;
                let page = read.map_err(|error| match error {
                    Error::StreamNotFound { .. } if is_there => behind(),
                    error => error,
                })?;
                last.precedes(page.first(), options.get_direction(), is_there)?;
                let is_full = is_full(&page, limit, bytes);
                Ok(Page { events: page.into(), is_full, place })
            }
            Err(error) => Err(error),
        }
    }
}

impl Last {
    fn is(&self, event: &RecordedEvent) -> bool {
        (event.event_id(), event.stream_version()) == (self.event_id, self.version)
    }

    /// Checks the first event of a page that does not start with this one, though the log is the same.
    fn precedes(
        &self,
        first: Option<&RecordedEvent>,
        direction: Direction,
        is_there: bool,
    ) -> Result<()> {
        let Some(first) = first else { return Ok(()) };
        if first.stream_version() == self.version {
            let found = first.event_id();
            return Err(Error::LogDiverged {
                name: NAME.to_owned(),
                position: self.position,
                expected: Some(self.event_id),
                found: Some(found),
                reason: format!(
                    "event {found} is now version {} of the stream, not {}",
                    self.version, self.event_id
                ),
            });
        }
        // Backward, a server that does not show the event yet would start with an earlier one than the next.
        if is_there && direction == Direction::Backward { Err(behind()) } else { Ok(()) }
    }
}

/// A standby may still receive what it lacks.
fn behind() -> Error {
    Error::connection("read_stream", "the server that was read lacks events that were read before")
}
