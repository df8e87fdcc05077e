//! [`Broadcast`]: delivers events by topic, only after they are committed.
//!
//! Each listener reads the log through its own subscription, so it misses no event, and a slow listener does not block
//! another one. The application defines the topics of an event.

mod cache;
mod handler;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

pub use self::cache::{Cached, EventCache};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::subscription::{Filter, StartFrom, Subscription};

/// Returns the topics of an event.
type TopicsOf = dyn Fn(&RecordedEvent) -> Vec<String> + Send + Sync;

/// Delivers committed events to listeners, by topic. Cheap to clone.
///
/// ```
/// use event_core::StartFrom;
/// use event_core::broadcast::{Broadcast, Copies};
/// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// # let store = EventStore::in_memory()?;
/// let broadcast = Broadcast::new(&store, |event| {
///     vec![format!("door:{}", event.stream_id()), format!("event_type:{}", event.event_type())]
/// });
/// let mut both = broadcast.listen(["door:door-1", "event_type:opened"], Copies::Once, StartFrom::Now).await?;
///
/// let door = StreamId::new("door-1")?;
/// store.append(&door, ExpectedVersion::Any, [Opened { by: "ann".into() }]).await?;
/// let message = both.next().await.expect("a listener has no end")?;
/// assert_eq!(message.topics, ["door:door-1", "event_type:opened"]); // one copy, two topics
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Broadcast {
    store: EventStore,
    filter: Filter,
    topics_of: Arc<TopicsOf>,
}

/// How often a listener receives an event that is published on several of its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Copies {
    /// Once, with all matching topics.
    Once,
    /// Once for each matching topic.
    PerTopic,
}

/// An event with the topics on which it was received.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// The topics of the event that the listener is subscribed to, in the event's order; with [`Copies::PerTopic`], a
    /// single one.
    pub topics: Vec<String>,
    /// The stored event.
    pub event: Arc<RecordedEvent>,
}

impl Broadcast {
    /// Creates a broadcast of the events that the store's scope sees: those of one tenant, or of all. The function returns
    /// the topics of an event; it is called once for each listener, so it should be fast and deterministic.
    pub fn new(
        store: &EventStore,
        topics: impl Fn(&RecordedEvent) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self { store: store.clone(), filter: Filter::all(), topics_of: Arc::new(topics) }
    }

    /// Sets a filter; events that do not pass are not read.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Creates a listener for topics, from a position in the log on.
    ///
    /// # Errors
    /// As [`EventStore::subscribe`].
    pub async fn listen<T: Into<String>>(
        &self,
        topics: impl IntoIterator<Item = T>,
        copies: Copies,
        from: StartFrom,
    ) -> Result<Listener> {
        Ok(Listener {
            subscribed: topics.into_iter().map(Into::into).collect(),
            topics_of: Arc::clone(&self.topics_of),
            copies,
            source: self.store.subscribe(from, self.filter.clone()).await?,
            buffered: VecDeque::new(),
        })
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("store", &self.store)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

/// The messages of some topics, in the order of the log. The topics may change at any time.
pub struct Listener {
    subscribed: BTreeSet<String>,
    topics_of: Arc<TopicsOf>,
    copies: Copies,
    source: Subscription,
    buffered: VecDeque<Message>,
}

impl Listener {
    /// Waits for the next message; `None` after an error that is not transient.
    ///
    /// Cancel-safe: dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Result<Message>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Subscribes to one more topic, for events from now on; subscribing twice has no further effect.
    pub fn subscribe(&mut self, topic: impl Into<String>) {
        self.subscribed.insert(topic.into());
    }

    /// Unsubscribes from a topic; returns whether the listener was subscribed to it.
    pub fn unsubscribe(&mut self, topic: &str) -> bool {
        self.subscribed.remove(topic)
    }

    fn distribute(&mut self, event: RecordedEvent) {
        let mut topics = (self.topics_of)(&event);
        topics.retain(|topic| self.subscribed.contains(topic));
        // A topic that the application returns twice counts once.
        let mut known = BTreeSet::new();
        topics.retain(|topic| known.insert(topic.clone()));
        if topics.is_empty() {
            return;
        }
        let event = Arc::new(event);
        match self.copies {
            Copies::Once => self.buffered.push_back(Message { topics, event }),
            Copies::PerTopic => self.buffered.extend(
                topics
                    .into_iter()
                    .map(|topic| Message { topics: vec![topic], event: Arc::clone(&event) }),
            ),
        }
    }
}

impl Stream for Listener {
    type Item = Result<Message>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.buffered.pop_front() {
                return Poll::Ready(Some(Ok(message)));
            }
            match ready!(Pin::new(&mut self.source).poll_next(context)) {
                Some(Ok(event)) => self.distribute(event),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("topics", &self.subscribed)
            .field("copies", &self.copies)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
