//! [`Broadcast`]: events by topics, after they are committed and never before (S-25).
//!
//! It says nothing that the log does not: each listener reads the log through a subscription of its own, so none misses
//! an event, and a slow one holds up nobody. What the topics of an event are is said by the application.

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

/// The topics of an event.
type Topics = dyn Fn(&RecordedEvent) -> Vec<String> + Send + Sync;

/// Tells listeners of what is committed, by topics. Cheap to clone.
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
/// let message = both.next().await.expect("it has no end")?;
/// assert_eq!(message.topics, ["door:door-1", "event_type:opened"]); // one copy, on two topics
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Broadcast {
    store: EventStore,
    filter: Filter,
    topics: Arc<Topics>,
}

/// How often a listener gets an event that is on several of its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Copies {
    /// Once, with all of them.
    Once,
    /// Once for each of them.
    PerTopic,
}

/// An event on a topic.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// The listener's topics that the event is on, in the order of the event's own; one with [`Copies::PerTopic`].
    pub topics: Vec<String>,
    /// The event, as it is stored.
    pub event: Arc<RecordedEvent>,
}

impl Broadcast {
    /// A broadcast of what this handle sees: one tenant's events, or everybody's. The function names the topics of an
    /// event; it is asked again for each listener, so it should be quick, and always say the same.
    pub fn new(
        store: &EventStore,
        topics: impl Fn(&RecordedEvent) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self { store: store.clone(), filter: Filter::all(), topics: Arc::new(topics) }
    }

    /// Only of events that pass a filter: what does not is not even read.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Listens to topics, from a place in the log on.
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
            wanted: topics.into_iter().map(Into::into).collect(),
            topics: Arc::clone(&self.topics),
            copies,
            source: self.store.subscribe(from, self.filter.clone()).await?,
            waiting: VecDeque::new(),
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

/// What is told on some topics, in the order of the log. Its topics may change at any time.
pub struct Listener {
    wanted: BTreeSet<String>,
    topics: Arc<Topics>,
    copies: Copies,
    source: Subscription,
    waiting: VecDeque<Message>,
}

impl Listener {
    /// The next message; `None` after an error that waiting does not mend.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Message>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Listens to one more topic, of the events that come next; twice is once.
    pub fn subscribe(&mut self, topic: impl Into<String>) {
        self.wanted.insert(topic.into());
    }

    /// Listens to a topic no more. Whether it did.
    pub fn unsubscribe(&mut self, topic: &str) -> bool {
        self.wanted.remove(topic)
    }

    fn distribute(&mut self, event: RecordedEvent) {
        let mut topics = (self.topics)(&event);
        topics.retain(|topic| self.wanted.contains(topic));
        // An event is on a topic once, however often it is said.
        let mut said = BTreeSet::new();
        topics.retain(|topic| said.insert(topic.clone()));
        if topics.is_empty() {
            return;
        }
        let event = Arc::new(event);
        match self.copies {
            Copies::Once => self.waiting.push_back(Message { topics, event }),
            Copies::PerTopic => self.waiting.extend(
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
            if let Some(message) = self.waiting.pop_front() {
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
            .field("topics", &self.wanted)
            .field("copies", &self.copies)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
