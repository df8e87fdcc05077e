//! [`StoreBuilder`]: configures a store.

use std::fmt;
use std::sync::Arc;

use crate::adapter::{Adapter, TenantView};
use crate::error::Result;
use crate::registry::Registry;
use crate::store::{Assigned, EventStore, Failures, LinkStreams, RetryPolicy, Shared};
use crate::value::{Clock, Scope};

/// The default limit of live events in a stream.
const STREAM_LIMIT: u64 = 10_000;

/// The default size limit of an event, in bytes.
const EVENT_SIZE_LIMIT: usize = 16 << 20;

/// What a store does around the calls of its adapter.
pub(super) struct Settings {
    pub(super) retry: RetryPolicy,
    pub(super) clock: Clock,
    pub(super) stream_limit: Option<u64>,
    pub(super) event_size_limit: usize,
    pub(super) allows_hard_deletion: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            clock: Clock::system(),
            stream_limit: Some(STREAM_LIMIT),
            event_size_limit: EVENT_SIZE_LIMIT,
            allows_hard_deletion: true,
        }
    }
}

impl Settings {
    /// The store on an adapter.
    pub(super) fn build(self, adapter: Arc<dyn Adapter>) -> Result<EventStore> {
        Registry::check()?;
        let scope = Scope::default();
        let view = TenantView::One(scope.tenant.clone());
        let shared = Shared {
            adapter,
            settings: self,
            assigned: Assigned::default(),
            link_streams: LinkStreams::default(),
            failures: Failures::default(),
        };
        Ok(EventStore { shared: Arc::new(shared), scope, view })
    }
}

/// The methods of both builders that set [`Settings`].
macro_rules! setters {
    ($builder:ident) => {
        impl $builder {
            /// Sets how transient errors are retried.
            pub fn retry(mut self, policy: RetryPolicy) -> Self {
                self.settings.retry = policy;
                self
            }

            /// Sets the clock that is passed to [`Event::validate`](crate::Event::validate); the system clock by default.
            pub fn clock(mut self, clock: Clock) -> Self {
                self.settings.clock = clock;
                self
            }

            /// Sets the maximum number of live events in a stream: 10 000 by default, `None` for no limit. Truncated events
            /// do not count.
            pub fn stream_limit(mut self, limit: Option<u64>) -> Self {
                self.settings.stream_limit = limit;
                self
            }

            /// Refuses hard deletions: a stream can be archived and deleted softly, and its events stay.
            pub fn forbid_hard_deletion(mut self) -> Self {
                self.settings.allows_hard_deletion = false;
                self
            }

            /// Sets the maximum size of an event, in bytes of data and metadata as JSON; 16 MiB by default. A larger one is
            /// refused before anything is sent: it would delay other appends, and make the pages of readers too large.
            ///
            /// Stored and imported events are not checked.
            pub fn event_size_limit(mut self, bytes: usize) -> Self {
                self.settings.event_size_limit = bytes;
                self
            }
        }
    };
}

pub(super) use setters;

/// Configures an [`EventStore`] on an adapter; [`EventStore::builder`] creates it.
#[must_use = "nothing is opened before `build`"]
pub struct StoreBuilder {
    adapter: Arc<dyn Adapter>,
    settings: Settings,
}

setters!(StoreBuilder);

impl StoreBuilder {
    /// The default settings on an adapter.
    pub(super) fn new(adapter: Arc<dyn Adapter>) -> Self {
        Self { adapter, settings: Settings::default() }
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error::Registry`](crate::Error::Registry) if the events of this binary contradict each other; every problem is listed.
    pub fn build(self) -> Result<EventStore> {
        self.settings.build(self.adapter)
    }
}

impl fmt::Debug for StoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBuilder")
            .field("adapter", &self.adapter.name())
            .finish_non_exhaustive()
    }
}
