//! [`EventCache`]: the most recent events by id, bounded in number and age. It holds complete recorded events, the event
//! version included.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::subscription::{Filter, StartFrom};
use crate::value::{Clock, EventId, Tenant};

/// A cache of recent events, by id. Clones share its content.
///
/// ```
/// use chrono::TimeDelta;
/// use event_core::broadcast::EventCache;
///
/// let cache = EventCache::new(10_000, TimeDelta::hours(1));
/// assert!(cache.is_empty());
/// ```
#[derive(Clone)]
pub struct EventCache {
    entries: Arc<Mutex<Entries>>,
    capacity: usize,
    lifetime: TimeDelta,
    clock: Clock,
}

/// Ids are unique per tenant only.
type Key = (Tenant, EventId);

#[derive(Default)]
struct Entries {
    events: HashMap<Key, (DateTime<Utc>, Arc<RecordedEvent>)>,
    /// The keys of the events, each once, the oldest first.
    order: VecDeque<Key>,
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cached {
    /// The event is cached.
    Found(Arc<RecordedEvent>),
    /// The event was cached, but its lifetime is over; it is removed.
    Expired,
    /// The event was never cached, or was evicted.
    NotFound,
}

impl EventCache {
    /// Creates a cache with the largest number of events, and the time that each is kept.
    pub fn new(capacity: usize, lifetime: TimeDelta) -> Self {
        Self { entries: Arc::default(), capacity, lifetime, clock: Clock::system() }
    }

    /// Sets the clock that measures lifetimes; the system's by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Caches an event, and evicts expired events and the oldest ones beyond the capacity. Inserting an event again does
    /// not extend its lifetime.
    pub fn insert(&self, event: Arc<RecordedEvent>) {
        let now = self.clock.now();
        let key = (event.tenant().clone(), event.event_id());
        let mut entries = self.lock();
        if entries.events.contains_key(&key) {
            return;
        }
        entries.events.insert(key.clone(), (now, event));
        entries.order.push_back(key);
        while let Some(oldest) = entries.order.front().cloned() {
            let has_expired =
                entries.events.get(&oldest).is_none_or(|(at, _)| self.has_expired(*at, now));
            if !has_expired && entries.order.len() <= self.capacity {
                break;
            }
            entries.order.pop_front();
            entries.events.remove(&oldest);
        }
    }

    /// Looks up an event; an expired one is removed.
    pub fn get(&self, tenant: &Tenant, event_id: EventId) -> Cached {
        let key = (tenant.clone(), event_id);
        let mut entries = self.lock();
        match entries.events.get(&key) {
            None => Cached::NotFound,
            Some((at, _)) if self.has_expired(*at, self.clock.now()) => {
                entries.events.remove(&key);
                entries.order.retain(|other| *other != key);
                Cached::Expired
            }
            Some((_, event)) => Cached::Found(Arc::clone(event)),
        }
    }

    /// Forgets all events.
    pub fn clear(&self) {
        *self.lock() = Entries::default();
    }

    /// Caches every event that passes a filter, from now on, for as long as the future is polled.
    ///
    /// Where the log was replaced and events of it are gone, the cache is empty when the error comes: it returns no event
    /// that the store does not have.
    ///
    /// # Errors
    /// Those of [`EventStore::subscribe`], and those that end a [`Subscription`](crate::Subscription), such as
    /// [`Error::LogDiverged`].
    pub async fn follow(&self, store: &EventStore, filter: Filter) -> Result<()> {
        let mut events = store.subscribe(StartFrom::Now, filter).await?;
        while let Some(event) = events.next().await {
            if matches!(event, Err(Error::LogDiverged { .. })) {
                self.clear();
            }
            self.insert(Arc::new(event?));
        }
        Ok(())
    }

    /// The number of cached events, expired ones included until they are evicted.
    pub fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Whether no event is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn has_expired(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - since >= self.lifetime
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No code panics in the middle of a change, so a poisoned lock still guards consistent entries.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EventCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventCache")
            .field("capacity", &self.capacity)
            .field("lifetime", &self.lifetime)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
