//! Options of reads: pages of one stream, and of all streams.

use chrono::{DateTime, Utc};

use crate::envelope::RecordedEvent;
use crate::registry::Registry;
use crate::value::{BatchSize, InvalidStartVersion, Position, StreamId, StreamVersion};

/// The direction in which a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// Which page of one stream to read.
///
/// `from` is 1-based and inclusive; 0, the default, means the beginning (forward) or the end (backward). After the end of the
/// stream a backward read starts at the last event, and a forward read gives an empty page.
///
/// ```
/// use event_core::{BatchSize, ReadOptions, StreamVersion};
///
/// let page = ReadOptions::forward().from(StreamVersion::new(11)).limit(BatchSize::new(10)?);
/// assert_eq!(page.get_from().get(), 11);
/// # Ok::<(), event_core::InvalidBatchSize>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    direction: Direction,
    from: StreamVersion,
    limit: BatchSize,
    limit_bytes: Option<usize>,
}

impl ReadOptions {
    /// Reads from the beginning, oldest first.
    pub const fn forward() -> Self {
        Self::new(Direction::Forward)
    }

    /// Reads from the end, newest first.
    pub const fn backward() -> Self {
        Self::new(Direction::Backward)
    }

    const fn new(direction: Direction) -> Self {
        // The default page (`BatchSize::default` is not const): 1 000 is in range.
        let limit = match BatchSize::new(1_000) {
            Ok(limit) => limit,
            Err(_) => BatchSize::MAX,
        };
        Self { direction, from: StreamVersion::NONE, limit, limit_bytes: None }
    }

    /// Sets the first event of the page.
    #[must_use]
    pub const fn from(mut self, version: StreamVersion) -> Self {
        self.from = version;
        self
    }

    /// Sets the page size.
    #[must_use]
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }

    /// Limits the size of the page, in bytes of payloads and metadata: it ends with the event that reaches the limit, and so
    /// has at least one. No limit by default.
    #[must_use]
    pub const fn limit_bytes(mut self, bytes: usize) -> Self {
        self.limit_bytes = Some(bytes);
        self
    }

    /// The direction.
    pub const fn get_direction(&self) -> Direction {
        self.direction
    }

    /// The first version of the page; 0 if none was set.
    pub const fn get_from(&self) -> StreamVersion {
        self.from
    }

    /// The page size.
    pub const fn get_limit(&self) -> BatchSize {
        self.limit
    }

    /// The largest size of the page, in bytes.
    pub fn get_limit_bytes(&self) -> usize {
        self.limit_bytes.unwrap_or(usize::MAX)
    }

    /// Refuses a start above the highest version that a store can hold.
    pub(crate) fn check(&self) -> Result<(), InvalidStartVersion> {
        if self.from > StreamVersion::MAX {
            return Err(InvalidStartVersion { given: self.from });
        }
        Ok(())
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::forward()
    }
}

/// Which page of all streams to read, in global order.
///
/// ```
/// use event_core::{AllOptions, Position};
///
/// let page = AllOptions::new().after(Position::new(40)).category("game").event_types(["game_started"]);
/// assert_eq!(page.get_after().get(), 40);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllOptions {
    after: Position,
    up_to: Option<Position>,
    stream: Option<StreamId>,
    category: Option<String>,
    event_types: Option<Vec<String>>,
    correlation_id: Option<String>,
    is_backward: bool,
    recorded_from: Option<DateTime<Utc>>,
    recorded_before: Option<DateTime<Utc>>,
    limit: BatchSize,
    limit_bytes: Option<usize>,
    epoch: Option<u64>,
}

