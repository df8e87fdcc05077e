//! The list of streams: the options of its pages, what an entry holds, and how a stream is deleted.

use chrono::{DateTime, Utc};

use crate::value::{BatchSize, StreamId, StreamVersion, Tenant};

/// Which page of the list of streams to read, sorted by tenant and name in byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListOptions {
    prefix: Option<String>,
    contains: Option<String>,
    category: Option<String>,
    order: ListOrder,
    after: Option<(Tenant, StreamId)>,
    after_key: i64,
    deleted: bool,
    limit: BatchSize,
}

impl ListOptions {
    /// All streams that are not deleted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only streams whose name starts with this text, taken literally.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only streams whose name contains this text, taken literally. Every name of the list is looked at.
    #[must_use]
    pub fn contains(mut self, text: impl Into<String>) -> Self {
        self.contains = Some(text.into());
        self
    }

    /// Only streams of a category.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Sets the order, [`ListOrder::Name`] by default. To be called before [`after`](Self::after).
    #[must_use]
    pub const fn order(mut self, order: ListOrder) -> Self {
        self.order = order;
        self
    }

    /// Only streams after the last one of the previous page, in the order of the list.
    #[must_use]
    pub fn after(mut self, last: &StreamInfo) -> Self {
        self.after = Some((last.tenant.clone(), last.stream_id.clone()));
        self.after_key = self.order.key(last);
        self
    }

    /// Also deleted streams.
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

    /// The filter on a part of the name.
    pub fn get_contains(&self) -> Option<&str> {
        self.contains.as_deref()
    }

    /// The order.
    pub const fn get_order(&self) -> ListOrder {
        self.order
    }

    /// The [key](ListOrder::key) of the stream after which the page starts; 0 without one.
    pub const fn get_after_key(&self) -> i64 {
        self.after_key
    }

    /// The category filter.
    pub fn get_category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// The stream after which the page starts.
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

/// The order of a list of streams. Within equal ones it is by tenant and name, in byte order.
///
/// Only the names have an index: for any other order, each page looks at every stream of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ListOrder {
    /// By tenant and name.
    #[default]
    Name,
    /// By the time of the first event, the earliest first.
    Oldest,
    /// By the time of the first event, the latest first.
    Newest,
    /// By the number of [events](StreamInfo::events), the most first.
    Largest,
}

impl ListOrder {
    /// What streams are sorted by, ascending, before tenant and name: microseconds since 1970, or the number of events,
    /// negative in descending order; 0 for the order by name.
    pub fn key(self, info: &StreamInfo) -> i64 {
        match self {
            Self::Name => 0,
            Self::Oldest => info.created_at.timestamp_micros(),
            Self::Newest => -info.created_at.timestamp_micros(),
            Self::Largest => i64::try_from(info.events()).map_or(i64::MIN, |events| -events),
        }
    }
}

/// The state of a stream, which decides whether it can be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// It can be read and written.
    Active,
    /// It can be read; appends are refused.
    Archived,
    /// It can be neither read nor written; its events stay in the global order.
    SoftDeleted,
    /// Its events are removed as well.
    HardDeleted,
}

impl StreamState {
    /// Whether the stream is deleted, softly or hard.
    pub const fn is_deleted(self) -> bool {
        matches!(self, Self::SoftDeleted | Self::HardDeleted)
    }
}

/// The store's entry for a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// The tenant that owns it.
    pub tenant: Tenant,
    /// The name, unique per tenant.
    pub stream_id: StreamId,
    /// The number of its last event or link.
    pub version: StreamVersion,
    /// The number of the first event or link that is kept; 1 unless the stream was truncated.
    pub first_version: StreamVersion,
    /// Whether it can be read and written.
    pub state: StreamState,
    /// The time of its first event, by the store's clock.
    pub created_at: DateTime<Utc>,
    /// Whether it holds links to events of other streams instead of events; false once it is deleted.
    pub holds_links: bool,
}

impl StreamInfo {
    /// How many events or links the stream holds: those that were truncated or removed with it do not count.
    pub const fn events(&self) -> u64 {
        match self.state {
            StreamState::HardDeleted => 0,
            _ => (self.version.get() + 1).saturating_sub(self.first_version.get()),
        }
    }
}

/// How a stream is deleted. In both cases its name and its version numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delete {
    /// Refuses reads and appends; the events stay in the global order.
    Soft,
    /// Removes the events as well.
    Hard,
}
