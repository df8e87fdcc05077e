//! [`StoreBuilder`]: a store that differs from the defaults.

use std::fmt;
use std::sync::Arc;

use crate::adapter::{Adapter, TenantView};
use crate::error::Result;
use crate::registry::Registry;
use crate::store::{EventStore, RetryPolicy, Shared};
use crate::value::{Clock, Scope};

/// The most events a stream holds unless told otherwise (S-21).
const STREAM_LIMIT: u64 = 10_000;

/// The most bytes an event takes unless told otherwise.
const EVENT_SIZE_LIMIT: usize = 16 << 20;

/// Sets up an [`EventStore`] that differs from the defaults.
pub struct StoreBuilder {
    adapter: Arc<dyn Adapter>,
    retry: RetryPolicy,
    clock: Clock,
    stream_limit: Option<u64>,
    event_size_limit: usize,
}

impl StoreBuilder {
    /// The defaults on an adapter.
    pub(super) fn new(adapter: Arc<dyn Adapter>) -> Self {
        Self {
            adapter,
            retry: RetryPolicy::default(),
            clock: Clock::system(),
            stream_limit: Some(STREAM_LIMIT),
            event_size_limit: EVENT_SIZE_LIMIT,
        }
    }

    /// Sets how transient failures are retried.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the clock that validation goes by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the most live events a stream may hold; `None` for no limit. 10 000 by default (S-21).
    #[must_use]
    pub const fn stream_limit(mut self, limit: Option<u64>) -> Self {
        self.stream_limit = limit;
        self
    }

    /// Sets the most bytes of data and metadata, as JSON, that an event may have; 16 MiB by default. A larger one is
    /// refused before anything is sent: it would hold up everybody else's, and no reader's page is made for it.
    ///
    /// What is stored already, and what is imported, is not measured.
    #[must_use]
    pub const fn event_size_limit(mut self, bytes: usize) -> Self {
        self.event_size_limit = bytes;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error::Registry`](crate::Error::Registry) when the events of this binary do not hold together; every problem is listed.
    pub fn build(self) -> Result<EventStore> {
        Registry::check()?;
        let Self { adapter, retry, clock, stream_limit, event_size_limit } = self;
        let scope = Scope::default();
        let view = TenantView::One(scope.tenant.clone());
        Ok(EventStore {
            shared: Arc::new(Shared { adapter, retry, clock, stream_limit, event_size_limit }),
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
