//! [`StoreBuilder`]: configures a store.

use std::fmt;
use std::sync::Arc;

use crate::adapter::{Adapter, TenantView};
use crate::error::Result;
use crate::registry::Registry;
use crate::store::{Assigned, EventStore, LinkStreams, RetryPolicy, Shared};
use crate::value::{Clock, Scope};

/// The default limit of live events in a stream.
const STREAM_LIMIT: u64 = 10_000;

/// The default size limit of an event, in bytes.
const EVENT_SIZE_LIMIT: usize = 16 << 20;

/// Configures an [`EventStore`]; [`EventStore::builder`] creates it.
pub struct StoreBuilder {
    adapter: Arc<dyn Adapter>,
    retry: RetryPolicy,
    clock: Clock,
    stream_limit: Option<u64>,
    event_size_limit: usize,
}

impl StoreBuilder {
    /// The default settings on an adapter.
    pub(super) fn new(adapter: Arc<dyn Adapter>) -> Self {
        Self {
            adapter,
            retry: RetryPolicy::default(),
            clock: Clock::system(),
            stream_limit: Some(STREAM_LIMIT),
            event_size_limit: EVENT_SIZE_LIMIT,
        }
    }

    /// Sets how transient errors are retried.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the clock that is passed to [`Event::validate`](crate::Event::validate); the system clock by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the maximum number of live events in a stream: 10 000 by default, `None` for no limit. Truncated events do not count.
    #[must_use]
    pub const fn stream_limit(mut self, limit: Option<u64>) -> Self {
        self.stream_limit = limit;
        self
    }

    /// Sets the maximum size of an event, in bytes of data and metadata as JSON; 16 MiB by default. A larger one is refused before
    /// anything is sent: it would delay other appends, and make the pages of readers too large.
    ///
    /// Stored and imported events are not checked.
    #[must_use]
    pub const fn event_size_limit(mut self, bytes: usize) -> Self {
        self.event_size_limit = bytes;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error::Registry`](crate::Error::Registry) if the events of this binary contradict each other; every problem is listed.
    pub fn build(self) -> Result<EventStore> {
        Registry::check()?;
        let Self { adapter, retry, clock, stream_limit, event_size_limit } = self;
        let scope = Scope::default();
        let view = TenantView::One(scope.tenant.clone());
        Ok(EventStore {
            shared: Arc::new(Shared {
                adapter,
                retry,
                clock,
                stream_limit,
                event_size_limit,
                assigned: Assigned::default(),
                link_streams: LinkStreams::default(),
            }),
            scope,
            view,
        })
    }
}

impl fmt::Debug for StoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBuilder")
            .field("adapter", &self.adapter.name())
            .finish_non_exhaustive()
    }
}
