//! What to read: pages of a stream, of everything, of the list of streams.

use chrono::{DateTime, Utc};

use crate::envelope::RecordedEvent;
use crate::registry::Registry;
use crate::value::{BatchSize, InvalidStartVersion, Position, StreamId, StreamVersion, Tenant};

/// Which way a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// A page of one stream.
///
/// `from` is 1-based and inclusive; none or 0 means the beginning (forward) or the end (backward). A backward
/// start beyond the end is the last event; a forward one gives an empty page.
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
}

impl ReadOptions {
    /// From the beginning, oldest first.
    pub const fn forward() -> Self {
        Self::new(Direction::Forward)
    }

    /// From the end, newest first.
    pub const fn backward() -> Self {
        Self::new(Direction::Backward)
    }

    const fn new(direction: Direction) -> Self {
        // The default page (`BatchSize::default` is not const): 1 000 is in range.
        let limit = match BatchSize::new(1_000) {
            Ok(limit) => limit,
            Err(_) => BatchSize::MAX,
        };
        Self { direction, from: StreamVersion::NONE, limit }
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

    /// Which way.
    pub const fn get_direction(&self) -> Direction {
        self.direction
    }

    /// The start as it was set; 0 for none.
    pub const fn get_from(&self) -> StreamVersion {
        self.from
    }

    /// The page size.
    pub const fn get_limit(&self) -> BatchSize {
        self.limit
    }

    /// Refuses a start that no store can hold.
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

/// A page of all streams, in global order.
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
    recorded_from: Option<DateTime<Utc>>,
    recorded_before: Option<DateTime<Utc>>,
    limit: BatchSize,
}

impl AllOptions {
    /// Everything, from the beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what stands after a position.
    #[must_use]
    pub const fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }

    /// Only what stands at or before a position.
    #[must_use]
    pub const fn up_to(mut self, position: Position) -> Self {
        self.up_to = Some(position);
        self
    }

    /// Only one stream; under the view of all tenants, each tenant's stream of the name. Unlike a read of the stream, it
    /// is no error if there is none, and its events show after a soft deletion, as everywhere in the global order.
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

    /// The same types under every name that they were stored under.
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

    /// The position the page starts after.
    pub const fn get_after(&self) -> Position {
        self.after
    }

    /// The last position that may be in the page.
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

    /// The time filter: at or after the first, before the second.
    pub const fn get_recorded_between(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.recorded_from, self.recorded_before)
    }

    /// Whether an event passes the filters, which are all but the tenant, the place and the page size.
    pub(crate) fn admits(&self, event: &RecordedEvent) -> bool {
        let (from, before) = self.get_recorded_between();
        self.stream.as_ref().is_none_or(|stream_id| event.stream_id() == stream_id)
            && self.get_category().is_none_or(|category| event.stream_id().category() == category)
            && self
                .get_event_types()
                .is_none_or(|types| types.iter().any(|name| name == event.event_type()))
            && from.is_none_or(|from| event.recorded_at() >= from)
            && before.is_none_or(|before| event.recorded_at() < before)
    }

    /// The page size.
    pub const fn get_limit(&self) -> BatchSize {
        self.limit
    }
}

/// A page of the list of streams, by name in byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListOptions {
    prefix: Option<String>,
    category: Option<String>,
    after: Option<(Tenant, StreamId)>,
    deleted: bool,
    limit: BatchSize,
}

impl ListOptions {
    /// All living streams.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only streams whose name starts with this text, taken literally.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only streams of a category.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Only streams after the last one of the page before: tenant first, then name.
    #[must_use]
    pub fn after(mut self, last: &StreamInfo) -> Self {
        self.after = Some((last.tenant.clone(), last.stream_id.clone()));
        self
    }

    /// Deleted streams too.
    #[must_use]
    pub const fn deleted(mut self) -> Self {
        self.deleted = true;
        self
    }

    /// Sets the page size.
    #[must_use]
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }

    /// The prefix filter.
    pub fn get_prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The category filter.
    pub fn get_category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// The stream the page starts after.
    pub const fn get_after(&self) -> Option<&(Tenant, StreamId)> {
        self.after.as_ref()
    }

    /// Whether deleted streams are listed.
    pub const fn get_deleted(&self) -> bool {
        self.deleted
    }

    /// The page size.
    pub const fn get_limit(&self) -> BatchSize {
        self.limit
    }
}

/// What may be done with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// It is read and written.
    Active,
    /// It is read only.
    Archived,
    /// It is gone for readers; its events stay in the global order.
    SoftDeleted,
    /// Its events are gone too.
    HardDeleted,
}

impl StreamState {
    /// Whether the stream is deleted, in either way.
    pub const fn is_deleted(self) -> bool {
        matches!(self, Self::SoftDeleted | Self::HardDeleted)
    }
}

/// What a store knows of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// Whose stream.
    pub tenant: Tenant,
    /// Its name.
    pub stream_id: StreamId,
    /// Number of its last event.
    pub version: StreamVersion,
    /// Number of the first event that is kept; 1 unless the stream was truncated.
    pub first_version: StreamVersion,
    /// What may be done with it.
    pub state: StreamState,
    /// When it got its first event, by the store's clock.
    pub created_at: DateTime<Utc>,
    /// Whether it refers to events of other streams instead of holding its own; false once it is deleted.
    pub holds_links: bool,
}

/// How a stream is deleted. Either way its name stays taken and its numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delete {
    /// Gone for readers and writers; its events stay in the global order.
    Soft,
    /// Its events are removed as well.
    Hard,
}