impl AllOptions {
    /// Everything from the beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only events after a position.
    #[must_use]
    pub const fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }

    /// Only events at or before a position.
    #[must_use]
    pub const fn up_to(mut self, position: Position) -> Self {
        self.up_to = Some(position);
        self
    }

    /// The latest events first: the page starts at the end of the log, or at [`up_to`](Self::up_to), and goes back to
    /// [`after`](Self::after).
    #[must_use]
    pub const fn backward(mut self) -> Self {
        self.is_backward = true;
        self
    }

    /// The last events that pass the filters, the latest first: [`backward`](Self::backward) with this limit.
    #[must_use]
    pub const fn last(self, limit: BatchSize) -> Self {
        self.backward().limit(limit)
    }

    /// Only one stream; under the view of all tenants, each tenant's stream of this name. Unlike
    /// [`read_stream`](crate::EventStore::read_stream), a missing stream is not an error, and the events of a softly deleted
    /// one are read, as they stay in the global order.
    #[must_use]
    pub fn stream(mut self, stream_id: StreamId) -> Self {
        self.stream = Some(stream_id);
        self
    }

    /// Only streams of a category: the text before the first `-` of their name.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Only events of these types; an empty list matches nothing.
    #[must_use]
    pub fn event_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.event_types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Only events with this correlation id in their metadata. There is no index on it: every event of the range is looked at.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Extends the type filter by the former names of the types.
    pub(crate) fn with_stored_names(mut self, registry: &Registry) -> Self {
        self.event_types = self.event_types.map(|types| {
            let names = types.iter().flat_map(|name| registry.stored_names(name));
            names.map(str::to_owned).collect()
        });
        self
    }

    /// Only events recorded at or after a time, by the store's clock.
    #[must_use]
    pub const fn recorded_from(mut self, time: DateTime<Utc>) -> Self {
        self.recorded_from = Some(time);
        self
    }

    /// Only events recorded before a time, by the store's clock.
    #[must_use]
    pub const fn recorded_before(mut self, time: DateTime<Utc>) -> Self {
        self.recorded_before = Some(time);
        self
    }

    /// Sets the page size.
    #[must_use]
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }

    /// Limits the size of the page, in bytes of payloads and metadata: it ends with the event that reaches the limit, and so
    /// has at least one. No limit by default.
    #[must_use]
    pub const fn limit_bytes(mut self, bytes: usize) -> Self {
        self.limit_bytes = Some(bytes);
        self
    }

    /// Only from the log of this epoch: see [`LiveLog::epoch`](crate::adapter::LiveLog::epoch).
    pub(crate) const fn in_epoch(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// The epoch that the page must be of, if the reader has read in it before. In any other one the backend returns
    /// [`Error::LogDiverged`](crate::Error::LogDiverged), and the reader verifies its position.
    pub const fn get_epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// Whether the latest events come first.
    pub const fn is_backward(&self) -> bool {
        self.is_backward
    }

    /// The position after which the page starts; backward, the one before which it ends.
    pub const fn get_after(&self) -> Position {
        self.after
    }

    /// The last position that the page may contain.
    pub fn get_up_to(&self) -> Position {
        self.up_to.unwrap_or(Position::new(u64::MAX))
    }

    /// The stream filter.
    pub const fn get_stream(&self) -> Option<&StreamId> {
        self.stream.as_ref()
    }

    /// The category filter.
    pub fn get_category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// The type filter.
    pub fn get_event_types(&self) -> Option<&[String]> {
        self.event_types.as_deref()
    }

    /// The filter on the correlation id.
    pub fn get_correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// The time filter: at or after the first, before the second.
    pub const fn get_recorded_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.recorded_from, self.recorded_before)
    }

    /// Whether an event passes the filters on stream, category, type, correlation id and time.
    pub fn admits(&self, event: &RecordedEvent) -> bool {
        let (from, before) = self.get_recorded_between();
        self.stream.as_ref().is_none_or(|stream_id| event.stream_id() == stream_id)
            && self.get_category().is_none_or(|category| event.stream_id().category() == category)
            && self
                .get_event_types()
                .is_none_or(|types| types.iter().any(|name| name == event.event_type()))
            && self
                .get_correlation_id()
                .is_none_or(|id| event.metadata().correlation_id().as_deref() == Some(id))
            && from.is_none_or(|from| event.recorded_at() >= from)
            && before.is_none_or(|before| event.recorded_at() < before)
    }

    /// The page size.
    pub const fn get_limit(&self) -> BatchSize {
        self.limit
    }

    /// The largest size of the page, in bytes.
    pub fn get_limit_bytes(&self) -> usize {
        self.limit_bytes.unwrap_or(usize::MAX)
    }
}
