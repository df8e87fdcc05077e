//! [`EventCache`]: the last events by their id, bounded in number and in time. They keep everything that was stored, the
//! version too.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::subscription::{Filter, StartFrom};
use crate::value::{Clock, EventId, Tenant};

/// The last events that were told of, by id. Clones share it.
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
    held: Arc<Mutex<Held>>,
    most: usize,
    lifetime: TimeDelta,
    clock: Clock,
}

/// An id is its tenant's own.
type Key = (Tenant, EventId);

#[derive(Default)]
struct Held {
    events: HashMap<Key, (DateTime<Utc>, Arc<RecordedEvent>)>,
    /// The oldest first; a key stands here once.
    order: VecDeque<Key>,
}

/// What a cache says of an id.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cached {
    /// The event.
    Found(Arc<RecordedEvent>),
    /// It was there too long, and is not any more.
    Expired,
    /// It was never there, or had to make room.
    NotFound,
}

impl EventCache {
    /// A cache of so many events at most, each for so long at most.
    pub fn new(most: usize, lifetime: TimeDelta) -> Self {
        Self { held: Arc::default(), most, lifetime, clock: Clock::system() }
    }

    /// Sets the clock that lifetimes go by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps an event; one that is there already stays as long as it would have. The oldest make room.
    pub fn insert(&self, event: Arc<RecordedEvent>) {
        let now = self.clock.now();
        let key = (event.tenant().clone(), event.event_id());
        let mut held = self.lock();
        if held.events.contains_key(&key) {
            return;
        }
        held.events.insert(key.clone(), (now, event));
        held.order.push_back(key);
        while let Some(oldest) = held.order.front().cloned() {
            let is_old = held.events.get(&oldest).is_none_or(|(at, _)| self.is_over(*at, now));
            if !is_old && held.order.len() <= self.most {
                break;
            }
            held.order.pop_front();
            held.events.remove(&oldest);
        }
    }

    /// Looks an event up; one whose time is over is removed.
    pub fn get(&self, tenant: &Tenant, event_id: EventId) -> Cached {
        let key = (tenant.clone(), event_id);
        let mut held = self.lock();
        match held.events.get(&key) {
            None => Cached::NotFound,
            Some((at, _)) if self.is_over(*at, self.clock.now()) => {
                held.events.remove(&key);
                held.order.retain(|other| *other != key);
                Cached::Expired
            }
            Some((_, event)) => Cached::Found(Arc::clone(event)),
        }
    }

    /// Keeps every event that passes a filter, from now on, for as long as the future is polled.
    ///
    /// # Errors
    /// As [`EventStore::subscribe`], and those that end a subscription.
    pub async fn follow(&self, store: &EventStore, filter: Filter) -> Result<()> {
        let mut events = store.subscribe(StartFrom::Now, filter).await?;
        while let Some(event) = events.next().await {
            self.insert(Arc::new(event?));
        }
        Ok(())
    }

    /// How many events are held.
    pub fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_over(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - since >= self.lifetime
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it holds the lock half way through a change.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EventCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventCache")
            .field("most", &self.most)
            .field("lifetime", &self.lifetime)
            .field("held", &self.len())
            .finish_non_exhaustive()
    }
}
