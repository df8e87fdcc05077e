//! What collects the rows of a page while the server still sends.

use event_core::adapter::{Direction, Room, StreamState};
use event_core::{Error, ReadOptions, RecordedEvent, Result, StreamId};

use crate::rows::{Owners, to_i64};

/// The version at which a page of a stream starts, as a value to bind.
pub fn start(options: ReadOptions) -> i64 {
    match (options.get_direction(), options.get_from().get()) {
        // From the end.
        (Direction::Backward, 0) => i64::MAX,
        (_, version) => to_i64(version),
    }
}

/// The events of a page, in the order of their rows. After a row that cannot be read, the page is that error.
#[derive(Debug)]
pub struct EventPage {
    owners: Owners,
    events: Result<Vec<RecordedEvent>>,
    room: Room,
}

impl Default for EventPage {
    fn default() -> Self {
        Self::within(Room::new(usize::MAX))
    }
}

impl EventPage {
    /// A page that ends with the event that uses up the room; later rows are ignored.
    pub fn within(room: Room) -> Self {
        Self { owners: Owners::default(), events: Ok(Vec::new()), room }
    }

    /// The room that is left.
    pub const fn room(&self) -> Room {
        self.room
    }

    /// Reads one more row.
    pub fn push(&mut self, read: impl FnOnce(&mut Owners) -> Result<RecordedEvent>) {
        let Ok(events) = &mut self.events else { return };
        if self.room.is_used_up() {
            return;
        }
        match read(&mut self.owners) {
            Ok(event) => {
                self.room.take(&event);
                events.push(event);
            }
            Err(error) => self.events = Err(error),
        }
    }

    /// The events.
    ///
    /// # Errors
    /// That of the first row that could not be read.
    pub fn end(self) -> Result<Vec<RecordedEvent>> {
        self.events
    }
}

/// A page of one stream: each row has the state of the stream; an empty page is one row without an event.
#[derive(Debug, Default)]
pub struct StreamPage {
    state: Option<Result<(StreamState, bool)>>,
    /// The events.
    pub events: EventPage,
}

impl StreamPage {
    /// A page that ends with the event that uses up the room; later rows are ignored.
    pub fn within(room: Room) -> Self {
        Self { state: None, events: EventPage::within(room) }
    }

    /// Reads the state of the stream and whether it holds links, in the first row only.
    pub fn state(&mut self, read: impl FnOnce() -> Result<(StreamState, bool)>) {
        self.state.get_or_insert_with(read);
    }

    /// Whether the rows are those of a stream of links.
    pub const fn holds_links(&self) -> bool {
        matches!(self.state, Some(Ok((_, true))))
    }

    /// The events of a stream that exists.
    ///
    /// # Errors
    /// [`Error::StreamNotFound`], [`Error::StreamDeleted`], [`Error::Corrupt`].
    pub fn end(self, stream_id: &StreamId) -> Result<Vec<RecordedEvent>> {
        let (state, _) =
            self.state.unwrap_or_else(|| Err(Error::stream_not_found(stream_id.clone())))?;
        if state.is_deleted() {
            return Err(Error::stream_deleted(stream_id.clone()));
        }
        self.events.end()
    }
}
